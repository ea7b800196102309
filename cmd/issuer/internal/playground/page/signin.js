// Signs in through MSAL.js, by redirect: authorization code and PKCE, as an app of yours would.

import { h } from "./parts/dom.js";

/** @import { World } from "./api.js" */
/** @import { IPublicClientApplication, Configuration } from "@azure/msal-browser" */

/**
 * @typedef {object} SignedIn
 * @property {string} token
 * @property {string} who
 * @property {() => Promise<string>} renew
 */

/** Whether this page was just come back to from the sign-in page. */
export function isBack() {
  const answer = new URLSearchParams(location.hash.slice(1));
  return answer.has("state") && (answer.has("code") || answer.has("error"));
}

/**
 * How MSAL.js is set up. It takes no authority by http. So that the made-up one need not speak TLS, it is called by https, and
 * by documented options MSAL.js is told where its endpoints are, instead of asking it.
 * @param {World["entra"]} entra
 * @returns {Configuration}
 */
function configuration(entra) {
  const { host } = new URL(entra.url);
  const authority = `https://${host}/${entra.tenant}`;
  const base = `${entra.url}/${entra.tenant}`;
  const told = entra.tls ? {} : {
    authorityMetadata: JSON.stringify({
      issuer: `${authority}/v2.0`, authorization_endpoint: `${base}/oauth2/v2.0/authorize`, token_endpoint: `${base}/oauth2/v2.0/token`,
      end_session_endpoint: `${base}/oauth2/v2.0/logout`, jwks_uri: `${base}/discovery/v2.0/keys`,
    }),
    cloudDiscoveryMetadata: JSON.stringify({
      tenant_discovery_endpoint: `${authority}/v2.0/.well-known/openid-configuration`,
      metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
    }),
  };
  return {
    auth: { clientId: entra.client_id, authority, knownAuthorities: [host], redirectUri: `${location.origin}/`, ...told },
  };
}

/**
 * MSAL.js, which is loaded when it is first wanted.
 * @param {World["entra"]} entra
 * @returns {Promise<IPublicClientApplication>}
 */
async function load(entra) {
  const { createStandardPublicClientApplication } = await import("./msal.js");
  return createStandardPublicClientApplication(configuration(entra));
}

/**
 * Leaves for the sign-in page.
 * @param {World["entra"]} entra
 */
export async function signIn(entra) {
  const app = await load(entra);
  await app.handleRedirectPromise();
  await app.loginRedirect({ scopes: [entra.scope], prompt: "select_account" });
}

/**
 * Redeems what the sign-in page sent along.
 * @param {World["entra"]} entra
 * @returns {Promise<SignedIn>}
 */
export async function comeBack(entra) {
  try {
    const app = await load(entra);
    const result = await app.handleRedirectPromise();
    if (!result) throw new Error("the sign-in page sent nothing that this page asked for");
    const account = result.account;
    const renew = async () => (await app.acquireTokenSilent({ scopes: [entra.scope], account, forceRefresh: true })).accessToken;
    return { token: result.accessToken, who: account?.username ?? "", renew };
  } finally {
    if (isBack()) history.replaceState(null, "", location.pathname);
  }
}

/**
 * What is as in an app, and what is not.
 * @param {World["entra"]} entra
 * @returns {Node[]}
 */
export function about(entra) {
  const code = `const app = await createStandardPublicClientApplication({
  auth: { clientId: "<your page's client id>",
          authority: "https://login.microsoftonline.com/<tenant id>" },
});
await app.loginRedirect({ scopes: ["api://<api's client id>/access_as_user"] });
// back on the page
const { accessToken } = await app.handleRedirectPromise();`;
  const different = entra.tls ? [
    h("li", {}, "The authority is ", h("code", {}, new URL(entra.url).host), ", made up and really by TLS. Your browser has to trust the certificate that --tls wrote, or it stops at the sign-in page."),
    h("li", {}, h("code", {}, "knownAuthorities"), " names it, since Microsoft does not know it. Your app leaves that out."),
  ] : [
    h("li", {}, "MSAL.js takes no authority by http. Here the authority is named by https and is not asked: ", h("code", {}, "authorityMetadata"), " and ", h("code", {}, "cloudDiscoveryMetadata"), " say that its endpoints are at ", h("code", {}, entra.url), ". Your app leaves both out, and ", h("code", {}, "knownAuthorities"), " too."),
    h("li", {}, "With ", h("code", {}, "issuer dev --tls ca.pem"), " the authority really speaks TLS, and MSAL.js finds its endpoints by itself, once your browser trusts ca.pem."),
  ];
  return [
    h("p", {}, "The real library, the authorization code flow with PKCE, and a real redeeming of the code across origins:"),
    h("pre", { tabindex: 0 }, h("code", {}, code)),
    h("p", {}, "What is different here:"),
    h("ul", {}, ...different,
      h("li", {}, "Nobody asks for a password or a second factor: you choose who to be."),
      h("li", {}, "This page asks MSAL.js for a token right after the sign-in, and when you press \"Renew silently\". An app asks ", h("code", {}, "acquireTokenSilent"), " before each call, and gets the one in sessionStorage while it lasts.")),
  ];
}
