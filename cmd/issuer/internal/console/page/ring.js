// The keys over time, and who has fetched them.

import { byId, h } from "./parts/dom.js";
import { timer } from "./parts/time.js";
import { Timeline } from "./parts/timeline.js";

/** @import { Ring } from "./parts/timeline.js" */

/**
 * @typedef {{name: string, fetched_at: string | null, generation: number, late: boolean}} Party
 * @typedef {Ring & {relying_parties: Party[]}} Keys
 */

/** Of the table of relying parties. */
const heads = ["Name", "Last fetched the key set", "Newest key held", "State"];

/** @type {Timeline | null} */
let timeline = null;

/** @param {Keys} keys */
export function showKeys(keys) {
  timeline ??= new Timeline(byId("ring"));
  timeline.update(keys);
  const signing = keys.keys.find((key) => key.state === "signing")?.generation ?? 0;
  byId("parties").replaceChildren(h("h3", {}, "Relying parties"), ...(keys.relying_parties.length ? [partiesTable(keys.relying_parties, signing)] : [
    h("p", { class: "standing" }, "None is named. Name them in ", h("code", {}, "ISSUER_RELYING_PARTIES"), ", and have each fetch the key set with ", h("code", {}, "?rp="), " and its name.")]));
}

/**
 * @param {Party[]} parties
 * @param {number} signing the generation that signs
 */
function partiesTable(parties, signing) {
  return h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Relying parties" }, h("table", { class: "plain stack" },
    h("caption", { class: "unseen" }, "Relying parties"),
    h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", { scope: "col" }, head)))),
    h("tbody", {}, ...parties.map((party) => h("tr", {}, h("th", { scope: "row" }, h("code", {}, party.name)),
      h("td", { "data-label": heads[1] }, party.fetched_at ? timer(Date.parse(party.fetched_at) / 1000) : "never, so far as is known"),
      h("td", { "data-label": heads[2] }, party.generation ? `Key ${party.generation}` : "none"), h("td", { "data-label": heads[3] }, ...stateOf(party, signing)))))));
}

/**
 * @param {Party} party
 * @param {number} signing
 */
function stateOf(party, signing) {
  if (party.late) return [h("span", { class: "sign bad", "aria-hidden": "true" }, "×"), h("span", { class: "bad" }, "late: it should have fetched, or have done so again")];
  if (party.generation < signing) return [h("span", { class: "sign warm", "aria-hidden": "true" }, "!"), "not fetched yet"];
  return [h("span", { class: "sign good", "aria-hidden": "true" }, "✓"), "holds the key that signs"];
}
