// The page: what was chosen, what is asked for then, and where each answer is drawn.

import { api } from "./api.js";
import { altered, changes } from "./changes.js";
import { chips, personaCards } from "./choices.js";
import { clearAnswers, sayFailure, sayOutcome } from "./outcome.js";
import { hasuraClaims } from "./parts/claims.js";
import { byId, copyButton, h } from "./parts/dom.js";
import { holdToken } from "./ended.js";
import { explainView } from "./parts/explain.js";
import { decode } from "./parts/jwt.js";
import { reasonView } from "./parts/reasons.js";
import { tick } from "./parts/time.js";
import { tokenView } from "./parts/token.js";
import { verdictView } from "./parts/verdict.js";
import { watchRing } from "./ring.js";
import { showSettings } from "./settings.js";
import { about, comeBack, isBack, signIn } from "./signin.js";

/** @import { Exchanged, World } from "./api.js" */
/** @import { SignedIn } from "./signin.js" */
/** @import { Explanation } from "./parts/explain.js" */

/** What was chosen, and the answers to it. */
const chosen = {
  persona: "",
  /** @type {SignedIn | null} */
  signedIn: null,
  fault: "",
  /** @type {string[]} */
  scope: [],
  which: "hasura",
  role: "",
  about: "",
};

/** @type {{whole: string, entra: string, hasura: string, explanation: Explanation | null}} */
const have = { whole: "", entra: "", hasura: "", explanation: null };

/** @type {World} */
let world;

let asked = 0; // the newest question; answers to earlier ones come too late

/** Asks everything anew: the Entra token, the exchange, the explanation, the verdicts. */
async function run() {
  const mine = ++asked;
  try {
    const whole = chosen.signedIn ? chosen.signedIn.token : (await api.token(chosen.persona, "")).token;
    const entra = chosen.fault ? (await api.token(chosen.persona, chosen.fault)).token : whole;
    const [exchanged, explanation] = await Promise.all([
      api.exchange(entra, chosen.scope), api.explain(entra, chosen.scope, chosen.about),
    ]);
    if (mine !== asked) return;
    Object.assign(have, { whole, entra, hasura: exchanged.body.access_token ?? "", explanation });
    showTokens(exchanged);
    showWhy();
    await judge();
  } catch (error) {
    if (mine === asked) fail(error);
  }
}

/** Asks for the verdicts anew. What fails after another choice was made says nothing of that. */
function judgeAnew() {
  const mine = asked;
  judge().catch((error) => { if (mine === asked) fail(error); });
}

/**
 * Says that there is no answer, and shows none to an earlier choice.
 * @param {unknown} error
 */
function fail(error) {
  asked++;
  Object.assign(have, { whole: "", entra: "", hasura: "", explanation: null });
  holdToken("", 0);
  clearAnswers();
  sayFailure(error);
}

/** @param {Exchanged} exchanged */
function showTokens({ status, body, cure, ahead_seconds: ahead }) {
  const from = Object.fromEntries((have.explanation?.session ?? []).map((v) => [v.name, v.from]));
  byId("entra").replaceChildren(tokenView(have.entra, "the Entra token", { kind: "entra", ...(chosen.fault ? changes(have.whole, have.entra, chosen.fault) : {}) }));
  const fault = world.faults.find((f) => f.id === chosen.fault)?.name;
  byId("entra-from").textContent = `${chosen.signedIn && !fault ? `by MSAL.js, ${chosen.signedIn.who}` : chosen.persona}${fault ? `, broken: ${fault}` : ""}`;
  byId("hasura").replaceChildren(body.access_token ? tokenView(body.access_token, "the Hasura token", { kind: "ours", namespace: world.namespace, from })
    : reasonView({ reason: body.reason ?? "", says: body.error_description, cure, status }));
  sayOutcome(`${chosen.signedIn?.who ?? chosen.persona}${fault ? ` (${fault})` : ""}`, body);
  holdToken(have.hasura, ahead);
  showRequest();
  showRoles();
}

/** The exchange as a command and as code. */
function showRequest() {
  const form = [["grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"], ["subject_token_type", "urn:ietf:params:oauth:token-type:access_token"], ["subject_token", have.entra]];
  if (chosen.scope.length > 0) form.push(["scope", chosen.scope.join(" ")]);
  const command = [`curl -s ${world.listens}/oauth2/token`, ...form.map(([name, value]) => `--data-urlencode '${name}=${value}'`)].join(" \\\n  ");
  byId("request").replaceChildren(h("p", {}, "Your app posts the same form to /oauth2/token. A page of another origin needs its origin in ", h("code", {}, "ISSUER_CORS_ORIGINS"), "."),
    h("div", { class: "raw" }, h("pre", { tabindex: 0 }, h("code", {}, command)), copyButton("the request", () => command)));
}

