import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, inject, test } from "vitest";

const folder = resolve(import.meta.dirname, "..");

/** Bundles code that uses the built package, as an app's build does. */
async function bundle(code: string): Promise<{ text: string; imports: string[] }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: folder },
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
    metafile: true,
    logLevel: "error",
    packages: "external",
    alias: Object.fromEntries(paths.map((path) => [join("hasura-issuer", path), `./dist/${path || "index"}.js`])),
  });
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports.map(({ path }) => path));
  return { text: outputFiles[0]?.text ?? "", imports: [...new Set(imports)].sort() };
}

const paths = ["fetch", "msal", "graphql-ws", "apollo", "urql", "react", ""];

/** Words that only the sub-paths have. */
const others = /invalid-jwt|acquireToken|Authorization|Client Restart|useState|setContext/;

test("the core is less than 3 kB, stands alone, and has nothing of the rest", async () => {
  const { text, imports } = await bundle(
    'import { createTokenSource } from "hasura-issuer"; console.log(createTokenSource)',
  );
  expect(gzipSync(text, { level: 9 }).length).toBeLessThan(3000);
  expect(imports).toEqual([]);
  expect(text).not.toMatch(others);
  expect(
    (await bundle(paths.map((path) => `export * from "${join("hasura-issuer", path)}";`).join("\n"))).text,
  ).toMatch(others);
});

test.each([
  ["fetch", []],
  ["msal", []],
  ["graphql-ws", []],
  ["apollo", ["@apollo/client"]],
  ["urql", ["@urql/core", "wonka"]],
  ["react", ["react"]],
])("hasura-issuer/%s needs %j, and brings no second core", async (path, needed) => {
  const { text, imports } = await bundle(`export * from "hasura-issuer/${path}"`);
  expect(imports).toEqual(needed);
  expect(text).not.toContain("token-exchange");
  expect(gzipSync(text, { level: 9 }).length).toBeLessThan(1200);
});

test("what is imported and not used leaves nothing behind", async () => {
  const { text } = await bundle(paths.map((path) => `import "${join("hasura-issuer", path)}";`).join("\n"));
  expect(text).toBe("");
});

test("every optional peer is one that a sub-path imports, and every sub-path is built", async () => {
  const { exports, peerDependencies, peerDependenciesMeta } = JSON.parse(
    await readFile(join(folder, "package.json"), "utf8"),
  );
  expect(Object.keys(peerDependencies).sort()).toEqual([
    "@apollo/client",
    "@urql/core",
    "graphql-ws",
    "react",
    "wonka",
  ]);
  expect(peerDependenciesMeta).toEqual(
    Object.fromEntries(Object.keys(peerDependencies).map((name) => [name, { optional: true }])),
  );
  for (const path of paths) {
    const { types, default: code } = exports[path ? `./${path}` : "."];
    await Promise.all([types, code].map((file) => readFile(join(folder, file))));
  }
});

test("Node ends when a program has its token, whatever would be renewed later", async () => {
  const { url, tenant } = inject("issuer");
  const program = `
    import { createTokenSource } from "hasura-issuer";
    const source = createTokenSource({
      issuer: ${JSON.stringify(url)},
      getSubjectToken: async () => (await fetch(${JSON.stringify(`${tenant}/personas/reader/token`)})).text(),
    });
    source.subscribe(() => {});
    await source.getToken();
    console.log((await source.getToken()).roles);
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: folder,
  });
  expect(stdout).toBe("[ 'reader' ]\n");
});
