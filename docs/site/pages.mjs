// Which pages the site has, and what becomes of links between them: nav.json is the one list.
import { readFileSync, statSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root, where paths of pages begin. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Where stage.mjs puts the pages, by the same paths. */
export const staged = fileURLToPath(new URL(".pages", import.meta.url));

/** Where the repository's other files are shown. */
export const repository = "https://github.com/hasura-issuer/hasura-issuer";

const nav = JSON.parse(readFileSync(new URL("nav.json", import.meta.url), "utf8"));

/** The pages, by their paths from the root, each once. */
export const pages = new Set(["docs/site/index.md", ...nav.flatMap((group) => group.pages.map(([, page]) => page.split("#")[0]))]);

/** The source of a page as the site's own path: docs/keys.md is keys.md, and README.md of the root is overview.md. */
export function onSite(page) {
  if (page === "docs/site/index.md") return "index.md";
  if (page === "docs/README.md") return "contents.md";
  if (page === "README.md") return "overview.md";
  return page.replace(/^docs\//, "").replace(/README\.md$/, "index.md").toLowerCase();
}

/** The groups at the side of every page, as VitePress wants them. */
export const sidebar = nav.map((group) => ({
  text: group.text,
  collapsed: group.text === "Decisions",
  items: group.pages.map(([text, page]) => ({ text, link: address(page) })),
}));

function address(page) {
  const [path, anchor] = page.split("#");
  return "/" + onSite(path).replace(/(^|\/)index\.md$/, "$1").replace(/\.md$/, "") + (anchor ? "#" + anchor : "");
}

/**
 * Where a link of a page leads on the site: to a page, or to the repository for what is none. What leads elsewhere is left as it
 * is. Throws where nothing is there.
 */
export function follow(from, link) {
  if (/^[a-z]+:/.test(link) || link.startsWith("#")) return link;
  const [path, anchor] = link.split("#");
  const target = posix.join(posix.dirname(from), path).replace(/\/$/, "");
  if (pages.has(target)) return address(anchor ? `${target}#${anchor}` : target);
  if (pages.has(`${target}/README.md`)) return address(`${target}/README.md`);
  const found = statSync(root + target, { throwIfNoEntry: false });
  if (!found || target.startsWith("..")) throw new Error(`${from}: nothing is at ${link}`);
  return `${repository}/${found.isDirectory() ? "tree" : "blob"}/main/${target}${anchor ? "#" + anchor : ""}`;
}

/** A heading as GitHub spells it in an address. */
export const slug = (heading) =>
  heading.trim().toLowerCase().replace(/[^\p{L}\p{N}\-_ ]/gu, "").replaceAll(" ", "-");
