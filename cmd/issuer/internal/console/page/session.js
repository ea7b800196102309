// Who operates, and what is asked of the operators' API in their name. The token is in this module's memory and nowhere else.

import { cures } from "./cures.js";

const patience = 10_000; // above what the service itself allows a request

let token = "";
/** What stops when somebody signs out: answers to their requests are not for who comes next. */
let visit = new AbortController();

/** @type {(refusal?: Refusal) => void} */
let leave = () => {};

/** What the API, or the way there, says no by. */
export class Refusal extends Error {
  /** @param {{reason: string, status?: number, says: string, request?: string | null}} refusal */
  constructor({ reason, status, says, request }) {
    super(says);
    this.reason = reason;
    this.request = request; // by which the log names it
    this.status = status;
    this.cure = /\bdetail\b/.test(cures[reason] ?? "") ? undefined : cures[reason]; // what detail says is said already
  }
}

/**
 * Holds a token from now on.
 * @param {string} text
 * @param {(refusal?: Refusal) => void} ended is called when it is forgotten, with the reason where it was refused
 */
export function signIn(text, ended) {
  visit.abort(); // who was asked for before is not who comes now
  visit = new AbortController();
  token = text;
  leave = ended;
}

/**
 * Forgets the token.
 * @param {Refusal} [refusal]
 */
export function signOut(refusal) {
  if (!token) return;
  token = "";
  visit.abort();
  leave(refusal);
}

/**
 * Asks the API. An error is a Refusal, or an AbortError once somebody has signed out.
 * @param {string} path below this origin
 * @param {unknown} [question] for a POST
 * @returns {Promise<any>}
 */
export async function ask(path, question) {
  const { signal } = visit;
  /** @type {RequestInit} */
  const how = question === undefined ? {} : { method: "POST", body: JSON.stringify(question) };
  const response = await fetch(path, {
    ...how, headers: { Authorization: `Bearer ${token}`, ...(question === undefined ? {} : { "Content-Type": "application/json" }) },
    credentials: "omit", cache: "no-store", redirect: "error", signal: AbortSignal.any([signal, AbortSignal.timeout(patience)]),
  }).catch((error) => {
    signal.throwIfAborted();
    throw new Refusal({ reason: "unreachable", says: error.name === "TimeoutError" ? "The service did not answer in time." : "The service does not answer." });
  });
  const answer = await response.json().catch(() => null);
  signal.throwIfAborted();
  if (response.ok && answer) return answer;
  const refusal = new Refusal({ reason: answer?.reason ?? "no_answer_of_ours", status: response.status, request: response.headers.get("X-Request-Id"), says: answer?.detail ?? answer?.title ?? "What came is no answer of the operators’ API." });
  if (response.status === 401 || response.status === 403) signOut(refusal);
  throw refusal;
}
