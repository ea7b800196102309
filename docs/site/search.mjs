// What the site's search takes for words. Its functions are written into the page, so each holds all that it needs.

/** The words to look for: no_roles and ISSUER_ROLES_FILE are one each, or their parts would be marked wherever they stand. */
export const wanted = (text) => text.split(/[^\p{L}\p{N}_]+/u).filter(Boolean);

/** The words to be found by: those of ISSUER_ROLES_FILE are it, each of its parts, and ROLES_FILE. */
export const kept = (text) => text.split(/[^\p{L}\p{N}_]+/u).flatMap((word) => {
  const parts = word.split("_");
  return [...new Set(parts.flatMap((part, i) => [part, parts.slice(i).join("_")]))];
}).filter(Boolean);
