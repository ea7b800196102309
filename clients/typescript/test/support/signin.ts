import type { TokenSource } from "../../src/index.js";

/** A fetch during whose first request somebody else signs in, before the answer is handed on. */
export function somebodyElseSignsIn(source: TokenSource, signIn: () => void): typeof globalThis.fetch {
  let done = false;
  return async (...request) => {
    const response = await fetch(...request);
    if (done) return response;
    done = true;
    signIn();
    source.clear();
    await source.getToken();
    return response;
  };
}
