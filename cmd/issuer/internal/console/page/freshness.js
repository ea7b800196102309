// What of the page is old, because the service does not answer any more, or not about that.

import { byId, h } from "./parts/dom.js";
import { Refusal } from "./session.js";
import { refusalView, trouble } from "./trouble.js";

/** What is looked at over and over: where to say that a look failed, and the headings of what it shows. */
const views = {
  replica: { fault: "health-fault", titles: ["health-title", "exchanges-title"] },
  keys: { fault: "keys-fault", titles: ["keys-title"] },
};

/** @typedef {keyof typeof views} View */

/** When each was last seen. @type {Record<View, string>} */
const seen = { replica: "", keys: "" };

/** @param {View} view */
export function answered(view) {
  seen[view] = new Date().toLocaleTimeString(undefined, { hourCycle: "h23" });
  byId(views[view].fault).replaceChildren();
  mark(view, "");
  if (view !== "replica") return;
  byId("fresh").textContent = `As of ${seen.replica}`;
  silent(null);
}

/**
 * Says that a look failed, and marks what was seen before as old.
 * @param {View} view
 * @param {unknown} error nothing is marked where somebody signed out
 */
export function failed(view, error) {
  const says = trouble(error);
  if (!says) return;
  const gone = view === "replica" && error instanceof Refusal && ["unreachable", "no_answer_of_ours"].includes(error.reason) ? error : null;
  const { fault } = views[view];
  if (view === "replica") silent(gone);
  byId(fault).replaceChildren(...(gone ? [] : [says, seen[view] ? h("p", {}, `What follows was last seen at ${seen[view]}.`) : ""]));
  mark(view, gone ? "no-answer" : fault);
}

/** Nothing is old where nothing is shown. */
export function forget() {
  for (const view of /** @type {View[]} */ (Object.keys(views))) {
    seen[view] = "";
    byId(views[view].fault).replaceChildren();
    mark(view, "");
  }
  silent(null);
}

/**
 * The one banner, which stays in sight while nothing answers, and at the top why. It is drawn once, so that it is read aloud once.
 * @param {Refusal | null} error
 */
function silent(error) {
  byId("signed-in").classList.toggle("silent", Boolean(error));
  const banner = byId("no-answer");
  const since = error ? seen.replica || "this page was opened" : "";
  if (banner.dataset.since === since) return;
  banner.dataset.since = since;
  banner.textContent = error ? `No answer since ${since}; what follows was last seen then.` : "";
  byId("no-answer-why").replaceChildren(...(error ? [refusalView(error)] : []));
}

/**
 * @param {View} view
 * @param {string} why the id of what says so, nothing where the view is fresh
 */
function mark(view, why) {
  for (const title of views[view].titles) {
    const section = byId(title).closest("section");
    section?.classList.toggle("stale", Boolean(why));
    if (why) section?.setAttribute("aria-describedby", why);
    else section?.removeAttribute("aria-describedby");
  }
}
