// Why a caller has a role or not: what `issuer roles explain --json` and the operators' API say, drawn.

import { h } from "./dom.js";

/**
 * @typedef {object} Grant
 * @property {string} principal
 * @property {number} priority
 * @property {string} [from]
 * @property {string} [until]
 * @property {string} [reason]
 * @property {"in_force" | "not_in_scope" | "not_yet" | "over" | "not_the_principal" | "policy"} standing
 *
 * @typedef {object} Role
 * @property {string} role
 * @property {boolean} held
 * @property {boolean} in_token
 * @property {boolean} [default]
 * @property {Grant[]} grants
 *
 * @typedef {object} Variable
 * @property {string} name
 * @property {unknown} value
 * @property {string} from
 * @property {{value: unknown, from: string}[]} [overruled]
 *
 * @typedef {object} Explanation
 * @property {boolean} granted
 * @property {boolean} [unjudged]
 * @property {boolean} [open]
 * @property {string} [reason]
 * @property {string} [finding]
 * @property {string} [cure]
 * @property {{tenant: string, object_id: string, kind: string, client?: string, guest?: boolean, groups: string[], groups_asked?: boolean, groups_unknown?: boolean, app_roles: string[]}} caller
 * @property {Role[]} roles
 * @property {string} [default_by]
 * @property {{principal: string, until?: string, reason?: string, in_force: boolean}[]} [blocks]
 * @property {Variable[]} [session]
 * @property {{allowed: boolean, reason?: string, withheld?: string[], added?: string[]}} [policy]
 * @property {{expires: string, ends_by: string, bytes: number}} [token]
 */

/**
 * What a grant does for the caller.
 * @param {Grant} grant
 * @param {Explanation} e
 */
function standing(grant, e) {
  const kind = grant.principal.split(" ")[0];
  switch (grant.standing) {
    case "in_force": return grant.until ? `in force until ${grant.until}` : "in force";
    case "not_in_scope": return "in force, and not asked for by scope";
    case "not_yet": return `begins ${grant.from ?? ""}`;
    case "over": return `ended ${grant.until ?? ""}`;
    case "policy": return "in force, and the policy takes it away";
  }
  if (kind === "group" && (e.caller.groups_unknown || (e.caller.groups_asked && e.unjudged))) return "not known: is the caller in this group?";
  if (kind === "group") return "the caller is not in this group";
  if (kind === "app_role") return "the caller has no such app role";
  return "somebody else";
}

/**
 * @param {Role} role
 * @param {Explanation} e
 */
function held(role, e) {
  if (role.default && role.in_token) return "held, the default";
  if (role.in_token) return "held";
  if (!role.held && e.caller.groups_unknown && role.grants.some((g) => g.standing === "not_the_principal" && g.principal.startsWith("group "))) return "not known";
  return role.held ? "held, left out" : "not held";
}

/**
 * @param {Role} role
 * @param {Explanation} e
 */
function roleView(role, e) {
  const good = role.in_token || role.held, says = held(role, e);
  const [kind, sign] = good ? ["good", "✓"] : says === "not known" ? ["", "?"] : ["bad", "×"];
  const grants = role.grants.map((grant) => h("li", {},
    h("span", { class: "principal" }, "granted to ", h("code", {}, grant.principal), grant.priority ? `, priority ${grant.priority}` : ""),
    " ", h("span", { class: "standing" }, standing(grant, e)), grant.reason ? h("span", { class: "aside" }, ` (${grant.reason})`) : null));
  return h("li", { class: good ? "has" : "lacks" },
    h("p", {}, h("span", { class: `sign ${kind}`, "aria-hidden": "true" }, sign), h("code", {}, role.role), " ", h("span", { class: "standing" }, says)),
    h("ul", {}, ...(grants.length ? grants : [h("li", {}, "no grant of it in this tenant")])));
}

/** @param {Explanation} e */
function callerView(e) {
  const c = e.caller;
  if (!c.tenant) return h("p", {}, "Who calls is not known: no token of theirs was accepted.");
  const who = `${c.guest ? "guest" : c.kind} ${c.object_id}`;
  const asked = c.groups_asked ? " (left out of the token)" : "";
  return h("dl", { class: "facts" },
    h("dt", {}, "Caller"), h("dd", {}, h("code", {}, who)),
    h("dt", {}, "Groups"), h("dd", {}, ...(c.groups.length ? list(c.groups) : [c.groups_unknown ? "not known" : "none"]), asked),
    h("dt", {}, "App roles"), h("dd", {}, ...(c.app_roles.length ? list(c.app_roles) : ["none"])),
    ...(e.default_by ? [h("dt", {}, "Default role"), h("dd", {}, `by ${e.default_by}`)] : []),
    ...(e.token ? [h("dt", {}, "Ends by"), h("dd", {}, e.token.ends_by)] : []),
    ...(e.policy ? [h("dt", {}, "Policy"), h("dd", {}, `${e.policy.allowed ? "allows" : "refuses"}${e.policy.reason ? `: ${e.policy.reason}` : ""}`)] : []));
}

/** @param {string[]} values */
function list(values) {
  return values.flatMap((value, i) => [i > 0 ? ", " : "", h("code", {}, value)]);
}

/** @param {Variable[]} variables */
function sessionView(variables) {
  const text = (/** @type {unknown} */ v) => (typeof v === "string" ? v : JSON.stringify(v));
  return h("table", { class: "plain session stack" }, h("caption", {}, "Session variables, and who has the say"),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Variable"), h("th", { scope: "col" }, "Value"), h("th", { scope: "col" }, "From"))),
    h("tbody", {}, ...variables.map((v) => h("tr", {}, h("th", { scope: "row" }, h("code", {}, v.name)), h("td", { "data-label": "Value" }, h("code", {}, text(v.value))),
      h("td", { "data-label": "From" }, v.from, ...(v.overruled ?? []).map((o) => h("p", { class: "aside" }, `over ${text(o.value)} (${o.from})`)))))));
}

/**
 * An explanation: the outcome, whom it is about, and role by role why.
 * @param {Explanation} e
 * @returns {HTMLElement}
 */
export function explainView(e) {
  const roles = e.roles.filter((role) => role.in_token).map((role) => role.role);
  const outcome = e.open
    ? h("p", { class: "outcome" }, h("span", { class: "sign", "aria-hidden": "true" }, "?"), "Not known: ", h("code", {}, e.reason ?? ""), " without the caller’s groups, and which they are was not said")
    : e.granted
    ? h("p", { class: "outcome good" }, h("span", { class: "sign", "aria-hidden": "true" }, "✓"), "Granted: ", ...list(roles))
    : h("p", { class: "outcome bad" }, h("span", { class: "sign", "aria-hidden": "true" }, "×"), e.unjudged ? "Not judged: " : "Refused: ", h("code", {}, e.reason ?? ""), e.finding ? `, ${e.finding}` : "");
  return h("div", { class: "explanation" }, outcome, e.cure && h("p", { class: "cure" }, h("strong", {}, "What to do: "), e.cure, "."), callerView(e),
    ...(e.blocks ?? []).map((b) => h("p", {}, h("span", { class: "sign bad", "aria-hidden": "true" }, "×"), `Blocked: ${b.principal}${b.in_force ? "" : ", over"}${b.reason ? `: ${b.reason}` : ""}`)),
    e.roles.length > 0 && h("ul", { class: "tree", "aria-label": "Roles" }, ...e.roles.map((role) => roleView(role, e))),
    e.session?.length ? h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Session variables" }, sessionView(e.session)) : null);
}
