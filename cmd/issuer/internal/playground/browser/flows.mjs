// Goes through the playground as people do. PLAYGROUND is where it is, BROWSER the program of a Chromium.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { drawn, launch, leave, open, persona, radio, says } from "./browser.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

test("a persona's token is exchanged, and both are decoded and explained", async () => {
  const visit = await open(browser);
  const { page } = visit;
  await says(page, "#outcome", /Exchanged: editor, reader, for 5 min/);
  await persona(page, "reader").check();
  await says(page, "#outcome", /Exchanged: reader,/);
  await says(page, "#entra", /11d3e5f7-2a4c-46e8-90b2-d4f6a8c0e101.*Who it is: the object id/);
  await says(page, "#hasura", /x-hasura-default-role.*reader.*The role of a request that names none/);
  await says(page, "#hasura", /x-hasura-user-id.*from claim oid/);
  await persona(page, "nobody").check();
  await says(page, "#hasura", /Refused: no_roles.*The caller holds no role.*What to do: .*issuer roles grant/);
  await says(page, "#verdicts", /There is no Hasura token/);
  await persona(page, "crowded").check();
  await says(page, "#entra", /_claim_names/);
  await leave(visit);
});

test("a token is narrowed by scope, to roles that are held alone", async () => {
  const visit = await open(browser);
  const { page } = visit;
  await page.getByRole("checkbox", { name: "reader", exact: true }).check();
  await says(page, "#outcome", /Exchanged: reader,/);
  await says(page, "#why", /editor.*held, left out.*in force, and not asked for by scope/);
  await page.getByRole("checkbox", { name: "service", exact: true }).check();
  await says(page, "#hasura", /Refused: role_not_granted.*What to do/);
  await says(page, "#why", /service.*not held.*somebody else/);
  await says(page, "#request", /scope=reader service/);
  await leave(visit);
});

test("a token is broken by one click, and the reason and its cure are shown", async () => {
  const visit = await open(browser);
  const { page } = visit;
  for (const [name, reason, mark] of [
    ["Expired", "token_expired", "exp"], ["For Microsoft Graph", "graph_token", "aud"], ["Claims changed", "signature_invalid", "roles"],
    ["alg none", "algorithm_not_allowed", "alg"], ["Bearer in front", "token_malformed", ""], ["ID token", "id_token", "azp"], ["Without oid", "claim_missing", "oid"],
  ]) {
    await radio(page, name).check();
    await says(page, "#outcome", new RegExp(`Refused: ${reason}`));
    await says(page, "#hasura", new RegExp(`${reason}.*What to do: .+`));
    const marked = await page.locator("#entra .changed th code").allTextContents();
    assert.ok(mark ? marked.includes(mark) : marked.length === 0, `${name} marks ${marked}`);
    await says(page, "#why", new RegExp(`Refused: ${reason}`));
  }
  await radio(page, "Whole").check();
  await says(page, "#outcome", /Exchanged: editor, reader/);
  assert.equal(await page.locator("#entra .changed").count(), 0);
  await leave(visit);
});

for (const [width, height] of [[1280, 900], [400, 800]]) {
  test(`the outcome is in sight of each choice at ${width} pixels`, async () => {
    const visit = await open(browser, { width, height });
    const { page } = visit;
    const seen = async (chosen, pattern) => {
      await says(page, "#result", pattern);
      const [result, choice] = [await page.locator("#result").boundingBox(), await chosen.boundingBox()];
      assert.ok(result.y >= 0 && result.y + result.height <= height && choice.y >= 0 && choice.y < result.y, `${JSON.stringify(result)} for ${JSON.stringify(choice)}`);
    };
    await seen(persona(page, "editor"), /✓editor gets editor, reader\. See the tokens/);
    await persona(page, "nobody").check();
    await seen(persona(page, "nobody"), /×nobody is refused: no_roles\. See why/);
    await radio(page, "Expired").check();
    await seen(radio(page, "Expired"), /×nobody \(Expired\) is refused: token_expired\. See why/);
    await page.getByRole("link", { name: "See why" }).click();
    await page.waitForFunction(() => document.activeElement?.id === "tokens-title");
    assert.equal(await page.locator("#tokens-title").evaluate((title) => title.getBoundingClientRect().top >= 0 && title.getBoundingClientRect().bottom < innerHeight / 2), true);
    await leave(visit);
  });
}

