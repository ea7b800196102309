// What can be chosen: radios and checkboxes, so that keyboards and screen readers know them.

import { h } from "./parts/dom.js";

/** @import { World } from "./api.js" */

/**
 * A card for each persona.
 * @param {World["personas"]} personas
 * @param {string} first
 * @param {(name: string) => void} choose
 * @returns {HTMLElement[]}
 */
export function personaCards(personas, first, choose) {
  return personas.map((p) => h("label", { class: "persona" },
    h("input", { type: "radio", name: "persona", value: p.name, checked: p.name === first, onchange: () => choose(p.name) }),
    h("span", { class: "face", "aria-hidden": "true" }, p.name.slice(0, 1).toUpperCase()),
    h("span", {}, h("strong", {}, p.name), h("span", { class: "aside" }, p.says))));
}

/**
 * A row of small choices.
 * @param {string} name
 * @param {"radio" | "checkbox"} type
 * @param {{id: string, name: string}[]} items
 * @param {string[]} first
 * @param {(ids: string[]) => void} choose
 * @returns {HTMLElement[]}
 */
export function chips(name, type, items, first, choose) {
  /** @type {HTMLInputElement[]} */
  const inputs = [];
  return items.map((item) => {
    const input = h("input", { type, name, value: item.id, checked: first.includes(item.id), onchange: () => choose(inputs.filter((i) => i.checked).map((i) => i.value)) });
    inputs.push(input);
    return h("label", { class: "chip" }, input, h("span", {}, item.name));
  });
}
