// Asks a tenant for tokens with MSAL for Node.js, as a desktop program, as a page's stand-in and as a server, and prints
// what came of it as JSON. Standard input is a JSON object: authority, scope, native, spa, api, secret, assertion.
import { readFileSync } from "node:fs";
import { ConfidentialClientApplication, CryptoProvider, PublicClientApplication } from "@azure/msal-node";

const given = JSON.parse(readFileSync(0, "utf8"));
const redirectUri = "http://localhost:3000/";
const auth = (clientId, more) => ({
  clientId, authority: given.authority, knownAuthorities: [new URL(given.authority).host], ...more,
});
const claimsOf = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
const summary = (result) => ({
  oid: claimsOf(result.accessToken).oid,
  aud: claimsOf(result.accessToken).aud,
  scopes: result.scopes.map((s) => s.toLowerCase()).sort(),
  account: result.account?.homeAccountId ?? "",
  nonce: result.idTokenClaims?.nonce ?? "",
  fromCache: result.fromCache,
});

// originClient sends what a browser would add.
const originClient = {
  async send(url, method, options) {
    const response = await fetch(url, {
      method, body: options?.body, headers: { ...options?.headers, Origin: new URL(redirectUri).origin },
    });
    return { headers: Object.fromEntries(response.headers), body: await response.json(), status: response.status };
  },
  sendGetRequestAsync(url, options) { return this.send(url, "GET", options); },
  sendPostRequestAsync(url, options) { return this.send(url, "POST", options); },
};

// signIn goes through the sign-in page's redirect and redeems the code, then renews silently.
async function signIn(clientId, system) {
  const app = new PublicClientApplication({ auth: auth(clientId), system });
  const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
  const url = await app.getAuthCodeUrl({
    scopes: [given.scope], redirectUri, codeChallenge: challenge, codeChallengeMethod: "S256", loginHint: "editor",
    nonce: "n-1", state: "s-1", responseMode: "query",
  });
  const back = new URL((await fetch(url, { redirect: "manual" })).headers.get("location"));
  const byCode = await app.acquireTokenByCode({
    scopes: [given.scope], redirectUri, code: back.searchParams.get("code"), codeVerifier: verifier, nonce: "n-1", state: "s-1",
  }, { state: back.searchParams.get("state") });
  const silent = (forceRefresh) => app.acquireTokenSilent({ scopes: [given.scope], account: byCode.account, forceRefresh });
  return { code: summary(byCode), cached: summary(await silent(false)), renewed: summary(await silent(true)) };
}

// refusal is how the library reports that f is refused.
async function refusal(f) {
  try {
    await f();
    return null;
  } catch (error) {
    return { name: error.name, code: error.errorCode, number: Number(error.errorNo), suberror: error.subError ?? "", claims: error.claims ?? "" };
  }
}

const server = (secret) => new ConfidentialClientApplication({ auth: auth(given.api, { clientSecret: secret }) });
const graph = { scopes: ["https://graph.microsoft.com/.default"] };
const onBehalf = (scope) => server(given.secret).acquireTokenOnBehalfOf({ oboAssertion: given.assertion, scopes: [scope] });

console.log(JSON.stringify({
  native: await signIn(given.native),
  spa: await signIn(given.spa, { networkClient: originClient }),
  credentials: summary(await server(given.secret).acquireTokenByClientCredential(graph)),
  onBehalf: summary(await onBehalf("https://graph.microsoft.com/User.Read")),
  wrongSecret: await refusal(() => server("wrong").acquireTokenByClientCredential(graph)),
  noConsent: await refusal(() => onBehalf("https://graph.microsoft.com/Mail.Read")),
  spaOnServer: await refusal(() => signIn(given.spa)),
}));