test("where issuer dev is gone, that is said near the choice, and no earlier token stays", async () => {
  const { page } = await open(browser);
  await page.route("**/playground/api/**", (route) => route.abort());
  await persona(page, "reader").check();
  await says(page, "#result", /^This did not work: issuer dev does not answer\. Does it still run\?$/);
  await says(page, "#outcome", /issuer dev does not answer/);
  const left = await page.locator("#entra, #entra-from, #hasura, #request, #verdicts, #why").evaluateAll((places) => places.filter((at) => at.textContent).map((at) => at.id));
  assert.deepEqual(left, []);
  await page.getByRole("button", { name: "Let an hour pass" }).click();
  await says(page, "#ring-says", /issuer dev does not answer/);
  await page.unroute("**/playground/api/**");
  await persona(page, "editor").check();
  await says(page, "#verdicts", /Serves it as editor/);
  await page.context().close(); // the browser complains of what was refused
});

test("no table is cut off at 400 pixels", async () => {
  const visit = await open(browser, { width: 400 });
  const { page } = visit;
  await page.locator("#ring summary").click();
  for (const name of ["Session variables", "Keys"]) {
    const table = page.getByRole("group", { name });
    assert.ok((await table.boundingBox()).width > 200, name);
    assert.equal(await table.evaluate((at) => at.scrollWidth - at.clientWidth), 0, `${name} is wider than its place`);
  }
  await leave(visit);
});

test("the names of the keys cover the line of now, which covers the bars", async () => {
  const visit = await open(browser);
  const keys = await visit.page.locator(".timeline .key").evaluateAll((rows) => rows.map((row) => {
    const { paintOrder, stroke, strokeWidth } = getComputedStyle(row.lastElementChild);
    return [[...row.children].map((part) => part.getAttribute("class")).join(" "), paintOrder, parseFloat(strokeWidth) > 3, stroke === getComputedStyle(row.closest(".card")).backgroundColor];
  }));
  assert.ok(keys.length > 2);
  for (const key of keys) assert.deepEqual(key, ["ahead signs retires moment name", "stroke", true, true]);
  await leave(visit);
});

test("a token that has ended while one looks on says so", async () => {
  const visit = await open(browser);
  const { page } = visit;
  assert.equal(await page.locator(".ended:visible").count(), 0);
  await page.route("**/playground/api/keys", async (route) => {
    const response = await route.fetch();
    const ring = await response.json();
    await route.fulfill({ response, json: { ...ring, now: new Date(Date.parse(ring.now) + 600_000).toISOString() } });
  });
  await says(page, ".ended", /^This Hasura token has ended\.Exchange anew$/);
  await page.unroute("**/playground/api/keys");
  const first = await page.textContent("#hasura .wire");
  await page.getByRole("button", { name: "Exchange anew" }).first().click();
  await page.waitForFunction((before) => document.querySelector("#hasura .wire")?.textContent !== before, first);
  assert.equal(await page.locator(".ended:visible").count(), 0);
  await leave(visit);
});

test("both engines say what they would", async () => {
  const visit = await open(browser);
  const { page } = visit;
  await says(page, "#verdicts", /Hasura v2.*Serves it as editor.*x-hasura-org-id.*42.*Hasura v3 \(DDN\).*Serves it as editor.*ISSUER_ARRAY_FORMAT=json/);
  await page.getByLabel("X-Hasura-Role").selectOption("reader");
  await says(page, "#verdicts", /Serves it as reader.*Serves it as reader/);
  await page.getByLabel("X-Hasura-Role").selectOption("guest");
  await says(page, "#verdicts", /Refuses it.*Your requested role is not in allowed roles.*Refuses it/);
  await page.getByLabel("X-Hasura-Role").selectOption("");
  await radio(page, "the same, claims altered").check();
  await says(page, "#verdicts", /JWSInvalidSignature.*invalid-jwt.*InvalidSignature/);
  await radio(page, "the Entra token itself").check();
  await says(page, "#verdicts", /JWTNotInIssuer.*No matching JWK/);
  await leave(visit);
});

test("why a role is missing is explained", async () => {
  const visit = await open(browser);
  const { page } = visit;
  await persona(page, "reader").check();
  await page.getByLabel("Why not the role").fill("editor");
  await page.getByRole("button", { name: "Explain" }).click();
  await says(page, "#why", /Granted: reader.*App roles.*Hasura\.Reader.*editor.*not held.*granted to group d1000001.*the caller is not in this group/);
  await page.getByLabel("Why not the role").fill("owner");
  await page.getByLabel("Why not the role").press("Enter");
  await says(page, "#why", /owner.*not held.*no grant of it in this tenant/);
  await leave(visit);
});

