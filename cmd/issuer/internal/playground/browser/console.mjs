// Goes through the operators' console of a service that runs on a database. CONSOLE and EXCHANGE are its listeners, ENTRA its tenant,
// POLICY a policy that goes when it is told to, PROGRAM the program with the settings of the service around it, BROWSER a Chromium.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { faults, launch, leave, open, says, show } from "./browser.mjs";

const { CONSOLE, EXCHANGE, ENTRA, POLICY, PROGRAM } = process.env;
const exchangeType = "urn:ietf:params:oauth:grant-type:token-exchange";
const tokenType = "urn:ietf:params:oauth:token-type:access_token";
const reader = "11d3e5f7-2a4c-46e8-90b2-d4f6a8c0e101";
const tenant = "7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901";

const tokenOf = async (persona) => (await fetch(`${ENTRA}/personas/${persona}/token`)).text();

async function exchange(persona, more = {}) {
  const body = new URLSearchParams({ grant_type: exchangeType, subject_token_type: tokenType, subject_token: await tokenOf(persona), ...more });
  return (await fetch(`${EXCHANGE}/oauth2/token`, { method: "POST", body })).status;
}

/** Blocks somebody by the operators' API, as another operator would. */
async function block(id, reason) {
  const response = await fetch(`${CONSOLE}/admin/v1/blocks/${tenant}/user:${id}`, {
    method: "PUT", headers: { Authorization: `Bearer ${await tokenOf("operator")}`, "Content-Type": "application/json" }, body: JSON.stringify({ reason }),
  });
  assert.equal(response.status, 201);
}

/** Waits for the next look at the service, which begins at once. */
async function lookAgain(page) {
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("button", { name: "Go on" }).click();
}

/** What the browser says of answers that are meant to be refusals here. */
const meant = /a status of (400|401|403|503) |net::ERR_FAILED/;

const section = (page, id) => page.locator("section", { has: page.locator(`#${id}`) });
/** What is marked as old, and what says why. */
const old = (page) => page.locator("section.stale").evaluateAll((found) => found.map((at) => `${at.getAttribute("aria-labelledby")} ${at.getAttribute("aria-describedby")}`));
const rows = (page, id) => page.locator(`#${id} tbody tr`);

