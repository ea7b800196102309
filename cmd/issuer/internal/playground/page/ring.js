// The keys, watched and moved.

import { api } from "./api.js";
import { lookAtEnd } from "./ended.js";
import { byId, h } from "./parts/dom.js";
import { clock, span } from "./parts/time.js";
import { Timeline } from "./parts/timeline.js";

/** @import { RingState } from "./api.js" */

const every = 2000;

/**
 * Draws the ring, looks at it every two seconds while somebody does, and moves it when asked to.
 * @param {() => void} moved is called after each move
 * @param {() => void} renew exchanges anew
 */
export function watchRing(moved, renew) {
  const timeline = new Timeline(byId("ring"));
  const says = byId("ring-says");
  const show = (/** @type {RingState} */ ring) => {
    timeline.update(ring);
    byId("clock").textContent = ring.ahead_seconds > 0 ? `The keys’ clock is ${span(ring.ahead_seconds)} ahead: ${clock(new Date(ring.now))}. Only a restart of issuer dev sets it back.` : "";
    lookAtEnd(ring, renew);
  };
  const look = async () => {
    if (document.visibilityState === "visible") show(await api.keys());
  };
  const act = async (/** @type {() => Promise<RingState>} */ what, /** @type {(ring: RingState) => Node[]} */ tell) => {
    try {
      const ring = await what();
      show(ring);
      says.replaceChildren(...tell(ring));
      moved();
    } catch (error) {
      says.replaceChildren(h("p", { class: "bad" }, `This did not work: ${error instanceof Error ? error.message : error}`));
    }
  };
  const rotate = (/** @type {boolean} */ force) => act(() => api.rotate(force), (ring) => (ring.refused ? refused(ring, () => { byId("rotate").focus(); rotate(true); }) : [h("p", {}, done(ring))]));
  byId("rotate").addEventListener("click", () => rotate(false));
  for (const button of document.querySelectorAll("button[data-pass]")) {
    const seconds = Number(button.getAttribute("data-pass"));
    button.addEventListener("click", () => act(() => api.pass(seconds), (ring) => [h("p", {}, done(ring))]));
  }
  const again = () => setTimeout(() => look().catch(() => {}).finally(again), every);
  look().catch(() => {});
  document.addEventListener("visibilitychange", () => look().catch(() => {}));
  again();
}

/** @param {RingState} ring */
function done(ring) {
  const key = ring.keys.find((k) => k.state === "signing");
  const ahead = ring.keys.filter((k) => k.state === "pending").map((k) => k.generation);
  return `Key ${key?.generation ?? "?"} signs now. Published ahead: ${ahead.join(" and ")}.`;
}

/**
 * Why a rotation is refused, and the way round that there is.
 * @param {RingState} ring
 * @param {() => void} force
 */
function refused(ring, force) {
  const full = ring.keys.filter((key) => key.state === "retiring").length > 1; // nothing forces a sixth key into the set
  const from = ring.from ? clock(new Date(ring.from)) : "later";
  const button = h("button", { type: "button", onclick: force }, "Rotate all the same");
  return [h("div", { class: "note" }, h("p", {}, h("strong", {}, "Not yet: "), `${ring.refused}. From ${from} on it is safe.`),
    full ? h("p", {}, "Let time pass, and try again.") : h("p", {}, "Where engines run, that would cost an outage: a Hasura v2 that has not fetched the next key refuses every token by it until it fetches again. Here nobody minds."), full ? null : button)];
}
