import { defineConfig } from "vitepress";
import { extend } from "../markdown.mjs";
import { onSite, repository, sidebar, slug, staged } from "../pages.mjs";
import { kept, wanted } from "../search.mjs";

// The sources are the repository's own pages, where they lie. SITE_BASE is the path that the site is put under.
const base = process.env.SITE_BASE ?? "/";

export default defineConfig({
  title: "hasura-issuer",
  description: "Exchanges Microsoft Entra tokens for short-lived tokens that Hasura trusts",
  lang: "en",
  head: [["link", { rel: "icon", type: "image/svg+xml", href: base + "icon.svg" }]],
  base,
  srcDir: staged,
  rewrites: onSite,
  outDir: "dist",
  cacheDir: ".cache",
  metaChunk: true,
  markdown: { config: extend, anchor: { slugify: slug }, languageAlias: { rego: "python" } },
  themeConfig: {
    sidebar,
    nav: [
      { text: "Tutorial", link: "/tutorial" },
      { text: "Reasons and cures", link: "/overview#reasons" },
      { text: "Settings", link: "/overview#settings" },
      { text: "Runbook", link: "/runbook" },
      { text: "Repository", link: repository }, // not as an icon: the theme asks another host for those that it lacks
    ],
    outline: [2, 3],
    search: { provider: "local", options: { miniSearch: { options: { tokenize: kept }, searchOptions: { tokenize: wanted } } } },
    footer: { message: "Apache-2.0" },
  },
});
