// Goes through the operators' console of `issuer dev`, with answers of its own where the service would need days to get there.
// CONSOLE is the page, ENTRA the tenant, BROWSER a Chromium.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, leave as leaveClean, open, says, show } from "./browser.mjs";

const { CONSOLE, ENTRA } = process.env;
const tenant = "7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901";
const from = "2001-01-01T00:00:00Z", until = "2999-01-01T00:00:00Z";

let browser, token;
before(async () => {
  browser = await launch();
  token = await (await fetch(`${ENTRA}/personas/operator/token`)).text();
});
after(() => browser?.close());

/** The page before anybody has signed in. Its calls of fetch are kept there, as [path, Authorization]. */
async function gate() {
  const visit = await open(browser, { url: CONSOLE, until: (page) => page.getByLabel("Token").waitFor() });
  await visit.page.evaluate(() => {
    const { fetch } = globalThis;
    globalThis.asked = [];
    globalThis.fetch = (path, init) => {
      globalThis.asked.push([path, init.headers.Authorization]);
      return fetch(path, init);
    };
  });
  return visit;
}

/** Leaves a page in which the browser complained of one refusal at most: that no history is kept. */
function leave(visit) {
  const { seen } = visit;
  const meant = seen.complaints.findIndex((text) => /a status of 409 /.test(text));
  seen.complaints = seen.complaints.filter((_, i) => i !== meant);
  return leaveClean(visit);
}

/** How often the page has asked for what begins like this. */
const asked = (page, path) => page.evaluate((begins) => globalThis.asked.filter(([at]) => at.startsWith(begins)).length, path);
const looks = (page) => asked(page, "/admin/v1/keys");

/** Changes answers on their way to the page. */
const answer = (page, path, change) => page.route(path, async (route) => {
  const response = await route.fetch();
  await route.fulfill({ response, json: change(await response.json()) });
});

/** Signs in, and waits until the first look is over. */
async function enter(page) {
  await show(page, token);
  await page.locator(".timeline .key").first().waitFor();
}

test("a relying party that is late is shown as late, whichever key it holds", async () => {
  const visit = await gate();
  const { page } = visit;
  const party = (name, generation, late) => ({ name, generation, late, fetched_at: generation ? from : null });
  await answer(page, "**/admin/v1/keys", (ring) => ({ ...ring, relying_parties: [party("again", 1, true), party("ever", 0, true), party("young", 0, false), party("well", 1, false)] }));
  await enter(page);
  const states = await page.locator("#parties tbody tr").evaluateAll((rows) => rows.map((row) => [row.querySelector("th").textContent, row.querySelector(".sign").className, row.lastElementChild.textContent]));
  assert.deepEqual(states, [
    ["again", "sign bad", "×late: it should have fetched, or have done so again"],
    ["ever", "sign bad", "×late: it should have fetched, or have done so again"],
    ["young", "sign warm", "!not fetched yet"],
    ["well", "sign good", "✓holds the key that signs"],
  ]);
  await leave(visit);
});

test("keys that are over or still to come are told apart from the one that signs", async () => {
  const visit = await gate();
  const { page } = visit;
  const day = (count) => new Date(Date.UTC(2026, 0, 10) + count * 86_400_000).toISOString();
  const key = (generation, state, begins, more = {}) => ({
    generation, state, kid: `kid-of-number-${generation}`, alg: "RS256", published_at: day(begins - 1), signs_from: day(begins), retires_at: day(begins + 1), dropped_at: day(begins + 1.5), revoked_at: null, ...more,
  });
  await answer(page, "**/admin/v1/keys", (ring) => ({
    ...ring, now: day(0), period_seconds: 2 * 86_400,
    keys: [key(1, "dropped", -2), key(2, "revoked", -0.3, { revoked_at: day(-0.1) }), key(3, "retiring", -1.2), key(4, "signing", -0.2), key(5, "pending", 0.8)],
  }));
  await enter(page);
  const drawn = await page.locator(".timeline").evaluate((drawing) => {
    const now = Number(drawing.querySelector(".now line").getAttribute("x1"));
    return [...drawing.querySelectorAll(".key")].map((row) => {
      const bars = [...row.querySelectorAll("rect")].filter((bar) => bar.getAttribute("visibility") === "visible");
      const runs = bars.filter((bar) => bar.x.baseVal.value < now && now < bar.x.baseVal.value + bar.width.baseVal.value);
      const { opacity, fontWeight } = getComputedStyle(row.querySelector(".name"));
      return [row.textContent, runs.map((bar) => bar.getAttribute("class")).join(), getComputedStyle(row).opacity * opacity < 1 ? "faint" : fontWeight > 400 ? "bold" : ""];
    });
  });
  assert.deepEqual(drawn, [
    ["Key 1 gone", "", "faint"], ["Key 2 revoked", "", "faint"], ["Key 3 retires, still published", "retires", ""], ["Key 4 signs", "signs", "bold"], ["Key 5 published ahead", "ahead", ""],
  ]);
  assert.deepEqual(await page.locator("#ring tbody tr td:nth-child(2)").allTextContents(), ["published ahead", "signs", "retires, still published", "revoked", "gone"]);
  await leave(visit);
});

