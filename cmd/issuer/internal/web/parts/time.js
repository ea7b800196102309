// Times and spans for people.

import { h } from "./dom.js";

const steps = /** @type {const} */ ([["d", 86400], ["h", 3600], ["min", 60], ["s", 1]]);

/**
 * A span in its two largest units, as "4 min 52 s".
 * @param {number} seconds
 * @returns {string}
 */
export function span(seconds) {
  let left = Math.round(Math.abs(seconds));
  const parts = [];
  for (const [unit, size] of steps) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
    if (parts.length === 2 || (parts.length === 1 && count === 0)) break;
  }
  return parts.join(" ") || "0 s";
}

/**
 * Where a moment lies from now, as "in 4 min" or "2 h ago".
 * @param {number} seconds from now
 * @returns {string}
 */
export function distance(seconds) {
  if (Math.abs(seconds) < 1) return "now";
  return seconds > 0 ? `in ${span(seconds)}` : `${span(seconds)} ago`;
}

/**
 * A moment in the reader's own time.
 * @param {Date} at
 * @returns {string}
 */
export function clock(at) {
  return at.toLocaleString(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

/**
 * An element that says how far a moment is off, which tick keeps up.
 * @param {number} seconds since 1970
 * @returns {HTMLTimeElement}
 */
export function timer(seconds) {
  const at = new Date(seconds * 1000);
  const element = h("time", { datetime: Number.isNaN(at.valueOf()) ? "" : at.toISOString(), "data-at": seconds });
  element.textContent = distance(seconds - Date.now() / 1000);
  return element;
}

/** Brings all timers of the document up to date. */
export function tick() {
  for (const element of document.querySelectorAll("time[data-at]")) {
    const text = distance(Number(element.getAttribute("data-at")) - Date.now() / 1000);
    if (element.textContent !== text) element.textContent = text;
  }
}
