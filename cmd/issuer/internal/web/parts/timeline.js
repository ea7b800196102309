// The ring of signing keys over time, as `issuer keys list --json` and the operators' API tell it.

import { h, s } from "./dom.js";
import { clock, distance } from "./time.js";

/**
 * @typedef {object} Key
 * @property {number} generation
 * @property {string} kid
 * @property {string} alg
 * @property {"pending" | "signing" | "retiring" | "dropped" | "revoked"} state
 * @property {string | null} published_at
 * @property {string | null} signs_from
 * @property {string | null} retires_at
 * @property {string | null} dropped_at
 * @property {string | null} revoked_at
 *
 * @typedef {object} Ring
 * @property {string} now by the ring's clock
 * @property {number} period_seconds
 * @property {Key[]} keys
 */

/** What a state means to whoever verifies tokens. */
const states = {
  pending: "published ahead",
  signing: "signs",
  retiring: "retires, still published",
  dropped: "gone",
  revoked: "revoked",
};

/** Of the table. */
const heads = ["Key", "State", "Published", "Signs from", "Retires", "Gone", "kid"];

const rowHeight = 46;
const axisHeight = 30;
const most = 7; // rows: those that are gone leave first

/** @param {string | null} moment */
const seconds = (moment) => (moment ? Date.parse(moment) / 1000 : NaN);

/** A drawing of a ring, which moves as the ring does. */
export class Timeline {
  #svg = s("svg", { class: "timeline", role: "img" });
  #rows = s("g");
  #axis = s("g", { class: "axis" });
  #now = s("g", { class: "now" }, s("line", { class: "moment", y1: 18, y2: axisHeight }), s("text", { y: 14 }, "now"));
  #table = h("tbody");
  /** @type {Ring | null} */
  #ring = null;
  /** @type {Map<number, SVGGElement>} */
  #known = new Map();

