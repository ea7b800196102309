// Goes through the playground by the keyboard alone, and has axe look at it. PLAYGROUND is where it is, BROWSER the program of a
// Chromium. The keys must not have been moved before.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { faults, launch, leave, open, radio, says } from "./browser.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

/** Presses Tab until the focus is on what matches, and returns how it shows. */
async function tabTo(page, selector) {
  for (let i = 0; i < 80; i++) {
    await page.keyboard.press("Tab");
    const style = await page.evaluate((wanted) => {
      const at = document.activeElement;
      if (!at?.matches(wanted)) return null;
      const shown = at.matches(".chip input") ? at.nextElementSibling : at.matches(".persona input") ? at.parentElement : at;
      return getComputedStyle(shown).outlineStyle + " " + getComputedStyle(shown).outlineWidth;
    }, selector);
    if (style) return style;
  }
  assert.fail(`Tab does not lead to ${selector}`);
}

test("all of it works by the keyboard alone, and the focus is always seen", async () => {
  const visit = await open(browser);
  const { page } = visit;
  const seen = [];
  const to = async (selector) => seen.push(await tabTo(page, selector));
  await to(".skip");
  await to("input[name=persona]");
  await page.keyboard.press("ArrowRight");
  await says(page, "#entra-from", /crowded/);
  await page.keyboard.press("ArrowLeft");
  await says(page, "#outcome", /Exchanged: editor, reader/);
  await to("#signin");
  await to("#signin-about summary");
  await page.keyboard.press("Enter");
  await says(page, "#signin-text", /authorityMetadata/);
  await to("input[name=scope][value=reader]");
  await page.keyboard.press("Space");
  await says(page, "#outcome", /Exchanged: reader,/);
  await to("input[name=fault]");
  await page.keyboard.press("ArrowRight");
  await says(page, "#outcome", /Refused: token_expired/);
  await page.keyboard.press("ArrowLeft");
  await says(page, "#outcome", /Exchanged: reader,/);
  await to("#hasura .wire");
  await to("#hasura .raw button");
  await to("input[name=which]");
  await page.keyboard.press("ArrowRight");
  await says(page, "#verdicts", /Refuses it/);
  await to("#role");
  await to("#about");
  await page.keyboard.type("service");
  await page.keyboard.press("Enter");
  await says(page, "#why", /service.*not held/);
  await to("#rotate");
  await page.keyboard.press("Enter");
  await says(page, "#ring-says", /Not yet/);
  await to("button[data-pass='3600']");
  await to("#ring-says button");
  await to("#ring summary");
  await page.keyboard.press("Enter");
  await says(page, "#ring tbody", /signs/);
  assert.deepEqual(seen.filter((style) => !/^solid 3px$/.test(style)), []);
  await leave(visit);
});

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing in the ${colorScheme}`, async () => {
    const visit = await open(browser, { colorScheme });
    const { page } = visit;
    assert.deepEqual(await faults(page), []);
    await radio(page, "Claims changed").check();
    await says(page, "#outcome", /Refused/);
    await page.getByLabel("Why not the role").fill("service");
    await page.getByRole("button", { name: "Explain" }).click();
    await page.getByRole("button", { name: "Rotate now" }).click();
    await page.locator("#ring-says p").first().waitFor();
    await page.setViewportSize({ width: 360, height: 740 });
    assert.deepEqual(await faults(page), []);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360, "it is wider than the window");
    await leave(visit);
  });
}

test("nothing moves for whom motion is too much", async () => {
  const moves = async (reducedMotion) => {
    const visit = await open(browser, { reducedMotion });
    const duration = await visit.page.evaluate(() => getComputedStyle(document.querySelector(".timeline .signs")).transitionDuration);
    await leave(visit);
    return duration;
  };
  assert.match(await moves("no-preference"), /0\.5s/);
  assert.doesNotMatch(await moves("reduce"), /[1-9]/);
});
