// Looks at a built site: node check.mjs FOLDER. It fails where a page loads something from another host, or links to what is not
// there, an anchor included.
import { readFileSync, readdirSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";

const base = process.env.SITE_BASE ?? "/";
const foreign = /^(https?:)?\/\//;

/** What is wrong with a site, by the text of each file and its path in the site: a list of sentences. */
export function faults(files) {
  const found = [];
  for (const [path, text] of files) {
    if (/(url\(|@import )\s*["']?(https?:)?\/\//.test(text)) found.push(`${path} has a style of another host`);
    if (!path.endsWith(".html")) continue;
    for (const [tag, element] of text.matchAll(/<([a-z]+)\b[^>]*>/g)) {
      if (element === "img" && !/\salt="[^"]+"/.test(tag)) found.push(`${path}: a picture without words: ${tag}`);
      for (const [, link] of tag.matchAll(/\s(?:href|src|srcset|poster|data|action)="([^"]*)"/g)) {
        const fault = foreign.test(link) ? element !== "a" && "is on another host" : dead(path, link, files);
        if (fault) found.push(`${path}: <${element}> ${link} ${fault}`);
      }
    }
  }
  return found;
}

/** Why a link within the site leads nowhere; "" where it leads somewhere. */
function dead(from, link, files) {
  if (/^(mailto|data):/.test(link)) return "";
  const [path, anchor] = link.replaceAll("&amp;", "&").split("#").map(decodeURIComponent);
  let to = path.startsWith(base) ? path.slice(base.length) : path && posix.join(posix.dirname(from), path);
  if (path === "") to = from;
  else if (to === "" || to.endsWith("/")) to += "index.html";
  if (!files.has(to)) return "is not there";
  return anchor && !files.get(to).includes(` id="${anchor}"`) ? "has no such place" : "";
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2];
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const files = new Map(names.map((entry) => {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    return [path.slice(join(folder, "/").length), /\.(html|css)$/.test(path) ? readFileSync(path, "utf8") : ""];
  }));
  const found = faults(files);
  for (const fault of found) console.error(fault);
  const pages = [...files.keys()].filter((path) => path.endsWith(".html")).length;
  console.log(`${pages} pages, ${found.length} faults`);
  process.exit(found.length > 0 || pages < 40 ? 1 : 0);
}
