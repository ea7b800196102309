import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import type { Tools } from "./support/app/page.js";
import { launch, scripts } from "./support/browser.js";
import { startHasura } from "./support/hasura.js";
import { type RealIssuer, start } from "./support/issuer.js";
import { servePages } from "./support/pages.js";
import { claimsOf, personaToken } from "./support/persona.js";

declare const tools: Tools; // in the page

const stops: (() => Promise<unknown>)[] = [];
let browser: Browser;
let app: string; // the origin that the issuers know
let stranger: string; // one that they do not
let open: RealIssuer;
let limited: RealIssuer;
let secure: RealIssuer; // its tenant speaks TLS, as MSAL.js wants it

beforeAll(async () => {
  const files = await scripts();
  const pages = await Promise.all([servePages(files), servePages(files)]);
  [app, stranger] = pages.map(({ origin }) => origin) as [string, string];
  const folder = await mkdtemp(join(tmpdir(), "issuer-ca-"));
  const settings = { ISSUER_CORS_ORIGINS: app };
  const binary = inject("binary");
  const issuers = await Promise.all([
    start(binary, settings),
    start(binary, { ...settings, ISSUER_RATE_LIMIT_SUBJECT: "1/m" }),
    start(binary, settings, "--tls", join(folder, "ca.pem")),
  ]);
  [open, limited, secure] = issuers;
  for (const [name, { tenant }] of Object.entries({ open, limited })) {
    files.set(`/subject/${name}`, { type: "text/plain", body: () => personaToken(tenant, "editor") });
  }
  browser = await launch();
  stops.push(
    () => browser.close(),
    ...[...pages, ...issuers].map(({ stop }) => stop),
    () => rm(folder, { recursive: true }),
  );
});
afterAll(() => Promise.all(stops.map((stop) => stop())));

let page: Page;
beforeEach(async () => {
  page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
  await page.goto(app);
});
afterEach(() => page.context().close());

/** Gets a token in the page, and again `times`, each time as if Hasura had refused the last one. */
const getToken = (issuer: string, subject: string, times = 1) =>
  page.evaluate(
    async ([issuer, subject, times]) => {
      const getSubjectToken = async () => (await fetch(subject)).text();
      const source = tools.createTokenSource({ issuer, getSubjectToken, patience: 0 });
      try {
        let token = await source.getToken();
        while (--times > 0) token = await source.renew(token.accessToken);
        return { accessToken: token.accessToken, roles: token.roles };
      } catch (error) {
        const { reason, retryAfter, requestId } = error as import("../src/index.js").TokenError;
        return { reason, retryAfter, requestId };
      }
    },
    [issuer, subject, times] as const,
  );

describe("a page of an origin that the issuer knows", () => {
  test("exchanges, and keeps nothing that outlives the page", async () => {
    const first = await getToken(open.url, "/subject/open");
    expect(first.roles).toEqual(["editor", "reader"]);
    await page.reload();
    const kept = await page.evaluate(async () => ({
      cookie: document.cookie,
      storage: [localStorage.length, sessionStorage.length],
      databases: await indexedDB.databases(),
      caches: await caches.keys(),
    }));
    expect(kept).toEqual({ cookie: "", storage: [0, 0], databases: [], caches: [] });
    const second = await getToken(open.url, "/subject/open");
    expect(second.roles).toEqual(["editor", "reader"]);
    expect(second.accessToken).not.toBe(first.accessToken);
  });

  test("reads the headers that say when to come back, and whom to ask", async () => {
    expect(await getToken(limited.url, "/subject/limited", 2)).toEqual({
      reason: "rate_limited",
      retryAfter: expect.any(Number),
      requestId: expect.stringMatching(/./),
    });
  });

  test("needs no preflight", async () => {
    const session = await page.context().newCDPSession(page);
    const methods: string[] = [];
    session.on("Network.requestWillBeSent", ({ request }) => {
      if (request.url.startsWith(open.url)) methods.push(request.method);
    });
    await session.send("Network.enable");
    await getToken(open.url, "/subject/open");
    expect(methods).toEqual(["POST"]);
  });

  test.each([2, 3] as const)(
    "asks Hasura v%i, and again with a new token where it refuses the first",
    async (version) => {
      const hasura = await startHasura(open.url, version);
      stops.push(hasura.stop);
      hasura.refuseFirst = true;
      const answer = await page.evaluate(
        async ([issuer, subject, url]) => {
          const source = tools.createTokenSource({
            issuer,
            getSubjectToken: async () => (await fetch(subject)).text(),
          });
          const body = JSON.stringify({ query: "{ hello }" });
          const headers = { "content-type": "application/json" };
          return (await tools.createFetch(source, { url })(url, { method: "POST", headers, body })).json();
        },
        [open.url, "/subject/open", hasura.url] as const,
      );
      expect(answer).toEqual({ data: { hello: "world" } });
      expect(hasura.asked.map(({ query }) => query)).toEqual(["{ hello }", "{ hello }"]);
    },
  );

  test("has workers that do the same", async () => {
    const said = await page.evaluate(
      ([issuer, subject]) =>
        new Promise((resolve, reject) => {
          const worker = new Worker("/worker.js", { type: "module" });
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = reject;
          worker.postMessage({ issuer, subject });
        }),
      [open.url, `${app}/subject/open`] as const,
    );
    expect(said).toEqual({ roles: ["editor", "reader"], same: true });
  });
});

test("a page of another origin is not told why", async () => {
  await page.goto(stranger);
  expect(await getToken(open.url, "/subject/open")).toMatchObject({ reason: "issuer_unreachable" });
});

describe("with MSAL.js", () => {
  /** Gets a token for whom MSAL.js signs in, and again where that is asked for, as if Hasura had refused the first. */
  const signIn = (interaction: "redirect" | "popup", path: string, again = false) =>
    page.evaluate(
      async ([issuer, authority, interaction, redirectUri, again]) => {
        const clientId = "0a9b8c7d-6e5f-4a3b-8c1d-2e3f4a5b6c22";
        const msal = await tools.createStandardPublicClientApplication({
          auth: { clientId, authority, knownAuthorities: [new URL(authority).host], redirectUri },
        });
        await msal.handleRedirectPromise();
        const scopes = ["api://b1c2d3e4-5f60-4718-92a3-c4d5e6f70811/access_as_user"];
        const getSubjectToken = tools.msalSubjectToken(msal, { scopes, interaction });
        const source = tools.createTokenSource({ issuer, getSubjectToken });
        const { accessToken } = await source.getToken();
        return again ? (await source.renew(accessToken)).accessToken : accessToken;
      },
      [secure.url, `${secure.tenant}/7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901`, interaction, app + path, again] as const,
    );
  const defaultRole = (token: string) =>
    Object(claimsOf(token)["https://hasura.io/jwt/claims"])["x-hasura-default-role"];

  test("a page goes to sign in where it has to, and comes back to a token", async () => {
    const gone = signIn("redirect", "/").catch(() => {}); // with the page
    await page.getByRole("link", { name: "editor" }).click();
    await page.waitForURL((url) => url.origin === app);
    await gone;
    expect(defaultRole(await signIn("redirect", "/"))).toBe("editor");
  });

  test("or it has a popup do it, once", async () => {
    const popups: Page[] = [];
    page.on("popup", (popup) => {
      popups.push(popup);
      void popup.getByRole("link", { name: "reader" }).click();
    });
    expect(defaultRole(await signIn("popup", "/bridge", true))).toBe("reader");
    expect(popups).toHaveLength(1);
  });
});
