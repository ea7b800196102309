// What the claims of a token mean, one by one.

import { h } from "./dom.js";
import { clock, timer } from "./time.js";

/** @import { Claims } from "./jwt.js" */

/** @type {Record<string, string>} */
const common = {
  alg: "How it is signed.",
  kid: "Which key of the published set signed it.",
  typ: "That it is a JWT.",
  exp: "When it ends.",
  nbf: "Not valid before this.",
  iat: "When it was issued.",
};

/** @type {Record<string, string>} */
const entra = {
  ...common,
  x5t: "The key again, as v1.0 tokens name it.",
  nonce: "Ties an ID token to one sign-in; an access token for this API has none.",
  aud: "For whom it is: the client id of this API. A token for anybody else is refused.",
  iss: "Which tenant issued it. It has to fit tid, ver, and the key.",
  tid: "The tenant, which has to be on ISSUER_ENTRA_TENANTS.",
  oid: "Who it is: the object id, the same in every app. With tid it is the caller.",
  sub: "Who it is in the eyes of this API alone. Roles do not go by it.",
  ver: "The form of the token: 2.0, or 1.0 where the API's manifest does not ask for 2.",
  azp: "The app that got it, on behalf of the caller.",
  azpacr: "How that app proved itself: 0 not at all (a page), 1 by a secret, 2 by a certificate.",
  scp: "What the caller let the app do here. A user's token needs access_as_user.",
  roles: "App roles of the caller, as the app registration defines them. Grants may name them.",
  groups: "Groups of the caller, by object id. Grants may name them.",
  _claim_names: "More groups than fit: Entra left them out, and Microsoft Graph is asked.",
  _claim_sources: "Where Entra says the groups are; nobody follows it any more.",
  wids: "Roles in the directory, such as an administrator's. They grant nothing here.",
  name: "A name for people. It is never logged, and nothing goes by it.",
  preferred_username: "What the caller signs in with. It can change, so nothing goes by it.",
  email: "A guest's address. Nothing goes by it.",
  idp: "Where a guest comes from.",
  acct: "1 for a guest.",
  idtyp: "app for a program that calls for itself.",
  cnf: "The key that the token is bound to. A bound token is no bearer token.",
  sid: "The session at Entra.",
  aio: "Entra's own business.",
  rh: "Entra's own business.",
  uti: "The token's own id, for Entra's logs.",
  xms_ftd: "Entra's own business.",
};

/** @type {Record<string, string>} */
const ours = {
  ...common,
  iss: "Us: ISSUER_URL. Engines are set to take no other.",
  aud: "For whom it is: ISSUER_TOKEN_AUDIENCE, which both engines check.",
  sub: "The caller: object id, a dot, tenant. No colon, since v2 would read a URI.",
  exp: "When it ends: after ISSUER_TOKEN_TTL, and never later than the Entra token.",
  nbf: "Set back a minute, so that an engine's clock may be a little behind.",
  iat: "Set back likewise: v2 refuses a token from the future.",
  jti: "The token's own id. The audit has it too.",
  client_id: "The app that asked, from azp.",
  "x-hasura-default-role": "The role of a request that names none: the first of the grants by priority, then by name.",
  "x-hasura-allowed-roles": "The roles that X-Hasura-Role may name.",
};

/** What one reads first. */
const first = ["alg", "kid", "typ", "aud", "iss", "tid", "oid", "sub", "roles", "groups", "scp", "azp", "client_id", "exp", "nbf", "iat", "jti", "ver"];

/** What nothing here reads. */
const unread = new Set(["aio", "rh", "uti", "xms_ftd", "sid", "azpacr", "name", "preferred_username", "wids", "email", "idp", "acct", "_claim_sources"]);

/**
 * @typedef {object} ClaimsOptions
 * @property {"entra" | "ours"} kind
 * @property {string} caption
 * @property {string[]} [namespace] the members that lead to Hasura's claims
 * @property {Record<string, string>} [from] where a session variable comes from, by name
 * @property {ReadonlySet<string>} [changed] claims that somebody changed
 * @property {string[]} [missing] claims that somebody took away
 */

/**
 * A value for people: dates beside numbers that are times, lists item by item.
 * @param {string} name
 * @param {unknown} value
 * @returns {Node}
 */
