// Grants, blocks and their history.

import { byId, h } from "./parts/dom.js";
import { clock } from "./parts/time.js";
import { Listing } from "./listing.js";

/**
 * @typedef {object} Entry
 * @property {string} tenant
 * @property {string} [user]
 * @property {string} [group]
 * @property {string} [app_role]
 * @property {string} [app]
 * @property {true} [everyone]
 * @property {string} [role] of a grant
 * @property {number} [priority]
 * @property {Record<string, unknown>} [session]
 * @property {string} [from]
 * @property {string} [until]
 * @property {string} [reason]
 *
 * @typedef {{before: Entry | null, after: Entry | null}} Change
 * @typedef {object} Record_
 * @property {number} number
 * @property {string} at
 * @property {string} actor
 * @property {string} login
 * @property {Change} [grant]
 * @property {Change} [block]
 */

const tenant = { name: "tenant", label: "Tenant", hint: "any" };
const expired = { name: "expired", label: "Only expired", type: "checkbox" };

/** @param {(caller: {tenant: string, kind: "user" | "app", id: string}) => void} explain shows why somebody may what they may */
export function lists(explain) {
  /** @param {Entry} entry */
  const who = (entry) => {
    const kind = entry.user ? "user" : "app";
    const id = entry.user ?? entry.app;
    const name = principal(entry);
    if (!id) return h("span", {}, name);
    return h("span", {}, name, " ", h("button", { type: "button", class: "quiet small", "aria-label": `Explain ${kind} ${id}`, onclick: () => explain({ tenant: entry.tenant, kind, id }) }, "Explain"));
  };
  return [
    new Listing(byId("grants"), /** @type {import("./listing.js").Of<Entry>} */ ({
      name: "Grants", path: "/admin/v1/grants", member: "grants", kinds: ["user", "group", "app_role", "app", "everyone"], fields: [{ name: "role", label: "Role", hint: "any" }, tenant, expired],
      heads: ["Role", "Held by", "Tenant", "In force", "Priority", "Session variables", "Reason"], none: "No such grant.",
      row: (grant) => [h("code", {}, grant.role ?? ""), who(grant), short(grant.tenant), inForce(grant), String(grant.priority ?? ""), variables(grant.session), grant.reason ?? ""],
    })),
    new Listing(byId("blocks"), /** @type {import("./listing.js").Of<Entry>} */ ({
      name: "Blocks", path: "/admin/v1/blocks", member: "blocks", kinds: ["user", "app"], fields: [tenant, expired],
      heads: ["Blocked", "Tenant", "In force", "Reason"], none: "Nobody of these is blocked.",
      row: (block) => [who(block), short(block.tenant), inForce(block), block.reason ?? ""],
    })),
    new Listing(byId("history"), /** @type {import("./listing.js").Of<Record_>} */ ({
      name: "History", path: "/admin/v1/history", member: "records", kinds: ["user", "group", "app_role", "app", "everyone"], fields: [{ name: "role", label: "Role", hint: "any" }, tenant],
      heads: ["No.", "When", "What", "By", "As"], none: "No change is on record.",
      row: (record) => [String(record.number), h("time", { datetime: record.at }, clock(new Date(record.at))), what(record), h("code", {}, record.actor), h("code", {}, record.login)],
    })),
  ];
}

/** @param {Entry} entry */
function principal(entry) {
  for (const kind of /** @type {const} */ (["user", "group", "app_role", "app"])) {
    if (entry[kind]) return h("span", {}, `${kind.replace("_", " ")} `, h("code", {}, entry[kind]));
  }
  return h("span", {}, "everyone");
}

/** @param {string} id */
const short = (id) => h("code", { title: id }, id.slice(0, 8), "…");

/** @param {Entry} entry */
function inForce({ from, until }) {
  const now = Date.now();
  if (until && Date.parse(until) <= now) return h("span", { class: "standing" }, `ended ${clock(new Date(until))}`);
  if (from && Date.parse(from) > now) return h("span", { class: "warm" }, `from ${clock(new Date(from))}`);
  return until ? `until ${clock(new Date(until))}` : "yes";
}

/** @param {Record<string, unknown>} [session] */
function variables(session) {
  return h("ul", {}, ...Object.entries(session ?? {}).map(([name, value]) => h("li", {}, h("code", {}, `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`))));
}

/** @param {Record_} record */
function what({ grant, block }) {
  const change = grant ?? block;
  const entry = change?.after ?? change?.before;
  if (!change || !entry) return "cannot be read";
  const verb = change.before && change.after ? "changed" : change.after ? "added" : "removed";
  const sign = { changed: "~", added: "+", removed: "−" }[verb];
  return h("span", {}, h("span", { class: "sign", "aria-hidden": "true" }, sign), grant ? `grant ${verb}: ` : `block ${verb}: `, grant ? h("code", {}, entry.role ?? "") : null, grant ? " to " : null, principal(entry),
    ...differences(change), entry.reason ? h("span", { class: "aside" }, ` (${entry.reason})`) : null);
}

/** @param {Change} change */
function differences({ before, after }) {
  if (!before || !after) return [];
  return /** @type {const} */ (["priority", "session", "from", "until", "reason"]).flatMap((name) => {
    const [old, now] = [before[name], after[name]].map((value) => JSON.stringify(value ?? null));
    return old === now ? [] : [h("span", { class: "aside" }, ` ${name} ${old} → ${now}`)];
  });
}
