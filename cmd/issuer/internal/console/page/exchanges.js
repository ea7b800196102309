// How exchanges ended in the last hour: in all, minute by minute, and by door and reason.

import { byId, h, s } from "./parts/dom.js";

/** @import { End, Replica } from "./health.js" */

const outcomes = /** @type {const} */ ({ granted: "granted", refused: "refused: by what was sent, or may be done", failed: "failed: for want of something of ours" });
const kinds = /** @type {const} */ (["granted", "refused", "failed"]);
const minutes = 60;
const height = 96;

/** @param {Replica} replica */
export function showExchanges({ exchanges }) {
  const sum = (/** @type {string} */ kind) => exchanges.filter((end) => end.outcome === kind).reduce((all, end) => all + end.total, 0);
  const not = exchanges.filter((end) => end.outcome !== "granted");
  byId("exchanges").replaceChildren(
    h("dl", { class: "totals" }, ...kinds.map((kind) => h("div", {}, h("dt", {}, kind), h("dd", { class: `count ${kind}` }, sum(kind).toLocaleString())))),
    exchanges.length ? drawing(exchanges) : h("p", { class: "standing" }, "No exchange in the last hour."),
    exchanges.length ? table(exchanges) : "",
    exchanges.length && !not.length ? h("p", { class: "standing" }, "No refusals in the last hour.") : "");
}

/** @param {End[]} ends */
function drawing(ends) {
  const columns = Array.from({ length: minutes }, (_, minute) => kinds.map((kind) => ends.filter((end) => end.outcome === kind).reduce((all, end) => all + (end.by_minute[minute] ?? 0), 0)));
  const most = Math.max(1, ...columns.map((counts) => counts.reduce((a, b) => a + b, 0)));
  const bars = columns.flatMap((counts, minute) => {
    let top = height;
    return counts.flatMap((count, i) => {
      if (!count) return [];
      const size = Math.max(1.5, (count / most) * (height - 4));
      top -= size;
      return [s("rect", { class: kinds[i], x: minute * 10 + 1, y: top, width: 8, height: size })];
    });
  });
  return h("figure", { class: "hour" },
    s("svg", { class: "bars", viewBox: `0 0 ${minutes * 10} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": `Exchanges by minute, ${most} in the busiest` }, s("line", { x1: 0, x2: minutes * 10, y1: height, y2: height }), ...bars),
    h("figcaption", {}, h("span", {}, "an hour ago"), h("span", {}, `${most} in the busiest minute`), h("span", {}, "now")),
    h("ul", { class: "legend" }, ...kinds.map((kind) => h("li", {}, s("svg", { width: 12, height: 12, "aria-hidden": "true" }, s("rect", { class: kind, width: 12, height: 12 })), outcomes[kind]))));
}

/** @param {End[]} ends */
function table(ends) {
  return h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "By reason and door" }, h("table", { class: "plain ends stack" }, h("caption", {}, "By reason and door, which is the route by which a request came"),
    h("thead", {}, h("tr", {}, ...["Reason", "Door", "Outcome", "Count", "What to do"].map((head) => h("th", { scope: "col" }, head)))),
    h("tbody", {}, ...ends.map((end) => h("tr", { class: end.outcome }, h("th", { scope: "row" }, end.reason === "none" ? "granted" : h("code", {}, end.reason)), h("td", { "data-label": "Door" }, end.door),
      h("td", { "data-label": "Outcome" }, end.outcome), h("td", { class: "number-cell", "data-label": "Count" }, end.total.toLocaleString()), h("td", { class: "todo" }, end.cure ?? ""))))));
}
