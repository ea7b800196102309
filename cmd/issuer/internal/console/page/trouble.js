// What did not work, and what to do about it.

import { h } from "./parts/dom.js";
import { reasonView } from "./parts/reasons.js";
import { Refusal } from "./session.js";

/**
 * @param {unknown} error
 * @returns {HTMLElement | ""} nothing where somebody signed out meanwhile
 */
export function trouble(error) {
  if (error instanceof DOMException && error.name === "AbortError") return "";
  if (!(error instanceof Refusal)) return h("p", { class: "bad" }, `This did not work: ${error instanceof Error ? error.message : error}`);
  if (error.reason === "not_here") return h("p", { class: "note" }, `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`);
  return refusalView(error);
}

/**
 * @param {Refusal} refusal
 * @returns {HTMLElement}
 */
export function refusalView({ reason, message, cure, status, request }) {
  const word = status === undefined ? "No answer" : status >= 500 ? "Failed" : "Refused";
  const view = reasonView({ reason, says: message, cure, status, word });
  if (request) view.append(h("p", { class: "aside" }, "X-Request-Id ", h("code", {}, request)));
  return view;
}