  /** @param {HTMLElement} place */
  constructor(place) {
    this.#svg.append(this.#axis, this.#rows, this.#now);
    place.append(h("div", { class: "drawing" }, this.#svg), legend(), h("details", {}, h("summary", {}, "The same as a table"),
      h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Keys" }, h("table", { class: "plain keys stack" }, h("caption", { class: "unseen" }, "Keys"), h("thead", {},
        h("tr", {}, ...heads.map((head) => h("th", { scope: "col" }, head)))), this.#table))));
    new ResizeObserver(() => this.#draw()).observe(place);
  }

  /**
   * Shows the ring as it is now.
   * @param {Ring} ring
   */
  update(ring) {
    this.#ring = ring;
    this.#draw();
    this.#table.replaceChildren(...ring.keys.toReversed().map(tableRow));
  }

  #draw() {
    const ring = this.#ring;
    const width = Math.max(280, this.#svg.parentElement?.clientWidth ?? 0);
    if (!ring) return;
    const now = seconds(ring.now);
    const from = now - 1.1 * ring.period_seconds;
    const until = now + 2.4 * ring.period_seconds;
    const x = (/** @type {number} */ at) => ((Math.min(Math.max(at, from), until) - from) / (until - from)) * width;
    const keys = ring.keys.filter((key) => !(key.state === "dropped" && seconds(key.dropped_at) < from)).slice(-most);
    const height = axisHeight + keys.length * rowHeight;
    set(this.#svg, { viewBox: `0 0 ${width} ${height}`, width, height, "aria-label": summary(ring) });
    this.#drawAxis(x, from, until, height, width);
    for (const [generation, row] of this.#known) {
      if (keys.some((key) => key.generation === generation)) continue;
      row.remove();
      this.#known.delete(generation);
    }
    keys.forEach((key, i) => this.#drawKey(key, axisHeight + i * rowHeight, x, { now, until }));
    const [line, text] = this.#now.children;
    if (line && text) {
      set(line, { x1: x(now), x2: x(now) });
      set(text, { x: x(now) });
    }
  }

  /**
   * @param {(at: number) => number} x
   * @param {number} from
   * @param {number} until
   * @param {number} height
   * @param {number} width
   */
  #drawAxis(x, from, until, height, width) {
    const step = [3600, 6 * 3600, 12 * 3600, 86400, 7 * 86400, 14 * 86400].find((size) => ((until - from) / size) * 86 < width) ?? 30 * 86400;
    const offset = new Date(from * 1000).getTimezoneOffset() * 60;
    const marks = [];
    for (let at = Math.ceil((from - offset) / step) * step + offset; at < until; at += step) {
      marks.push(s("line", { x1: x(at), x2: x(at), y1: 18, y2: height }));
      if (Math.abs(x(at) - x(seconds(this.#ring?.now ?? null))) > 58 && x(at) > 46 && x(at) < width - 46) marks.push(s("text", { x: x(at), y: 14 }, clock(new Date(at * 1000))));
    }
    this.#axis.replaceChildren(...marks);
  }

  /**
   * @param {Key} key
   * @param {number} y
   * @param {(at: number) => number} x
   * @param {{now: number, until: number}} span
   */
  #drawKey(key, y, x, { now, until }) {
    let row = this.#known.get(key.generation);
    if (!row) {
      row = s("g", { class: "key" }, s("rect", { class: "ahead", y: 22, height: 14 }), s("rect", { class: "signs", y: 22, height: 14 }), s("rect", { class: "retires", y: 22, height: 14 }),
        s("line", { class: "moment", y1: 0, y2: rowHeight }), s("text", { class: "name" })); // the name comes last, so that it covers the line behind it
      this.#known.set(key.generation, row);
      this.#rows.append(row);
    }
    const [ahead, signs, retires, line, name] = row.children;
    if (!name || !line || !ahead || !signs || !retires) return;
    set(line, { x1: x(now), x2: x(now) });
    const end = key.revoked_at ? seconds(key.revoked_at) : until;
    const begins = Math.min(seconds(key.signs_from), end);
    const stops = Math.min(key.retires_at ? seconds(key.retires_at) : until, end);
    const gone = Math.min(key.dropped_at ? seconds(key.dropped_at) : until, end);
    row.setAttribute("class", `key ${key.state}`);
    row.setAttribute("transform", `translate(0 ${y})`);
    bar(ahead, x(seconds(key.published_at)), x(begins));
    bar(signs, x(begins), x(Math.max(begins, stops)));
    bar(retires, x(Math.max(begins, stops)), x(Math.max(begins, gone)));
    name.textContent = `Key ${key.generation} ${states[key.state]}`;
    const left = Math.min(x(seconds(key.published_at)), this.#svg.viewBox.baseVal.width - 7 * name.textContent.length);
    set(name, { x: Math.max(0, left), y: 15 });
  }
}

/**
 * @param {Element} rect
 * @param {number} from
 * @param {number} to
 */
function bar(rect, from, to) {
  set(rect, { x: from, width: Math.max(0, to - from), visibility: to - from < 0.5 ? "hidden" : "visible" });
}

/**
 * @param {Element} element
 * @param {Record<string, string | number>} attributes
 */
function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
}

/** @param {Ring} ring */
function summary(ring) {
  const now = seconds(ring.now);
  const of = (/** @type {Key["state"]} */ state) => ring.keys.filter((key) => key.state === state);
  const said = of("signing").map((key) => `Key ${key.generation} signs${key.retires_at ? `, until ${distance(seconds(key.retires_at) - now)}` : ""}.`);
  const next = of("pending").map((key) => `Key ${key.generation} is published ahead and signs ${distance(seconds(key.signs_from) - now)}.`);
  const old = of("retiring").map((key) => `Key ${key.generation} has retired and leaves the key set ${distance(seconds(key.dropped_at) - now)}.`);
  return [...said, ...next, ...old].join(" ");
}

function legend() {
  const items = /** @type {const} */ ([["ahead", "published ahead"], ["signs", "signs"], ["retires", "retires: published while its tokens live"]]);
  return h("ul", { class: "legend" }, ...items.map(([kind, text]) => h("li", {}, s("svg", { width: 22, height: 12, "aria-hidden": "true" }, s("rect", { class: kind, width: 22, height: 12, rx: 2 })), text)));
}

/** @param {Key} key */
function tableRow(key) {
  const moment = (/** @type {string | null} */ at) => (at ? clock(new Date(at)) : "–");
  const kid = h("span", {}, h("code", {}, key.kid.slice(0, 12), "…"), ` ${key.alg}`);
  return h("tr", {}, h("th", { scope: "row", "data-label": heads[0] }, key.generation), ...[states[key.state], moment(key.published_at), moment(key.signs_from),
    moment(key.retires_at), moment(key.revoked_at ?? key.dropped_at), kid].map((cell, i) => h("td", { "data-label": heads[i + 1] }, cell)));
}

