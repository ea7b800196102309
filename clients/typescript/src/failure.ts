import type { TokenError } from "./errors.js";
import { type Moment, now } from "./time.js";

/** How long a Retry-After is heeded, whatever it says. */
const longest = 600_000;

/** A failed exchange, and the pause that it asks for. */
export interface Failure {
  readonly error: TokenError;
  readonly interactive: boolean; // somebody waited
  readonly count: number; // how many have failed in a row, this one included
  readonly at: Moment;
  readonly wait: number; // milliseconds from then
}

/** The failure that comes now, after the one before where that is not forgotten. */
export function failed(error: TokenError, interactive: boolean, before: Failure | undefined): Failure {
  const count = (before?.count ?? 0) + 1;
  const backoff = Math.min(30_000, 500 * 2 ** count) * (1 - Math.random() / 2);
  const asked = Math.min((error.retryAfter ?? 0) * 1000, longest);
  return { error, interactive, count, at: now(), wait: Math.max(backoff, asked + Math.random() * 1000) };
}

/** Whether to try again by ourselves. Without a token that is good still, only what passes by itself is tried. */
export const worthRetrying = ({ temporary, reason }: TokenError, alive: boolean): boolean =>
  temporary || (alive && reason === "subject_token_failed");