test("somebody signs in through MSAL.js, and renews", async () => {
  const visit = await open(browser);
  const { page, seen } = visit;
  assert.deepEqual(seen.requests.filter((url) => url.includes("msal")), [], "MSAL.js is loaded before anybody wants it");
  await page.getByRole("button", { name: "Sign in with MSAL.js" }).click();
  await page.getByRole("link", { name: /alice@contoso\.example/ }).click();
  await drawn(page);
  await says(page, "#signin-says", /Signed in as alice@contoso\.example/);
  await says(page, "#entra-from", /by MSAL\.js, alice/);
  await says(page, "#outcome", /Exchanged: reader,/);
  const first = await page.textContent("#entra .wire");
  await page.getByRole("button", { name: "Renew silently" }).click();
  await says(page, "#signin-says", /Renewed without a word/);
  await page.waitForFunction((before) => document.querySelector("#entra .wire")?.textContent !== before, first);
  assert.equal(page.url(), `${process.env.PLAYGROUND}/`);
  const redeemed = seen.requests.filter((url) => new URL(url).pathname.endsWith("/oauth2/v2.0/token"));
  assert.equal(redeemed.length, 2, "a code and a refresh token");
  await radio(page, "Expired").check();
  await says(page, "#outcome", /Refused: token_expired/);
  await persona(page, "editor").check();
  await says(page, "#entra-from", /^editor, broken: Expired$/);
  await leave(visit);
});

test("who comes back without having signed in is told", async () => {
  const { page } = await open(browser);
  await page.goto(`${process.env.PLAYGROUND}/#error=access_denied&error_description=no&state=made-up`);
  await page.reload();
  await says(page, "#outcome", /This did not work/);
  assert.equal(new URL(page.url()).hash, "");
  await page.context().close();
});

test("the keys are rotated while one looks on", async () => {
  const visit = await open(browser);
  const { page } = visit;
  const drawing = page.getByRole("img", { name: /Key 1 signs/ });
  await drawing.waitFor();
  await page.getByRole("button", { name: "Rotate now" }).click();
  await says(page, "#ring-says", /Not yet: the next key was not published for long enough.*Rotate all the same/);
  await page.getByRole("button", { name: "Let an hour pass" }).click();
  await says(page, "#clock", /1 h ahead.*Only a restart of issuer dev sets it back/);
  await says(page, "[aria-labelledby=tokens-title] .ended", /By the keys’ clock, which was set 1 h forward, this Hasura token has ended\. .*true time.*Exchange anew/);
  await page.getByRole("button", { name: "Rotate now" }).click();
  await says(page, "#ring-says", /Key 2 signs now\. Published ahead: 3 and 4/);
  await page.getByRole("img", { name: /Key 2 signs.*Key 1 has retired and leaves the key set in/ }).waitFor();
  assert.deepEqual(await page.locator(".timeline .key .name").allTextContents(), ["Key 1 retires, still published", "Key 2 signs", "Key 3 published ahead", "Key 4 published ahead"]);
  await says(page, "#verdicts", /Serves it as editor.*Serves it as editor/); // by the key that has retired
  const elsewhere = await open(browser);
  for (const ahead of [/1 d 1 h ahead/, /2 d 1 h ahead/]) {
    await elsewhere.page.getByRole("button", { name: "Let a day pass" }).click();
    await says(elsewhere.page, "#clock", ahead);
  }
  await page.getByRole("img", { name: /Key 3 signs/ }).waitFor(); // which nobody told this page
  await elsewhere.page.context().close();
  await says(page, "#ring .legend", /published ahead/);
  await page.getByRole("button", { name: "Rotate now" }).click();
  await says(page, "#ring-says", /Key 4 signs now\. Published ahead: 5 and 6/);
  await says(page, "#verdicts", /Refuses it.*JWSInvalidSignature.*Refuses it/); // the key of the first token is gone
  for (const step of ["tokens-title", "verdict-title", "keys-title"]) await says(page, `[aria-labelledby=${step}] .ended`, /set 2 d 1 h forward, this Hasura token has ended/);
  await page.locator("[aria-labelledby=keys-title]").getByRole("button", { name: "Exchange anew" }).click();
  await says(page, "#verdicts", /Serves it as editor.*Serves it as editor/);
  assert.equal(await page.locator(".ended:visible").count(), 0);
  await page.reload(); // the clock stays ahead, and a token of now is good all the same
  await drawn(page);
  await says(page, "#clock", /2 d 1 h ahead/);
  await says(page, "#verdicts", /Serves it as editor.*Serves it as editor/);
  for (let look = 0; look < 2; look++) await page.waitForResponse("**/playground/api/keys"); // the second one is asked for when the first is drawn
  assert.equal(await page.locator(".ended:visible").count(), 0);
  await leave(visit);
});
