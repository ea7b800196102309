// Why something is refused, and what to do about it.

import { h } from "./dom.js";

/**
 * A refusal: its reason, the sentence that clients read, and the cure.
 * @param {{reason: string, says?: string, cure?: string, status?: number, word?: string}} refusal word says what it is, if it is none
 * @returns {HTMLElement}
 */
export function reasonView({ reason, says, cure, status, word = "Refused" }) {
  return h("div", { class: "refusal" },
    h("p", { class: "outcome bad" }, h("span", { class: "sign", "aria-hidden": "true" }, "×"), `${word}: `, h("code", {}, reason), status ? h("span", { class: "aside" }, ` ${status}`) : null),
    says && h("p", {}, says),
    cure && h("p", { class: "cure" }, h("strong", {}, "What to do: "), /[.?]$/.test(cure) ? cure : `${cure}.`));
}
