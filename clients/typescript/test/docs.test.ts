import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, inject, test } from "vitest";

const folder = resolve(import.meta.dirname, "..");
const snippets = join(folder, ".snippets");

beforeAll(() => mkdir(snippets, { recursive: true }));
afterAll(() => rm(snippets, { recursive: true }));

test("what the documentation shows compiles against the built package", async () => {
  const files: string[] = [];
  for (const page of ["README.md", "../../docs/clients.md"]) {
    const text = await readFile(join(folder, page), "utf8");
    for (const [, kind, code] of text.matchAll(/^```(tsx?)\n([\s\S]*?)^```/gm)) {
      files.push(`${files.length}.${kind}`);
      await writeFile(join(snippets, files.at(-1) ?? ""), code ?? "");
    }
  }
  expect(files).toHaveLength(4);
  const config = { extends: "../tsconfig.json", files, compilerOptions: { noUnusedLocals: false } };
  await writeFile(join(snippets, "tsconfig.json"), JSON.stringify(config));
  const compiled = promisify(execFile)(process.execPath, [
    join(folder, "node_modules/typescript/bin/tsc"),
    "-p",
    snippets,
  ]);
  await expect(compiled.catch(({ stdout }) => stdout)).resolves.toEqual({ stdout: "", stderr: "" });
});

test("the lines to try it with issuer dev print what an editor sees", async () => {
  const { url, tenant } = inject("issuer");
  const text = await readFile(join(folder, "../../docs/clients.md"), "utf8");
  const shown = /^```js\n([\s\S]*?)^```/m.exec(text)?.[1] ?? "";
  const program = shown.replaceAll("http://127.0.0.1:8081", tenant).replaceAll("http://127.0.0.1:8080", url);
  const file = join(snippets, "try.mjs");
  await writeFile(file, program);
  const { stdout } = await promisify(execFile)(process.execPath, [file]);
  expect(JSON.parse(stdout).data.orders[0]).toEqual({ id: expect.anything(), region: expect.any(String) });
});

test("the reasons are those of the issuer's README, each once", async () => {
  const readme = await readFile(join(folder, "../../README.md"), "utf8");
  const table = /^## Reasons$([\s\S]*?)^## /m.exec(readme)?.[1] ?? "";
  const known = [...table.matchAll(/^\| \d{3} `\w+` \| `(\w+)` \|/gm)].map(([, reason]) => reason);
  expect(known.length).toBeGreaterThan(40);
  const source = /type IssuerReason =([^;]*);/.exec(await readFile(join(folder, "src/errors.ts"), "utf8"))?.[1] ?? "";
  expect([...source.matchAll(/"(\w+)"/g)].map(([, reason]) => reason).sort()).toEqual(known.sort());
});
