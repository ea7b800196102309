// What stands in settings: those of the engines, and where this program is.

import { byId, copyButton, h } from "./parts/dom.js";

/** @import { World } from "./api.js" */

/**
 * Shows how engines are set up, and where all of this is.
 * @param {World} world
 */
export function showSettings(world) {
  const v3 = JSON.stringify(world.v3, null, 2);
  byId("engines").replaceChildren(
    h("h3", {}, "v2, in its environment"), h("div", { class: "raw" }, h("pre", { tabindex: 0 }, h("code", {}, world.v2)), copyButton("the setting of v2", () => world.v2)),
    h("h3", {}, "v3, as AuthConfig"), h("div", { class: "raw" }, h("pre", { tabindex: 0 }, h("code", {}, v3)), copyButton("the AuthConfig of v3", () => v3)));
  byId("foot").replaceChildren(h("p", {}, "Issuer ", h("code", {}, world.issuer), " · fake tenant ", h("code", {}, world.entra.url), world.policed ? " · a policy has the last word" : ""));
}
