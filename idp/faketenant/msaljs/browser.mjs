// Signs in to a tenant with MSAL for browsers, by redirect, renews silently, and prints what came of it as JSON. What the
// library needs of a browser is stood in for: storage, a location, and a fetch that adds the Origin header. Standard
// input is a JSON object: authority, scope, spa.
import { readFileSync } from "node:fs";

const given = JSON.parse(readFileSync(0, "utf8"));
const redirectUri = "http://localhost:3000/";

class Storage {
  #items = new Map();
  get length() { return this.#items.size; }
  key(i) { return [...this.#items.keys()][i] ?? null; }
  getItem(name) { return this.#items.get(name) ?? null; }
  setItem(name, value) { this.#items.set(name, String(value)); }
  removeItem(name) { this.#items.delete(name); }
  clear() { this.#items.clear(); }
}

const plainFetch = globalThis.fetch;
const requests = [];
const browser = {
  location: new URL(redirectUri),
  sessionStorage: new Storage(),
  localStorage: new Storage(),
  history: { replaceState(_state, _title, url) { browser.location.href = new URL(url, browser.location).href; } },
  document: { cookie: "", addEventListener() {}, removeEventListener() {}, querySelectorAll: () => [], head: { appendChild() {} }, createElement: () => ({}) },
  addEventListener() {},
  removeEventListener() {},
  fetch(url, options) {
    requests.push(`${options?.method ?? "GET"} ${new URL(url).pathname}`);
    const headers = new Headers(options?.headers);
    headers.set("Origin", new URL(redirectUri).origin);
    return plainFetch(url, { ...options, headers });
  },
};
browser.parent = browser.top = browser.self = globalThis;
for (const [name, value] of Object.entries(browser)) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
globalThis.window = globalThis.parent = globalThis.top = globalThis;

const { createStandardPublicClientApplication } = await import("@azure/msal-browser");

let signInURL;
const newApp = () => createStandardPublicClientApplication({
  auth: {
    clientId: given.spa, authority: given.authority, knownAuthorities: [new URL(given.authority).host], redirectUri,
    onRedirectNavigate(url) { signInURL = url; return false; },
  },
  cache: { cacheLocation: "sessionStorage" },
});
const claimsOf = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
const summary = (result) => ({
  oid: claimsOf(result.accessToken).oid,
  aud: claimsOf(result.accessToken).aud,
  scopes: result.scopes.map((s) => s.toLowerCase()).sort(),
  account: result.account.homeAccountId,
  fromCache: result.fromCache,
});

const before = await newApp();
await before.loginRedirect({ scopes: [given.scope], loginHint: "editor" });
const back = (await plainFetch(signInURL, { redirect: "manual" })).headers.get("location");

browser.location.href = back;
const after = await newApp();
const redirected = await after.handleRedirectPromise();
const silent = (forceRefresh) => after.acquireTokenSilent({ scopes: [given.scope], account: redirected.account, forceRefresh });
process.stdout.write(JSON.stringify({
  mode: back.startsWith(redirectUri + "#") ? "fragment" : "query",
  code: summary(redirected),
  cached: summary(await silent(false)),
  renewed: summary(await silent(true)),
  requests,
}), () => process.exit(0)); // the library leaves channels between windows open
