// What the page asks the program for.

/** @import { Ring } from "./parts/timeline.js" */
/** @import { Explanation } from "./parts/explain.js" */
/** @import { Verdict } from "./parts/verdict.js" */

/**
 * @typedef {object} World
 * @property {string} issuer
 * @property {string} listens
 * @property {string[]} namespace
 * @property {{url: string, tenant: string, client_id: string, scope: string, tls: boolean}} entra
 * @property {{name: string, says: string, object_id: string, person: boolean}[]} personas
 * @property {{id: string, name: string, says: string}[]} faults
 * @property {string[]} roles
 * @property {boolean} policed
 * @property {string} v2
 * @property {unknown} v3
 *
 * @typedef {object} Exchanged
 * @property {number} status
 * @property {{access_token?: string, expires_in?: number, scope?: string, reason?: string, error?: string, error_description?: string}} body
 * @property {string} [cure]
 * @property {number} ahead_seconds of the keys' clock, when it was asked
 *
 * @typedef {Ring & {ahead_seconds: number, lead_seconds: number, hold_seconds: number, refused?: string, from?: string}} RingState
 */

/**
 * @param {string} name
 * @param {unknown} [question] for a POST
 */
async function ask(name, question) {
  const response = await fetch(`/playground/api/${name}`, question === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(question),
  }).catch(() => { throw new Error("issuer dev does not answer. Does it still run?"); });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.fault ?? `${response.status}`);
  return answer;
}

export const api = {
  /** @returns {Promise<World>} */
  world: () => ask("world"),
  /** @param {string} persona @param {string} fault @returns {Promise<{token: string}>} */
  token: (persona, fault) => ask("token", { persona, fault }),
  /** @param {string} token @param {string[]} scope @returns {Promise<Exchanged>} */
  exchange: (token, scope) => ask("exchange", { token, scope }),
  /** @param {string} token @param {string[]} scope @param {string} role @returns {Promise<Explanation>} */
  explain: (token, scope, role) => ask("explain", { token, scope, role }),
  /** @param {string} token @param {string} role @returns {Promise<{v2: Verdict, v3: Verdict}>} */
  verdicts: (token, role) => ask("verdicts", { token, role }),
  /** @returns {Promise<RingState>} */
  keys: () => ask("keys"),
  /** @param {boolean} force @returns {Promise<RingState>} */
  rotate: (force) => ask("rotate", { force }),
  /** @param {number} seconds @returns {Promise<RingState>} */
  pass: (seconds) => ask("pass", { seconds }),
};
