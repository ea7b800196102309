// Gathers the pages that nav.json names, and the pictures of docs, below .pages, by their paths in the repository: what VitePress
// reads has to lie beside its packages.
import { cpSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pages, root, staged } from "./pages.mjs";

const pictures = readdirSync(join(root, "docs"), { recursive: true })
  .filter((file) => /\.(png|svg)$/.test(file) && !file.startsWith("site/"))
  .map((file) => join("docs", file));

rmSync(staged, { recursive: true, force: true });
for (const file of [...pages, ...pictures]) cpSync(join(root, file), join(staged, file), { recursive: true });
// What is asked for by its address, and not by a page's Markdown.
cpSync(join(root, "docs/pictures"), join(staged, "public/pictures"), { recursive: true });
cpSync(join(root, "cmd/issuer/internal/playground/page/icon.svg"), join(staged, "public/icon.svg"));
