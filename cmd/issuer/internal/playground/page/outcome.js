// How it went: said where it was chosen, in sight of each choice, and above the tokens.

import { byId, h } from "./parts/dom.js";
import { span } from "./parts/time.js";

/** @import { Exchanged } from "./api.js" */

/**
 * @param {string} chosen who calls, and how the token was broken
 * @param {Exchanged["body"]} body
 */
export function sayOutcome(chosen, body) {
  const sign = () => h("span", { class: `${body.access_token ? "good" : "bad"} sign`, "aria-hidden": "true" }, body.access_token ? "✓" : "×");
  const roles = (body.scope ?? "").replaceAll(" ", ", ");
  byId("outcome").replaceChildren(sign(), body.access_token ? "Exchanged: " : "Refused: ", h("strong", {}, body.access_token ? roles : body.reason ?? ""), body.access_token ? `, for ${span(body.expires_in ?? 0)}` : "");
  byId("result").replaceChildren(sign(), h("strong", {}, chosen), body.access_token ? ` gets ${roles}. ` : ` is refused: ${body.reason ?? ""}. `,
    h("a", { href: "#tokens-title" }, body.access_token ? "See the tokens" : "See why"));
}

/** @param {unknown} error */
export function sayFailure(error) {
  const text = `This did not work: ${error instanceof Error ? error.message : error}`;
  for (const id of ["outcome", "result"]) byId(id).replaceChildren(h("span", { class: "bad" }, text));
}

/** Takes the answers to an earlier choice away. */
export function clearAnswers() {
  for (const id of ["entra", "entra-from", "hasura", "request", "verdicts", "why"]) byId(id).replaceChildren();
}
