import type { TokenError } from "./errors.js";
import type { Token } from "./exchange.js";
import type { TokenListener } from "./options.js";

/** Those who want to hear of each token. */
export class Listeners {
  readonly #all = new Set<TokenListener>();

  /** Whether anybody listens, in a page that can be seen or where there is no page. */
  get any(): boolean {
    return this.#all.size > 0 && globalThis.document?.visibilityState !== "hidden";
  }

  /** Returns what takes the listener away again. */
  add(listener: TokenListener): () => void {
    const own: TokenListener = (...heard) => listener(...heard); // one function may be given twice
    this.#all.add(own);
    return () => void this.#all.delete(own);
  }

  /** Tells each, apart from whoever caused it, so that what a listener throws is its own affair. */
  tell(token: Token | undefined, error?: TokenError): void {
    for (const listener of this.#all) {
      queueMicrotask(() => this.#all.has(listener) && listener(token, error));
    }
  }
}

/** Has wake called, or no longer, when the page is seen again or comes out of the browser's cache, or the network is back. */
export function listenFor(wake: (event: Event) => void, change: "addEventListener" | "removeEventListener"): void {
  globalThis.document?.[change]("visibilitychange", wake);
  globalThis[change]?.("pageshow", wake);
  globalThis[change]?.("online", wake);
}
