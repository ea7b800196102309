// A list of the operators' API: what to look for, what was found, and more of it.

import { h } from "./parts/dom.js";
import { ask, Refusal } from "./session.js";
import { trouble } from "./trouble.js";

/**
 * What a list is of.
 * @template T
 * @typedef {object} Of
 * @property {string} name for people, as "Grants"
 * @property {string} path
 * @property {string} member of the answer, which holds the entries
 * @property {string[]} kinds of principals that can be looked for
 * @property {{name: string, label: string, type?: string, hint?: string}[]} fields
 * @property {string[]} heads
 * @property {(entry: T) => (Node | string)[]} row a cell for each head, the first of them its header
 * @property {string} none what there is to say where nothing is found
 */

const limit = 50;
const whoFirst = "choose who first";
let count = 0;

/** @type {Record<string, string>} */
const kindNames = { "": "anybody", user: "user", group: "group", app_role: "app role", app: "app", everyone: "everyone" };

/**
 * A list with its form.
 * @template T
 */
export class Listing {
  #body = h("tbody");
  #says = h("div", { role: "status", class: "list-says" });
  #more = h("button", { type: "button", class: "quiet", hidden: true }, "More");
  #table;
  #form;
  #next = "";
  #asked = 0; // the newest question; answers to earlier ones come too late
  /** What said that such entries are kept elsewhere, which stays so for as long as this page. @type {Refusal | null} */
  #elsewhere = null;

  /**
   * @param {HTMLElement} place
   * @param {Of<T>} of
   */
  constructor(place, of) {
    this.of = of;
    this.#form = form(of);
    this.#table = h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": of.name, hidden: true }, h("table", { class: "plain list stack" }, h("caption", { class: "unseen" }, of.name),
      h("thead", {}, h("tr", {}, ...of.heads.map((head) => h("th", { scope: "col" }, head)))), this.#body));
    this.#form.addEventListener("submit", (event) => { event.preventDefault(); this.search(); });
    this.#more.addEventListener("click", () => this.#load(this.#next, true));
    place.replaceChildren(this.#form, h("div", { class: "card" }, this.#says, this.#table, this.#more));
  }

  /** Looks for what the form says, unless it is known that there is nothing here to look for. */
  search() {
    if (this.#elsewhere) return this.#fail(this.#elsewhere, false);
    const query = new URLSearchParams({ limit: String(limit) });
    const given = new FormData(this.#form);
    const text = (/** @type {string} */ name) => String(given.get(name) ?? "").trim();
    const kind = text("kind");
    if (kind) query.set(kind, kind === "everyone" ? "true" : text("id"));
    for (const { name } of this.of.fields) {
      if (text(name)) query.set(name, text(name));
    }
    return this.#load(`${this.of.path}?${query}`, false);
  }

  /** Forgets what was looked for and found. */
  clear() {
    this.#asked++;
    this.#form.reset();
    this.#show([], "", false);
    this.#says.replaceChildren();
  }

  /**
   * @param {string} path
   * @param {boolean} behind what is there already
   */
  async #load(path, behind) {
    const mine = ++this.#asked;
    this.#more.disabled = true;
    try {
      const answer = await ask(path);
      if (mine === this.#asked) this.#show(answer[this.of.member], answer.next ?? "", behind);
    } catch (error) {
      if (mine === this.#asked) this.#fail(error, behind);
    }
    if (mine === this.#asked) this.#more.disabled = false;
  }

  /**
   * @param {T[]} entries
   * @param {string} next
   * @param {boolean} behind
   */
  #show(entries, next, behind) {
    const rows = entries.map((entry) => h("tr", {}, ...this.of.row(entry).map((cell, i) => (i ? h("td", { "data-label": this.of.heads[i] }, cell) : h("th", { scope: "row" }, cell)))));
    if (behind) this.#body.append(...rows);
    else this.#body.replaceChildren(...rows);
    this.#next = next;
    this.#more.hidden = !next;
    this.#table.hidden = !this.#body.rows.length;
    const shown = this.#body.rows.length;
    this.#says.replaceChildren(h("p", { class: "aside" }, shown ? `${shown} shown${next ? ", and there are more" : ""}` : next ? "None so far: look on." : this.of.none));
  }

  /**
   * @param {unknown} error
   * @param {boolean} behind
   */
  #fail(error, behind) {
    if (error instanceof Refusal && error.reason === "not_here") {
      this.#elsewhere = error;
      this.#form.hidden = true;
    }
    if (!behind) this.#show([], "", false);
    this.#says.replaceChildren(trouble(error));
  }
}

/**
 * The form of a list.
 * @template T
 * @param {Of<T>} of
 */
function form({ name, kinds, fields }) {
  const id = `list-${++count}`;
  const who = h("input", { id: `${id}-id`, name: "id", autocomplete: "off", spellcheck: "false", maxlength: 256, disabled: true, placeholder: whoFirst });
  const kind = h("select", { id: `${id}-kind`, name: "kind" }, ...["", ...kinds].map((value) => h("option", { value }, kindNames[value] ?? value)));
  const choose = (/** @type {string} */ chosen) => {
    who.disabled = chosen === "" || chosen === "everyone";
    who.required = !who.disabled;
    who.placeholder = chosen === "" ? whoFirst : who.disabled ? "" : "object id or value";
  };
  kind.addEventListener("change", () => choose(kind.value));
  const made = h("form", { class: "card search", "aria-label": `Search ${name.toLowerCase()}`, autocomplete: "off" },
    h("label", { class: "field" }, "Who", kind), h("label", { class: "field" }, "Id", who),
    ...fields.map((field) => (field.type === "checkbox"
      ? h("label", { class: "check" }, h("input", { type: "checkbox", name: field.name, value: "true" }), field.label)
      : h("label", { class: "field" }, field.label, h("input", { name: field.name, autocomplete: "off", spellcheck: "false", maxlength: 256, placeholder: field.hint, list: field.name === "tenant" ? "tenants" : null })))),
    h("button", { type: "submit" }, "Search"));
  made.addEventListener("reset", () => choose(""));
  return made;
}
