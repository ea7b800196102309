// Whether the Hasura token on the page has ended: the keys' clock can be set past its end, and takes its key away then.

import { h } from "./parts/dom.js";
import { decode } from "./parts/jwt.js";
import { span } from "./parts/time.js";

/** @import { RingState } from "./api.js" */

let end = NaN; // in milliseconds, by the keys' clock
let mintedAhead = 0;
let said = "";

/**
 * Another token is on the page, or none.
 * @param {string} token
 * @param {number} ahead how many seconds the keys' clock was ahead of the token's when it was made
 */
export function holdToken(token, ahead) {
  const exp = decode(token).payload?.["exp"];
  end = typeof exp === "number" ? (exp + ahead) * 1000 : NaN;
  mintedAhead = ahead;
  say("", () => {});
}

/**
 * Says so once the token has ended.
 * @param {RingState} ring
 * @param {() => void} again exchanges anew
 */
export function lookAtEnd(ring, again) {
  if (!(Date.parse(ring.now) >= end)) return say("", again);
  const moved = ring.ahead_seconds - mintedAhead;
  say(moved < 1 ? "This Hasura token has ended." : `By the keys’ clock, which was set ${span(moved)} forward, this Hasura token has ended. The engines here go by the true time: they refuse it once its key has left the key set.`, again);
}

/**
 * @param {string} text
 * @param {() => void} again
 */
function say(text, again) {
  if (text === said) return; // so that it is read aloud once
  said = text;
  for (const place of document.querySelectorAll(".ended")) {
    place.replaceChildren(...(text ? [h("div", { class: "note" }, h("p", {}, text), h("button", { type: "button", class: "quiet", onclick: again }, "Exchange anew"))] : []));
  }
}
