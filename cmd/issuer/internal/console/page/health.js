// How the replica that answers is, part by part.

import { byId, h } from "./parts/dom.js";
import { timer } from "./parts/time.js";

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {"ok" | "off" | "alarmed" | "failed"} state
 * @property {string} [says]
 *
 * @typedef {object} End
 * @property {string} door
 * @property {"granted" | "refused" | "failed"} outcome
 * @property {string} reason
 * @property {string} [cure]
 * @property {number} total
 * @property {number[]} by_minute
 *
 * @typedef {object} Replica
 * @property {string} name
 * @property {string} version
 * @property {string} started_at
 * @property {string} now
 * @property {string[]} tenants
 * @property {boolean} ready
 * @property {Check[]} checks
 * @property {End[]} exchanges
 */

/** What each part is, for who does not know the names. */
const parts = /** @type {Record<string, string>} */ ({
  keys: "the ring of signing keys", roles: "grants and blocks", entra: "Microsoft Entra’s keys", redis: "shared limits and caches", graph: "groups by Microsoft Graph",
  policy: "the policy that is asked", audit: "records of decisions", keyvault: "keys that Azure Key Vault opens",
});

const states = {
  ok: { sign: "✓", kind: "good", word: "works" },
  off: { sign: "–", kind: "standing", word: "not in use" },
  alarmed: { sign: "!", kind: "warm", word: "works, and wants attention" },
  failed: { sign: "×", kind: "bad", word: "failed" },
};

/** @param {Replica} replica */
export function showHealth(replica) {
  byId("replica").replaceChildren(
    h("span", { class: `sign ${replica.ready ? "good" : "bad"}`, "aria-hidden": "true" }, replica.ready ? "✓" : "×"), h("strong", {}, replica.ready ? "Ready" : "Not ready"),
    ": replica ", h("code", {}, replica.name), ", version ", h("code", {}, replica.version), ", began ", timer(Date.parse(replica.started_at) / 1000), ".");
  byId("health").replaceChildren(...replica.checks.map(({ name, state, says }) => {
    const { sign, kind, word } = states[state];
    return h("li", { class: `card part ${state}` },
      h("p", {}, h("span", { class: `sign ${kind}`, "aria-hidden": "true" }, sign), h("strong", {}, name), " ", h("span", { class: kind }, word)),
      h("p", { class: "aside" }, parts[name] ?? ""), says ? h("p", { class: "says" }, says) : null);
  }));
}
