import { existsSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { build } from "esbuild";
import { type Browser, chromium } from "playwright-core";
import type { Files } from "./pages.js";

const folder = resolve(import.meta.dirname, "app");

/** The scripts of the test's pages, as a frontend's build makes them. */
export async function scripts(): Promise<Files> {
  const { outputFiles } = await build({
    entryPoints: ["page.ts", "worker.ts", "bridge.ts"].map((file) => join(folder, file)),
    outdir: "/",
    bundle: true,
    format: "esm",
    write: false,
  });
  const files = outputFiles.map(({ path, text }) => [path, { type: "text/javascript", body: text }] as const);
  const page = (script: string) => ({
    type: "text/html",
    body: `<!doctype html><title>app</title><script type="module" src="${script}"></script>`,
  });
  return new Map([["/", page("/page.js")], ["/bridge", page("/bridge.js")], ...files]);
}

/** Starts Chromium without a screen. It has to be installed: a test that lacks it fails. */
export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: executable(),
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
    ],
  });

function executable(): string {
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const onPath = (process.env.PATH ?? "").split(delimiter).flatMap((path) => names.map((name) => join(path, name)));
  const apps = ["Chromium", "Google Chrome"].map((name) => `/Applications/${name}.app/Contents/MacOS/${name}`);
  const found = [...onPath, ...apps].find((path) => existsSync(path));
  if (!found) throw new Error("install Chromium to run this test (make setup does)");
  return found;
}
