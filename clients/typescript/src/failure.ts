import type { TokenError } from "./errors.js";
import { now, since } from "./time.js";

/** How long a Retry-After is heeded, whatever it says. */
const longest = 600_000;

/** A failed exchange, and the pause that it asks for. */
export class Failure {
  readonly #at = now();
  readonly #wait: number;

  /** interactive is whether somebody waited; count is how many have failed in a row, this one included. */
  constructor(
    readonly error: TokenError,
    readonly interactive: boolean,
    readonly count: number,
  ) {
    const backoff = Math.min(30_000, 500 * 2 ** count) * (1 - Math.random() / 2);
    const asked = Math.min((error.retryAfter ?? 0) * 1000, longest);
    this.#wait = Math.max(backoff, asked + Math.random() * 1000);
  }

  /** Milliseconds that are left of the pause; 0 or less when it is over. */
  get left(): number {
    return this.#wait - since(this.#at);
  }

  /** Whether somebody who waits now may try at once: nobody did when it failed, and the issuer did not ask to be left alone. */
  get unasked(): boolean {
    return !this.interactive && !this.error.retryAfter && this.worthRetrying(true);
  }

  /** Whether to try again by ourselves. Without a token that is good still, only what passes by itself is tried. */
  worthRetrying(alive: boolean): boolean {
    return this.error.temporary || (alive && this.error.reason === "subject_token_failed");
  }
}
