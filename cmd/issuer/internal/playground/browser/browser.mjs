// A browser to go through the playground with, and what every look at it has in common.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** A headless browser of the machine; BROWSER names its program. */
export const launch = () => chromium.launch({ executablePath: process.env.BROWSER, args: flags });

/**
 * The playground, or another page by its address, in a tab of its own, once all of it is drawn. What the tab asks for and complains
 * about is kept in seen.
 */
export async function open(browser, { width = 1280, height = 900, colorScheme = "light", reducedMotion = "reduce", path = "/", url = process.env.PLAYGROUND + path, until = drawn } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, reducedMotion, locale: "en-GB", timezoneId: "UTC", ignoreHTTPSErrors: process.env.TRUST === "all" });
  context.setDefaultTimeout(90_000); // far above what anything takes: it only ends what hangs
  const page = await context.newPage();
  const seen = { requests: [], complaints: [] };
  page.on("request", (request) => seen.requests.push(request.url()));
  page.on("console", (message) => { if (message.type() === "error" || message.type() === "warning") seen.complaints.push(message.text()); });
  page.on("pageerror", (error) => seen.complaints.push(error.message));
  await page.goto(url);
  await until(page);
  return { page, seen };
}

/** Waits until the page has its first answers. */
export async function drawn(page) {
  await page.locator("#verdicts > *").first().waitFor();
  await page.locator(".timeline .key").first().waitFor();
}

/** What axe finds wrong with the page as it is, one line for each. Everything that can be unfolded is. */
export async function faults(page) {
  await page.evaluate(() => { for (const details of document.querySelectorAll("details")) details.open = true; });
  await page.evaluate(axe); // not as a script of the page, which its policy forbids
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return violations.flatMap((v) => v.nodes.map((node) => `${v.id}: ${node.target.join(" ")}: ${node.failureSummary}`));
}

/** Waits until an element says this. */
export async function says(page, selector, pattern) {
  await page.waitForFunction(([where, source]) => new RegExp(source, "s").test(document.querySelector(where)?.textContent ?? ""), [selector, pattern.source])
    .catch(async () => assert.match(await page.textContent(selector), pattern));
}

/** Shows the console a token. */
export async function show(page, token) {
  await page.getByLabel("Token").fill(token);
  await page.keyboard.press("Enter");
}

/** What every visit has to leave behind: nothing was asked of another machine, and the browser has nothing to complain about. */
export async function leave({ page, seen }) {
  assert.deepEqual(seen.requests.filter((url) => new URL(url).hostname !== "127.0.0.1"), []);
  assert.deepEqual(seen.complaints, []);
  await page.context().close();
}

/** A choice by its name. */
export const radio = (page, name) => page.getByRole("radio", { name, exact: true });
/** The choice of a persona. */
export const persona = (page, name) => page.locator(`input[name=persona][value=${name}]`);
