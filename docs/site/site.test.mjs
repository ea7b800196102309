// node --test: needs none of the packages.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { faults } from "./check.mjs";
import { follow, onSite, pages, repository, root, slug } from "./pages.mjs";
import { kept, wanted } from "./search.mjs";

test("a fault of a site is seen", () => {
  const site = (text) => new Map([[text.startsWith("url") ? "s.css" : "a/b.html", text], ["index.html", '<h1 id="top">'], ["a/p.png", ""]]);
  for (const [text, want] of [
    ['<a href="/">', 0], ['<a href="/#top">', 0], ['<a href="../index.html#top">', 0], ['<a href="https://example.com/">', 0], ['<a href="#x"><p id="x">', 0],
    ['<img src="p.png" alt="A picture">', 0], ['<img src="p.png">', 1], ['<img src="p.png" alt="">', 1], ['<img src="q.png" alt="A picture">', 1],
    ['<a href="/#bottom">', 1], ['<a href="#x">', 1], ['<a href="c.html">', 1], ['<a href="/a/">', 1],
    ['<script src="https://example.com/a.js">', 1], ['<link rel="preconnect" href="//example.com">', 1], ['<iframe src="http://example.com">', 1],
    ['<style>@import url("https://example.com/a")</style>', 1], ["url(/a/p.png)", 0], ["url(https://example.com/font.woff2)", 1], ["url('//example.com/a')", 1],
  ]) assert.equal(faults(site(text)).length, want, text);
});

test("a link of a page leads to a page of the site, or into the repository", () => {
  assert.equal(follow("docs/keys.md", "../README.md#reasons"), "/overview#reasons");
  assert.equal(follow("docs/keys.md", "README.md"), "/contents");
  assert.equal(follow("README.md", "docs/performance"), "/performance/");
  assert.equal(follow("docs/decisions/0001-one-sequence-of-migrations.md", "../../SECURITY.md"), "/security");
  assert.equal(follow("docs/keys.md", "#top"), "#top");
  assert.equal(follow("docs/keys.md", "https://example.com/a.md"), "https://example.com/a.md");
  assert.equal(follow("docs/keys.md", "../go.mod"), `${repository}/blob/main/go.mod`);
  assert.equal(follow("docs/keys.md", "../deploy/policy/"), `${repository}/tree/main/deploy/policy`);
  assert.throws(() => follow("docs/keys.md", "nowhere.md"), /docs\/keys\.md: nothing is at nowhere\.md/);
  assert.throws(() => follow("docs/keys.md", "../../elsewhere"), /nothing is at/);
});

test("a name with underscores is looked for whole, and found by its parts and its ends too", () => {
  assert.deepEqual(wanted("(`no_roles`, `429`) – Größe"), ["no_roles", "429", "Größe"]);
  assert.deepEqual(kept("set ISSUER_ROLES_FILE."), ["set", "ISSUER", "ISSUER_ROLES_FILE", "ROLES", "ROLES_FILE", "FILE"]);
});

test("headings are spelled as GitHub does", () => {
  assert.equal(slug("More than can be answered"), "more-than-can-be-answered");
  assert.equal(slug("Nine: ten -- eleven_12"), "nine-ten----eleven_12");
  assert.equal(slug("1. Start"), "1-start");
});

test("every page is there, has an address of its own, and its links can be followed", () => {
  const addresses = new Set();
  for (const page of pages) {
    addresses.add(onSite(page));
    const prose = readFileSync(join(root, page), "utf8").replace(/^ *```[^]*?^ *```$/gm, "").replace(/`[^`]*`/g, "");
    for (const [, link] of prose.matchAll(/\]\(([^)\s]+)\)/g)) follow(page, link);
  }
  assert.equal(addresses.size, pages.size);
});
