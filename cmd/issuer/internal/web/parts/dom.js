// Elements by function calls. Nothing here reads markup from a string, so nothing that a token says can become one.

/**
 * What an element may be given: attributes by name, true for one without a value, and listeners by "on" and the event's name.
 * @typedef {Record<string, string | number | boolean | null | undefined | ((event: Event) => void)>} Props
 * @typedef {Node | string | number | null | undefined | false} Child
 */

/**
 * Sets attributes and listeners of an element, and adds children.
 * @template {Element} E
 * @param {E} element
 * @param {Props} props
 * @param {Child[]} children
 * @returns {E}
 */
function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/**
 * An element of HTML.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Props} [props]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/**
 * An element of SVG.
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Props} [props]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[T]}
 */
export function s(tag, props = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);
}

/**
 * The element with this id, which has to be there.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`there is no #${id}`);
  return found;
}

/**
 * A button that copies a text, and says so for a moment.
 * @param {string} what it copies, as "the token"
 * @param {() => string} text
 * @returns {HTMLButtonElement}
 */
export function copyButton(what, text) {
  const label = h("span", {}, "Copy");
  const said = h("span", { class: "unseen", role: "status" });
  const button = h("button", { type: "button", class: "quiet", "aria-label": `Copy ${what}` }, label, said);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      label.textContent = "Copied";
      said.textContent = `${what} is copied`;
    } catch {
      label.textContent = "No clipboard";
    }
    setTimeout(() => { label.textContent = "Copy"; said.textContent = ""; }, 2000);
  });
  return button;
}
