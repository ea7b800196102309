import { TokenError } from "./errors.js";
import { text } from "./text.js";
import { type Moment, now, since } from "./time.js";

/** A Hasura token. Keep it in memory only. */
export interface Token {
  /** What goes behind `Bearer` in the `Authorization` header. */
  readonly accessToken: string;
  /** The Hasura roles that the token holds, the default role first. */
  readonly roles: readonly string[];
  /**
   * When it ends, in milliseconds since the epoch by this machine's clock. To show, not to reckon with: the clock may
   * be wrong.
   */
  readonly expiresAt: number;
}

/** Where and how to ask. */
export interface Exchange {
  readonly url: string;
  readonly scope: string | undefined;
  readonly timeout: number;
  readonly fetch: typeof globalThis.fetch;
}

/** A token with what is reckoned with: how long it lives, in milliseconds, counted from before it was asked for. */
export interface Minted {
  readonly token: Token;
  readonly life: number;
  readonly asked: Moment;
}

/** What no token lives longer than, in seconds: 365 days. */
const longestLifetime = 31_536_000;

/** Asks the issuer once. Throws a TokenError, or the reason of signal where that is why. */
export async function exchange(o: Exchange, subjectToken: string, signal: AbortSignal): Promise<Minted> {
  const form = new URLSearchParams({
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    subject_token: subjectToken,
    subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
  });
  if (o.scope) form.set("scope", o.scope);
  const asked = now();
  const { response, body } = await send(o, form, signal);
  const answer = parse(body);
  if (response.status !== 200) throw refusal(o.url, response, answer);
  const accessToken = text(answer.access_token, /^[\w.-]+$/);
  const lifetime = Number(answer.expires_in);
  const isLifetime = Number.isInteger(lifetime) && lifetime > 0 && lifetime <= longestLifetime;
  if (!accessToken || !isLifetime || !text(answer.token_type, /^bearer$/i)) throw refusal(o.url, response, {});
  const life = lifetime * 1000;
  if (since(asked) >= life) throw late();
  const roles = Object.freeze(text(answer.scope, /./)?.match(/\S+/g) ?? []);
  return { token: Object.freeze({ accessToken, roles, expiresAt: asked.wall + life }), life, asked };
}

/**
 * Sends the form. It is what browsers call a simple request, so there is no preflight, and follows no redirect, which
 * could carry the token elsewhere.
 */
async function send(o: Exchange, form: URLSearchParams, signal: AbortSignal) {
  const attempt = new AbortController();
  const stop = () => attempt.abort(signal.reason);
  const timer = setTimeout(() => attempt.abort(late()), o.timeout);
  signal.addEventListener("abort", stop);
  try {
    const response = await o.fetch(o.url, {
      method: "POST",
      body: form,
      redirect: "manual",
      signal: attempt.signal,
    });
    return { response, body: await bounded(response).text() };
  } catch (thrown) {
    attempt.signal.throwIfAborted();
    // No more of it than its code: Node's errors hold what came, which could be the token that was sent.
    const { cause } = Object(thrown);
    throw new TokenError("issuer_unreachable", `no answer from ${o.url}: ${cause?.code ?? "network or CORS"}`);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

/** That there was no answer within the timeout, or none while its token lived. */
const late = () => new TokenError("issuer_timeout", "no answer in time");

/** More than any answer of the issuer's has. */
const longest = 65_536;

/** What of an answer is read. The rest of one that is longer is not fetched; without it, it is no JSON, unless that was blank. */
function bounded(response: Response): Response {
  const { body } = response;
  if (!body?.pipeThrough) return response; // no stream: React Native's fetch, or one of a test
  let left = longest;
  const bound = new TransformStream({
    transform(chunk: Uint8Array<ArrayBuffer>, out) {
      left -= chunk.length;
      if (left < 0) out.terminate();
      else out.enqueue(chunk);
    },
  });
  return new Response(body.pipeThrough(bound));
}

/** The members of a JSON object; none where body is none. What JSON.parse throws quotes the body, so it goes no further. */
function parse(body: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(body));
  } catch {
    return {};
  }
}

/** What an answer means that brings no token, which is nothing where answer has not what the issuer's have. */
function refusal(url: string, { status, headers }: Response, answer: Record<string, unknown>): TokenError {
  const error = text(answer.error, word);
  const reason = error && text(answer.reason, word);
  const description = reason ? (text(answer.error_description, sentence) ?? error) : "not the issuer's answer";
  return new TokenError(reason ?? "answer_malformed", `${description} (HTTP ${status} from ${url})`, {
    status,
    error,
    retryAfter: seconds(headers.get("retry-after") ?? ""),
    requestId: text(headers.get("x-request-id"), /^[\w.-]{1,64}$/),
  });
}

const word = /^[a-z_]{1,40}$/;

/** The parts of a token are longer than any word in these. */
const sentence = /^(?!.*[\w-]{20}).{1,300}$/;

/** What Retry-After says, in seconds: it has them, or a date. Nothing where that is no time to wait. */
function seconds(value: string): number | undefined {
  const wait = Number(value) || (Date.parse(value) - Date.now()) / 1000;
  return wait > 0 ? wait : undefined;
}
