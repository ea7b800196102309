// The page: who signs in, and what is looked at over and over while somebody does.

import { byId, h } from "./parts/dom.js";
import { tick } from "./parts/time.js";
import { showExchanges } from "./exchanges.js";
import { Explain } from "./explain.js";
import { answered, failed, forget } from "./freshness.js";
import { showHealth } from "./health.js";
import { showKeys } from "./ring.js";
import { lists } from "./roles.js";
import { ask, signIn, signOut } from "./session.js";
import { refusalView } from "./trouble.js";

/** @import { Replica } from "./health.js" */
/** @import { Refusal } from "./session.js" */

const every = 5000;
const explain = new Explain();
const all = lists((caller) => explain.about(caller));

let paused = false;
let looking = 0; // the newest look; a timer of an earlier one does nothing

/** Looks at the replica and at the keys, each of which may fail by itself. */
async function look() {
  await Promise.all([
    ask("/admin/v1/replica").then(showReplica, (error) => failed("replica", error)),
    ask("/admin/v1/keys").then((keys) => { showKeys(keys); answered("keys"); }, (error) => failed("keys", error)),
  ]);
}

/** @param {Replica} replica */
function showReplica(replica) {
  showHealth(replica);
  showExchanges(replica);
  answered("replica");
}

/** Goes on looking while the page is seen, until it is paused or somebody signs out. */
async function watch() {
  const mine = ++looking;
  while (mine === looking && !paused) {
    if (document.visibilityState === "visible") await look();
    await new Promise((done) => setTimeout(done, every));
  }
}

/** @param {boolean} yes */
function pause(yes) {
  paused = yes;
  byId("pause").textContent = yes ? "Go on" : "Pause";
  if (!yes) watch();
}

/** @param {boolean} yes */
function show(yes) {
  byId("signed-in").hidden = byId("live").hidden = !yes;
  byId("signed-out").hidden = yes;
}

/**
 * Takes everything away that somebody saw who is gone.
 * @param {Refusal} [refusal]
 */
function left(refusal) {
  looking++;
  show(false);
  for (const list of all) list.clear();
  explain.clear();
  for (const id of ["replica", "health", "exchanges", "parties", "tenants"]) byId(id).replaceChildren();
  forget();
  showKeys({ now: new Date().toISOString(), period_seconds: 86400, keys: [], relying_parties: [] });
  byId("sign-in-says").replaceChildren(refusal ? refusalView(refusal) : h("p", { class: "standing" }, "Signed out."));
  byId("token").focus();
}

/** @param {string} token */
async function enter(token) {
  byId("sign-in-says").replaceChildren();
  signIn(token, left);
  try {
    const replica = await ask("/admin/v1/replica");
    show(true);
    byId("tenants").replaceChildren(...replica.tenants.map((/** @type {string} */ id) => h("option", { value: id })));
    if (replica.tenants.length === 1) explain.suggest(replica.tenants[0]);
    for (const list of all) list.search();
    byId("health-title").focus();
    pause(false);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return; // somebody else has entered, or left, meanwhile
    signOut(/** @type {Refusal} */ (error));
  }
}

byId("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = /** @type {HTMLInputElement} */ (byId("token"));
  const token = field.value.trim().replace(/^Bearer\s+/i, "");
  field.value = "";
  if (token) enter(token);
});
byId("sign-out").addEventListener("click", () => signOut());
byId("pause").addEventListener("click", () => pause(!paused));
document.addEventListener("visibilitychange", () => { if (!byId("signed-in").hidden && !paused) watch(); });
addEventListener("pagehide", () => { // what a browser keeps of a page that was left holds no token
  /** @type {HTMLInputElement} */ (byId("token")).value = "";
  signOut();
});
setInterval(tick, 1000);
byId("token").focus();
