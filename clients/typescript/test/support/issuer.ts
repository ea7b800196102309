import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** A running `issuer dev`. */
export interface RealIssuer {
  url: string;
  tenant: string; // base URL of its fake tenant
}

/** Builds the issuer, or takes the one that TEST_BINARY names. Returns its path, and what removes it. */
export function build(): { binary: string; remove: () => void } {
  const given = process.env.TEST_BINARY;
  if (given) return { binary: resolve(given), remove: () => {} };
  const folder = mkdtempSync(join(tmpdir(), "issuer-"));
  const binary = join(folder, "issuer");
  execFileSync("go", ["build", "-trimpath", "-buildvcs=false", "-o", binary, "./cmd/issuer"], {
    cwd: resolve(import.meta.dirname, "../../../.."),
    env: { ...process.env, CGO_ENABLED: "0" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  return { binary, remove: () => rmSync(folder, { recursive: true }) };
}

/** Starts `issuer dev` on free ports and reads off its first screen where it is. */
export async function start(
  binary: string,
  settings: Record<string, string> = {},
  ...flags: string[]
): Promise<RealIssuer & { stop: () => Promise<void> }> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("ISSUER_"));
  const child = spawn(binary, ["dev", ...flags], {
    env: { ...Object.fromEntries(own), ISSUER_LISTEN: "127.0.0.1:0", ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const screen = await firstScreen(child);
  const after = (mark: string) => new RegExp(`${mark} +(http\\S+)`).exec(screen)?.[1] ?? "";
  const stop = async () => {
    child.kill();
    await ended;
  };
  return { url: after("issuer"), tenant: after("fake tenant"), stop };
}

function firstScreen(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let screen = "";
    let complaints = "";
    child.stdout?.setEncoding("utf8").on("data", (text) => {
      screen += text;
      if (screen.includes("HASURA_GRAPHQL_JWT_SECRET='{")) resolve(screen);
    });
    child.stderr?.setEncoding("utf8").on("data", (text) => {
      complaints = (complaints + text).slice(-4000);
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`issuer dev ended with ${code}: ${complaints}`)));
  });
}