function shown(name, value) {
  if ((name === "exp" || name === "nbf" || name === "iat") && typeof value === "number") {
    return h("span", {}, h("code", {}, value), " ", h("span", { class: "aside" }, `${clock(new Date(value * 1000))}, `, timer(value)));
  }
  if (Array.isArray(value)) {
    const items = value.map((item) => h("li", {}, h("code", {}, typeof item === "string" ? item : JSON.stringify(item))));
    return h("ul", { class: "values" }, ...items);
  }
  return h("code", {}, typeof value === "string" ? value : JSON.stringify(value));
}

/**
 * One claim with what it means.
 * @param {string} name
 * @param {unknown} value
 * @param {string} meaning
 * @param {boolean} changed
 */
function row(name, value, meaning, changed) {
  const mark = changed && h("span", { class: "mark" }, "changed");
  return h("tr", { class: changed && "changed" },
    h("th", { scope: "row" }, h("code", {}, name), mark),
    h("td", {}, shown(name, value), meaning && h("p", { class: "meaning" }, meaning)));
}

/**
 * The meaning of a claim.
 * @param {string} name
 * @param {ClaimsOptions} options
 */
function meaningOf(name, options) {
  if (options.from?.[name]) return `A session variable for Hasura's permissions, from ${options.from[name]}.`;
  if (name.startsWith("x-hasura-") && !ours[name]) return "A session variable for Hasura's permissions.";
  return (options.kind === "entra" ? entra : ours)[name] ?? "";
}

/**
 * The claims within Hasura's namespace, which may be nested or be JSON in a string.
 * @param {Claims} claims
 * @param {string[]} namespace
 * @returns {Claims | null}
 */
export function hasuraClaims(claims, namespace) {
  /** @type {unknown} */
  let at = claims;
  for (const segment of namespace) at = /** @type {Claims | undefined} */ (at)?.[segment];
  try {
    if (typeof at === "string") at = JSON.parse(at);
  } catch {
    return null;
  }
  return typeof at === "object" ? /** @type {Claims | null} */ (at) : null;
}

/**
 * The rows of some claims.
 * @param {[string, unknown][]} claims
 * @param {ClaimsOptions} options
 */
function rowsOf(claims, options) {
  const rows = [];
  for (const [name, value] of claims) {
    const inner = options.namespace?.[0] === name ? hasuraClaims({ [name]: value }, options.namespace) : null;
    if (!inner) {
      rows.push(row(name, value, meaningOf(name, options), options.changed?.has(name) ?? false));
      continue;
    }
    rows.push(h("tr", { class: "namespace" }, h("th", { scope: "rowgroup", colspan: 2 },
      h("code", {}, (options.namespace ?? []).join(" › ")), h("p", { class: "meaning" }, "Hasura's claims: what Entra cannot say."))));
    for (const [variable, inside] of Object.entries(inner)) rows.push(row(variable, inside, meaningOf(variable, options), false));
  }
  return rows;
}

/**
 * A table of claims, each with its value and its meaning; those that nothing reads are folded away below it.
 * @param {Claims} claims
 * @param {ClaimsOptions} options
 * @returns {HTMLElement}
 */
export function claimsTable(claims, options) {
  const place = (/** @type {string} */ name) => (first.includes(name) ? first.indexOf(name) : first.length);
  const all = Object.entries(claims).sort(([a], [b]) => place(a) - place(b));
  const folds = (/** @type {string} */ name) => options.kind === "entra" && unread.has(name) && !options.changed?.has(name);
  const table = (/** @type {string} */ caption, /** @type {[string, unknown][]} */ some) => h("table", { class: "claims" }, h("caption", {}, caption), h("tbody", {}, ...rowsOf(some, options)));
  const missing = (options.missing ?? []).map((name) => h("tr", { class: "changed" },
    h("th", { scope: "row" }, h("code", {}, name), h("span", { class: "mark" }, "missing")), h("td", {}, h("p", { class: "meaning" }, meaningOf(name, options)))));
  const folded = all.filter(([name]) => folds(name));
  const shownFirst = table(options.caption, all.filter(([name]) => !folds(name)));
  shownFirst.tBodies[0]?.prepend(...missing);
  return h("div", {}, shownFirst,
    folded.length > 0 && h("details", {}, h("summary", {}, `${folded.length} more that nothing here goes by`), table("Further claims", folded)));
}