test("grants that are over or still to come are told apart from those in force", async () => {
  const visit = await gate();
  const { page } = visit;
  const spans = { over: { until: from }, coming: { from: until }, ending: { from, until }, always: {} };
  await answer(page, "**/admin/v1/grants?*", () => ({ grants: Object.entries(spans).map(([role, span]) => ({ tenant, everyone: true, role, ...span })) }));
  await enter(page);
  await says(page, "#grants .list-says", /4 shown/);
  const cells = await page.locator("#grants tbody tr").evaluateAll((rows) => rows.map((row) => {
    const cell = row.querySelector("[data-label='In force']");
    return [row.querySelector("th").textContent, cell.textContent.split(" ")[0], cell.querySelector("span")?.className];
  }));
  assert.deepEqual(cells, [["over", "ended", "standing"], ["coming", "from", "warm"], ["ending", "until", undefined], ["always", "yes", undefined]]);
  await leave(visit);
});

test("Pause ends the looks, also at what is seen again, and Go on begins them anew", async () => {
  const visit = await gate();
  const { page } = visit;
  await page.clock.install();
  await enter(page);
  const first = await looks(page);
  await page.clock.runFor(20_000);
  await page.waitForFunction((before) => globalThis.asked.filter(([at]) => at === "/admin/v1/keys").length > before, first);
  await page.getByRole("button", { name: "Pause" }).click();
  const before = await looks(page);
  await page.clock.runFor(60_000);
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  assert.equal(await looks(page), before);
  await page.getByRole("button", { name: "Go on" }).click();
  assert.ok((await looks(page)) > before, "nothing is looked at at once");
  for (let rounds = 0; rounds < 2; rounds++) {
    const sofar = await looks(page);
    await page.clock.runFor(20_000);
    await page.waitForFunction((count) => globalThis.asked.filter(([at]) => at === "/admin/v1/keys").length > count, sofar);
  }
  await leave(visit);
});

test("who leaves the page takes the token along, so that a browser that keeps the page does not keep it", async () => {
  const visit = await gate();
  const { page } = visit;
  await page.clock.install();
  await enter(page);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true })));
  await says(page, "#sign-in-says", /Signed out/);
  assert.equal(await page.locator("#signed-in").isVisible(), false);
  assert.equal(await page.locator(".timeline .key").count(), 0);
  await page.evaluate(async () => {
    globalThis.asked = [];
    const { ask } = await import("/console/session.js"); // the module that the page has
    await ask("/admin/v1/replica").catch(() => {});
  });
  await page.clock.runFor(60_000);
  assert.deepEqual(await page.evaluate(() => globalThis.asked), [["/admin/v1/replica", "Bearer "]]);
  await enter(page);
  assert.equal(await page.getByRole("button", { name: "Pause" }).isVisible(), true);
  await leave(visit);
});

test("a history that is not kept is asked for once, and the page says so in place of its form", async () => {
  const visit = await gate();
  const { page } = visit;
  for (const again of [false, true]) {
    await enter(page);
    await says(page, "#history .list-says", /^No history of roles is kept here: issuer dev keeps roles in memory and changes none; issuer serve on a database does\.$/);
    await says(page, "#grants .list-says", /shown/);
    assert.equal(await page.getByRole("form", { name: "Search history" }).count(), 0);
    assert.equal(await page.getByRole("form", { name: "Search grants" }).count(), 1);
    assert.equal(await asked(page, "/admin/v1/history"), 1);
    assert.equal(await asked(page, "/admin/v1/grants"), again ? 2 : 1);
    await page.getByRole("button", { name: "Sign out" }).click();
    await says(page, "#sign-in-says", /Signed out/);
    await says(page, "#history .list-says", /^$/);
  }
  await leave(visit);
});
