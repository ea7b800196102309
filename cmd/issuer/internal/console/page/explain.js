// Why a caller who is described gets what they get.

import { byId, h } from "./parts/dom.js";
import { explainView } from "./parts/explain.js";
import { ask } from "./session.js";
import { trouble } from "./trouble.js";

const words = (/** @type {FormDataEntryValue | null} */ text) => String(text ?? "").split(/[\s,]+/).filter(Boolean);

/** The form, and the answer to the newest question. */
export class Explain {
  #tenant = h("input", { name: "tenant", required: true, list: "tenants", autocomplete: "off", spellcheck: "false", maxlength: 36, placeholder: "tenant id" });
  #kind = h("select", { name: "kind" }, h("option", { value: "user" }, "user"), h("option", { value: "app" }, "app"));
  #id = h("input", { name: "id", required: true, autocomplete: "off", spellcheck: "false", maxlength: 36, placeholder: "object id, or client id" });
  #answer = h("div", { class: "card", role: "status", hidden: true });
  #form;
  #asked = 0;

  constructor() {
    const input = (/** @type {string} */ name, /** @type {string} */ label, /** @type {string} */ hint) => h("label", { class: "field" }, label, h("input", { name, autocomplete: "off", spellcheck: "false", placeholder: hint }));
    this.#form = h("form", { class: "card search", "aria-label": "Explain a caller", autocomplete: "off" },
      h("label", { class: "field" }, "Caller", this.#kind), h("label", { class: "field" }, "Id", this.#id), h("label", { class: "field" }, "Tenant", this.#tenant),
      input("groups", "Groups", "as Microsoft Graph has them"), input("app_roles", "App roles", "none"), input("scope", "Scope asked for", "none: all roles"), input("role", "Why not the role", ""),
      h("button", { type: "submit" }, "Explain"));
    this.#form.addEventListener("submit", (event) => { event.preventDefault(); this.#ask(); });
    byId("explain").replaceChildren(this.#form, this.#answer);
  }

  /**
   * Fills in whose tenant it is, where nobody did.
   * @param {string} tenant
   */
  suggest(tenant) { this.#tenant.value ||= tenant; }

  /**
   * Asks about a caller.
   * @param {{tenant: string, kind: "user" | "app", id: string}} caller
   */
  about({ tenant, kind, id }) {
    this.#form.reset();
    Object.assign(this.#tenant, { value: tenant });
    Object.assign(this.#kind, { value: kind });
    Object.assign(this.#id, { value: id });
    byId("explain-title").focus();
    return this.#ask();
  }

  /** Forgets what was asked and answered. */
  clear() {
    this.#asked++;
    this.#form.reset();
    this.#answer.replaceChildren();
    this.#answer.hidden = true;
  }

  async #ask() {
    const mine = ++this.#asked;
    const given = new FormData(this.#form);
    const [groups, scope, appRoles, role] = [words(given.get("groups")), words(given.get("scope")), words(given.get("app_roles")), String(given.get("role") ?? "").trim()];
    const view = await ask("/admin/v1/explain", {
      tenant: this.#tenant.value.trim(), [this.#kind.value]: this.#id.value.trim(), app_roles: appRoles, scope,
      ...(groups.length ? { groups } : {}), ...(role ? { role } : {}),
    }).then((answer) => h("div", {}, explainView(answer), ...(answer.notes ?? []).map((/** @type {string} */ note) => h("p", { class: "aside" }, `Not known: ${note}.`))), trouble);
    if (mine !== this.#asked) return;
    this.#answer.replaceChildren(view);
    this.#answer.hidden = !view;
  }
}