/** Offers the roles of the token for X-Hasura-Role. */
function showRoles() {
  const allowed = hasuraClaims(decode(have.hasura).payload ?? {}, world.namespace)?.["x-hasura-allowed-roles"];
  const roles = [...new Set([...(Array.isArray(allowed) ? allowed : []), ...world.roles])].map(String);
  const select = /** @type {HTMLSelectElement} */ (byId("role"));
  select.replaceChildren(h("option", { value: "" }, "not sent: the default"), ...roles.map((role) => h("option", { value: role, selected: role === chosen.role }, role)));
}

/** Shows what both engines say to the token that was chosen. */
async function judge() {
  const mine = asked;
  const token = { hasura: have.hasura, entra: have.entra, altered: altered(have.hasura, world.namespace) }[chosen.which] ?? "";
  const place = byId("verdicts");
  if (!token) {
    place.replaceChildren(h("p", { class: "note" }, "There is no Hasura token, so there is nothing to ask. Hasura never sees this caller."));
    return;
  }
  const verdicts = await api.verdicts(token, chosen.role);
  if (mine !== asked) return;
  const literal = Object.values(verdicts.v3.session ?? {}).some((value) => /^{.*}$/.test(String(value)));
  place.replaceChildren(verdictView("Hasura v2", verdicts.v2),
    verdictView("Hasura v3 (DDN)", verdicts.v3, literal ? "A list is written as v2 reads it, {…} in a string. For v3 set ISSUER_ARRAY_FORMAT=json." : ""));
}

function showWhy() {
  if (have.explanation) byId("why").replaceChildren(explainView(have.explanation));
}

/** @param {string} name */
function choosePersona(name) {
  Object.assign(chosen, { persona: name, signedIn: null });
  byId("signin-says").replaceChildren();
  byId("signin").textContent = "Sign in with MSAL.js";
  return run();
}

/** @param {SignedIn} signedIn */
function useSignIn(signedIn) {
  const oid = decode(signedIn.token).payload?.["oid"];
  Object.assign(chosen, { signedIn, persona: world.personas.find((p) => p.object_id === oid)?.name ?? "" });
  for (const radio of document.querySelectorAll("#personas input")) /** @type {HTMLInputElement} */ (radio).checked = false;
  const renew = h("button", { type: "button", class: "quiet", onclick: async () => {
    try {
      signedIn.token = await signedIn.renew();
      says.textContent = `Renewed without a word to ${signedIn.who}. `;
      await run();
    } catch (error) {
      sayFailure(error);
    }
  } }, "Renew silently");
  const says = h("span", {}, `Signed in as ${signedIn.who}. `);
  byId("signin-says").replaceChildren(says, renew);
  byId("signin").textContent = "Sign in as somebody else";
  return run();
}

async function begin() {
  world = await api.world();
  const first = world.personas.find((p) => p.name === "editor") ?? world.personas[0];
  byId("personas").replaceChildren(...personaCards(world.personas, isBack() ? "" : first?.name ?? "", choosePersona));
  byId("scope").replaceChildren(...chips("scope", "checkbox", world.roles.map((role) => ({ id: role, name: role })), [], (roles) => { chosen.scope = roles; run(); }));
  const faults = [{ id: "", name: "Whole", says: "As the tenant made it." }, ...world.faults];
  byId("faults").replaceChildren(...chips("fault", "radio", faults, [""], ([fault]) => {
    chosen.fault = fault ?? "";
    byId("fault-says").textContent = chosen.fault ? faults.find((f) => f.id === fault)?.says ?? "" : "";
    run();
  }));
  const tokens = [{ id: "hasura", name: "the Hasura token" }, { id: "altered", name: "the same, claims altered" }, { id: "entra", name: "the Entra token itself" }];
  byId("which").replaceChildren(...chips("which", "radio", tokens, ["hasura"], ([which]) => { chosen.which = which ?? ""; judgeAnew(); }));
  byId("role").addEventListener("change", (event) => { chosen.role = /** @type {HTMLSelectElement} */ (event.target).value; judgeAnew(); });
  byId("roles").replaceChildren(...world.roles.map((role) => h("option", { value: role })));
  byId("ask-role").addEventListener("submit", (event) => {
    event.preventDefault();
    chosen.about = /** @type {HTMLInputElement} */ (byId("about")).value.trim();
    run();
  });
  byId("signin-text").replaceChildren(...about(world.entra));
  byId("signin").addEventListener("click", () => signIn(world.entra).catch(sayFailure));
  showSettings(world);
  watchRing(judgeAnew, run);
  setInterval(tick, 1000);
  if (!isBack()) return choosePersona(first?.name ?? "");
  return comeBack(world.entra).then(useSignIn);
}

begin().catch(fail);
