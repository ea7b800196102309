// Tokens that were changed: what is other in them, and one to show to engines.

import { hasuraClaims } from "./parts/claims.js";
import { decode } from "./parts/jwt.js";

/** What differs from token to token anyway. */
const own = ["aio", "rh", "uti", "sid", "xms_ftd"];
const times = ["exp", "iat", "nbf"];

/**
 * The claims, and members of the header, that a fault has changed, and the claims that it has taken away.
 * @param {string} whole
 * @param {string} broken
 * @param {string} fault
 * @returns {{changed: Set<string>, missing: string[]}}
 */
export function changes(whole, broken, fault) {
  const [before, after] = [decode(whole), decode(broken)];
  const anyway = new Set(fault === "expired" || fault === "early" ? own : [...own, ...times]);
  /** @type {Set<string>} */
  const names = new Set();
  for (const part of /** @type {const} */ (["header", "payload"])) {
    for (const [name, value] of Object.entries(after[part] ?? {})) {
      if (!anyway.has(name) && JSON.stringify(before[part]?.[name]) !== JSON.stringify(value)) names.add(name);
    }
  }
  const missing = after.payload ? Object.keys(before.payload ?? {}).filter((name) => !(name in (after.payload ?? {}))) : [];
  return { changed: names, missing };
}

/**
 * A Hasura token with another role in it, by somebody who has no key; "" for what is no such token.
 * @param {string} token
 * @param {string[]} namespace
 */
export function altered(token, namespace) {
  const { parts, payload } = decode(token);
  const claims = structuredClone(payload ?? {});
  const inside = hasuraClaims(claims, namespace);
  if (!inside) return "";
  inside["x-hasura-allowed-roles"] = ["admin"]; // which is lost where the claims are JSON in a string
  claims["sub"] = "somebody-else";
  const text = btoa(JSON.stringify(claims)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return [parts[0], text, parts[2]].join(".");
}