test("an operator sees the service, and nobody else does", async (t) => {
  const browser = await launch();
  t.after(() => browser.close());
  for (const [persona, status] of [["editor", 200], ["editor", 200], ["nobody", 403]]) assert.equal(await exchange(persona), status);
  assert.equal(await exchange("editor", { scope: "owner" }), 400);
  await fetch(`${EXCHANGE}/.well-known/jwks.json?rp=prod`);
  await block(reader, "left");
  const visit = await open(browser, { url: `${CONSOLE}/console/`, until: (page) => page.getByLabel("Token").waitFor() });
  const { page, seen } = visit;

  await t.test("a token that opens nothing is refused, with the reason and what to do", async () => {
    for (const [token, reason] of [["a.wrong.one", "credentials_refused"], [await tokenOf("editor"), "forbidden"]]) {
      await show(page, token);
      await says(page, "#sign-in-says", new RegExp(`Refused: ${reason} 40[13].*What to do: .*X-Request-Id [0-9A-Z]+`));
      assert.equal(await page.getByLabel("Token").inputValue(), "");
      assert.equal(await page.locator("#signed-in").isVisible(), false);
    }
    assert.deepEqual(await faults(page), []);
  });

  await t.test("a token that was not sent goes with the page, and of two that are sent the second counts", async () => {
    await page.getByLabel("Token").fill("not.to.be-kept");
    await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true })));
    assert.equal(await page.getByLabel("Token").inputValue(), "");
    let asked = 0;
    await page.route("**/admin/v1/replica", (route) => { if (++asked > 1) return route.continue(); }); // the first has no answer
    await show(page, "a.slow.one");
    await page.waitForFunction(() => document.querySelector("#token").value === "");
    await show(page, await tokenOf("operator"));
    await says(page, "#replica", /Ready/);
    assert.equal(await page.textContent("#sign-in-says"), "");
    await page.unroute("**/admin/v1/replica");
    await page.getByRole("button", { name: "Sign out" }).click();
  });

  await t.test("health, keys and exchanges are those of the service", async () => {
    await show(page, `bearer ${await tokenOf("operator")}`);
    await says(page, "#replica", /Ready: replica .+ began .+ ago/);
    await says(page, "#health", /keys works.*roles works.*entra works.*redis not in use.*policy works/);
    await page.getByRole("img", { name: /Key 1 signs.*Key 2 is published ahead/ }).waitFor();
    await says(page, "#parties", /prod.*ago.*Key 3.*holds the key that signs.*stage.*never, so far as is known/);
    await says(page, "#exchanges", /granted2refused2failed0.*no_roles.*token.*refused.*1.*give the caller a role.*role_not_granted/);
    await says(page, "#exchanges", /\d in the busiest minute.*door, which is the route by which a request came.*What to dograntedtokengranted2/);
    assert.ok((await page.locator(".bars rect").count()) >= 2);
  });

  await t.test("the token is nowhere but in memory", async () => {
    const kept = await page.evaluate(async () => [localStorage.length, sessionStorage.length, document.cookie, (await indexedDB.databases()).length, document.documentElement.outerHTML]);
    assert.deepEqual(kept.slice(0, 4), [0, 0, "", 0]);
    assert.doesNotMatch(kept[4], /eyJ/);
    assert.equal(page.url(), `${CONSOLE}/console/`);
    assert.deepEqual(seen.requests.filter((url) => url.includes("eyJ")), []);
  });

  await t.test("grants are searched and paged, and stay text", async () => {
    const grants = section(page, "grants");
    await says(page, "#grants .list-says", /50 shown, and there are more/);
    await grants.getByRole("button", { name: "More" }).click();
    await says(page, "#grants .list-says", /62 shown$/);
    await grants.getByRole("textbox", { name: "Role" }).fill("editor");
    await grants.getByRole("button", { name: "Search" }).click();
    await says(page, "#grants .list-says", /1 shown$/);
    await says(page, "#grants tbody", /editor.*group d1000001.*yes.*10.*x-hasura-org-id: 42.*<img src=x onerror=alert\(1\)>/);
    await grants.getByRole("textbox", { name: "Role" }).fill("owner");
    await grants.getByRole("textbox", { name: "Role" }).press("Enter");
    await says(page, "#grants .list-says", /No such grant\./);
    await grants.getByRole("textbox", { name: "Role" }).fill("");
    await grants.getByLabel("Who").selectOption("user");
    await grants.getByLabel("Id").fill("nonsense");
    await grants.getByLabel("Id").press("Enter");
    await says(page, "#grants .list-says", /Refused: request_malformed 400.*GUID/);
    assert.doesNotMatch(await page.textContent("#grants .list-says"), /What to do/); // the sentence says it
    await grants.getByLabel("Id").fill("90000000-0000-4000-8000-000000000007");
    await grants.getByLabel("Id").press("Enter");
    await says(page, "#grants .list-says", /1 shown$/);
    await grants.getByRole("button", { name: /Explain user 90000000/ }).click();
    await says(page, "#explain", /Granted: many.*granted to user 90000000-0000-4000-8000-000000000007 in force/);
  });

  await t.test("blocks, history and why", async () => {
    await says(page, "#blocks tbody", new RegExp(`user ${reader}.*yes.*left`));
    await section(page, "blocks").getByRole("button", { name: `Explain user ${reader}` }).click();
    await says(page, "#explain", /Refused: blocked.*What to do: .*Blocked: user .*left/);
    assert.equal(await page.evaluate(() => document.activeElement?.id), "explain-title");
    assert.equal(await rows(page, "history").count(), 50);
    await says(page, "#history tbody tr:first-child", new RegExp(`63.*block added: user ${reader} \\(left\\).*admin:88eafc02`));
    await section(page, "history").getByRole("textbox", { name: "Role" }).fill("editor");
    await section(page, "history").getByRole("button", { name: "Search" }).click();
    await says(page, "#history .list-says", /1 shown$/);
    await section(page, "explain").getByLabel("Why not the role").fill("editor");
    await section(page, "explain").getByRole("button", { name: "Explain", exact: true }).click();
    await says(page, "#explain", /editor.*not known.*granted to group d1000001/);
    await section(page, "explain").getByLabel("Id").fill("90000000-0000-4000-8000-00000000ffff");
    await section(page, "explain").getByRole("button", { name: "Explain", exact: true }).click();
    await says(page, "#explain", /Not known: no_roles without the caller’s groups.*What to do: name the caller's groups/);
    await section(page, "explain").getByLabel("Groups").fill("d2000002-0000-4000-8000-000000000002");
    await section(page, "explain").getByRole("button", { name: "Explain", exact: true }).click();
    await says(page, "#explain", /(Refused: no_roles|Granted: )/);
  });

  await t.test("the keys move while one looks on", async () => {
    execFileSync(PROGRAM, ["keys", "rotate", "--now", "--force", "--yes"], { stdio: "pipe" });
    await lookAgain(page);
    await page.getByRole("img", { name: /Key 2 signs.*Key 1 has retired and leaves the key set in/ }).waitFor();
    assert.deepEqual(await page.locator(".timeline .key .name").allTextContents(), ["Key 1 retires, still published", "Key 2 signs", "Key 3 published ahead", "Key 4 published ahead"]);
  });

  await t.test("a part that is gone is shown, and what it costs", async () => {
    await fetch(`${POLICY}/down`, { method: "POST" });
    assert.equal(await exchange("editor"), 503);
    await lookAgain(page);
    await says(page, "#health", /policy failed.*see the log/);
    await says(page, "#exchanges", /granted2refused2failed1.*policy_unavailable.*token.*failed/);
    await page.route("**/admin/v1/grants?*", (route) => route.fulfill({ status: 503, json: { reason: "store_unavailable", detail: "The store cannot be asked.", title: "Unavailable" } }));
    await section(page, "grants").getByRole("button", { name: "Search" }).click();
    await says(page, "#grants .list-says", /Failed: store_unavailable 503.*The store cannot be asked.*is Postgres up\?/);
  });

  for (const colorScheme of ["light", "dark"]) {
    await t.test(`axe finds nothing in the ${colorScheme}, nor is it wider than the window`, async () => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: 360, height: 740 });
      assert.deepEqual(await faults(page), []);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
      assert.deepEqual(await page.locator(".scroll:visible:has(.stack)").evaluateAll((tables) => tables.filter((at) => at.scrollWidth > at.clientWidth).map((at) => at.ariaLabel)), []);
      await page.setViewportSize({ width: 1280, height: 900 });
    });
  }

  await t.test("Tab leads through all of it, and the focus is seen", async () => {
    await page.evaluate(() => scrollTo(0, 0));
    await page.locator(".skip").focus();
    const stops = [];
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press("Tab");
      stops.push(await page.evaluate(() => {
        const at = document.activeElement;
        return [at === document.body ? "the end" : at?.id || at?.getAttribute("name") || at?.textContent?.trim() || at?.getAttribute("aria-label"), getComputedStyle(at).outlineStyle];
      }));
    }
    const names = stops.map(([name]) => name);
    for (const name of ["pause", "sign-out", "Health", "History", "The same as a table", "role", "expired", "Search", "tenant", "groups", "Explain"]) assert.ok(names.includes(name), `Tab does not lead to ${name}: ${names}`);
    assert.deepEqual(stops.filter(([name, outline]) => outline !== "solid" && name !== "the end"), []);
  });

  await t.test("a service that does not answer is told from one that refuses", async () => {
    await page.route("**/admin/v1/replica", (route) => route.abort());
    await page.route("**/admin/v1/keys", (route) => route.abort());
    await lookAgain(page);
    await says(page, "#no-answer", /^No answer since \d\d:\d\d:\d\d; what follows was last seen then\.$/);
    await says(page, "#no-answer-why", /unreachable.*does the service run/);
    for (const width of [400, 1280]) { // it stays in sight, and hides nothing that is gone to
      await page.setViewportSize({ width, height: 800 });
      for (const title of ["explain-title", "blocks-title"]) {
        await page.getByRole("navigation").locator(`a[href="#${title}"]`).click();
        const [banner, heading] = [await page.locator("#no-answer").boundingBox(), await page.locator(`#${title}`).boundingBox()];
        assert.ok(banner.y >= 0 && banner.y + banner.height < heading.y && heading.y < 400, `at ${width}: the banner ${JSON.stringify(banner)}, ${title} ${JSON.stringify(heading)}`);
      }
    }
    await page.setViewportSize({ width: 1280, height: 900 });
    const greys = await page.locator("#exchanges .legend rect").evaluateAll((rects) => rects.map((rect) => {
      const [red, green, blue] = getComputedStyle(rect).fill.match(/\d+/g);
      return Math.round(0.2126 * red + 0.7152 * green + 0.0722 * blue); // as the filter makes it
    }));
    assert.ok(Math.abs(greys[0] - greys[1]) > 60 && Math.abs(greys[1] - greys[2]) > 60, `granted, refused and failed are alike in grey: ${greys}`);
    await page.locator("section.stale #keys-title").waitFor();
    assert.equal(await page.locator("#keys-fault").isVisible(), false);
    assert.deepEqual(await old(page), ["health-title no-answer", "keys-title keys-fault", "exchanges-title no-answer"]);
    assert.deepEqual(await faults(page), []);
    await page.unroute("**/admin/v1/replica");
    await lookAgain(page);
    await says(page, "#no-answer", /^$/);
    await says(page, "#no-answer-why", /^$/);
    await says(page, "#keys-fault", /No answer: unreachable.*What follows was last seen at \d\d:\d\d:\d\d\./);
    assert.deepEqual(await old(page), ["keys-title keys-fault"]);
    await page.unroute("**/admin/v1/keys");
    await lookAgain(page);
    await says(page, "#keys-fault", /^$/);
    assert.deepEqual(await old(page), []);
  });

  await t.test("a token that ends takes everything with it", async () => {
    await page.route("**/admin/v1/replica", (route) => route.fulfill({ status: 401, json: { reason: "credentials_refused", title: "Refused" } }));
    await lookAgain(page);
    await says(page, "#sign-in-says", /Refused: credentials_refused 401.*get a fresh token/);
    assert.doesNotMatch(await page.textContent("main"), new RegExp(`${reader}|Key 2|policy_unavailable|editor|d1000001`));
    const typed = () => page.evaluate(() => [...document.querySelectorAll("input:not([type=checkbox])")].map((field) => /** @type {HTMLInputElement} */ (field).value).join(""));
    assert.equal((await typed()) + (await page.locator("#tenants option").count()), "0");
    assert.equal(await section(page, "grants").getByLabel("Id").getAttribute("placeholder"), "choose who first");
    await page.unroute("**/admin/v1/replica");
    await show(page, await tokenOf("operator"));
    await says(page, "#health", /keys works/);
    await page.getByRole("button", { name: "Sign out" }).click();
    await says(page, "#sign-in-says", /Signed out/);
    const before = seen.requests.length;
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    assert.equal(seen.requests.length, before);
  });
  seen.complaints = seen.complaints.filter((text) => !meant.test(text));
  await leave(visit);
});
