// A token: as it travels, and as it reads.

import { copyButton, h } from "./dom.js";
import { claimsTable } from "./claims.js";
import { decode } from "./jwt.js";

/** @import { ClaimsOptions } from "./claims.js" */

/**
 * A token as it travels, its three parts told apart, and its header and claims below.
 * @param {string} token
 * @param {string} name as "the Entra token"
 * @param {Omit<ClaimsOptions, "caption">} options
 * @returns {HTMLElement}
 */
export function tokenView(token, name, options) {
  const { parts, header, payload } = decode(token);
  const pieces = parts.flatMap((part, i) => [i > 0 && ".", h("span", { class: ["header", "payload", "signature"][i] ?? "header" }, part)]);
  return h("div", { class: "token" },
    h("div", { class: "raw" },
      h("div", { class: "wire", tabindex: 0, role: "group", "aria-label": `${name}, encoded` }, h("code", {}, ...pieces)),
      copyButton(name, () => token)),
    payload ? claimsTable(payload, { ...options, caption: "Claims" }) : h("p", { class: "note" }, "The claims cannot be read."),
    header ? claimsTable(header, { ...options, caption: "Header", namespace: [], missing: [] }) : h("p", { class: "note" }, "The header cannot be read."));
}
