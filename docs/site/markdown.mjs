// What the site does to Markdown that is written for GitHub: links lead to pages of the site or into the repository, and
// drawings are drawn.
import { renderMermaidSVG } from "beautiful-mermaid";
import { relative } from "node:path";
import { follow, staged } from "./pages.mjs";

/** Extends VitePress' markdown-it. */
export function extend(md) {
  md.core.ruler.push("repository-links", (state) => {
    const file = state.env.realPath ?? state.env.path;
    if (!file) return; // a title alone
    const from = relative(staged, file);
    for (const token of state.tokens.flatMap((block) => block.children ?? [])) {
      if (token.type === "link_open") token.attrSet("href", follow(from, token.attrGet("href")));
    }
  });
  const fence = md.renderer.rules.fence;
  md.renderer.rules.fence = (tokens, at, ...rest) =>
    tokens[at].info.trim() === "mermaid" ? drawing(tokens[at].content, above(tokens, at), at) : fence(tokens, at, ...rest);
}

/** The heading that a block stands under. */
function above(tokens, at) {
  const heading = tokens.slice(0, at).findLastIndex((token) => token.type === "heading_open");
  return tokens[heading + 1]?.content ?? "";
}

const narrowest = (drawings) => drawings.reduce((a, b) => (width(b) < width(a) ? b : a));
const width = (svg) => Number(/ width="([\d.]+)"/.exec(svg)[1]);

/** A drawing whose looks are in style.css: a style of its own would be left out by Vue, and would ask for fonts of another host. */
function drawing(source, title, number) {
  const svg = narrowest([source, source.replace(/^flowchart TD/, "flowchart LR")].map((drawn) => renderMermaidSVG(drawn)))
    .replace(/<style>[^]*?<\/style>/, "")
    .replace(/(<svg [^>]*?) style="[^"]*"/, "$1")
    .replace(/(id="|url\(#)/g, `$1drawing${number}-`);
  return `<div class="drawing" tabindex="0" role="img" aria-label="Drawing: ${title.replace(/[^\w ,]/g, "")}" v-pre>${svg}</div>\n`;
}
