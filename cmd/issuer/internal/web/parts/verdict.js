// What an engine of Hasura would say to a token.

import { h } from "./dom.js";

/**
 * @typedef {object} Verdict
 * @property {boolean} accepted
 * @property {string} [role]
 * @property {Record<string, unknown>} [session]
 * @property {number} [http]
 * @property {string} [code]
 * @property {string} [message]
 */

/**
 * @param {string} engine
 * @param {Verdict} verdict
 * @param {string} [note] what one should know beside it
 * @returns {HTMLElement}
 */
export function verdictView(engine, verdict, note) {
  if (!verdict.accepted) {
    return h("article", { class: "card verdict" }, h("h3", {}, engine),
      h("p", { class: "outcome bad" }, h("span", { class: "sign", "aria-hidden": "true" }, "×"), "Refuses it"),
      h("p", {}, h("code", {}, verdict.message ?? "")),
      h("p", { class: "aside" }, verdict.code ? `extensions.code ${verdict.code}` : `HTTP ${verdict.http ?? 500}`));
  }
  const variables = Object.entries(verdict.session ?? {});
  return h("article", { class: "card verdict" }, h("h3", {}, engine),
    h("p", { class: "outcome good" }, h("span", { class: "sign", "aria-hidden": "true" }, "✓"), "Serves it as ", h("code", {}, verdict.role ?? "")),
    h("table", { class: "plain" }, h("caption", {}, "Session variables for permissions"),
      h("tbody", {}, ...variables.map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, h("code", {}, name)),
        h("td", {}, h("code", {}, typeof value === "string" ? value : JSON.stringify(value))))))),
    note && h("p", { class: "aside" }, note));
}
