import { TokenError } from "./errors.js";
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

const urn = "urn:ietf:params:oauth:";

/** Asks the issuer once. Throws a TokenError, or the reason of signal where that is why. */
export async function exchange(o: Exchange, subjectToken: string, signal: AbortSignal): Promise<Minted> {
  const form = new URLSearchParams({
    grant_type: `${urn}grant-type:token-exchange`,
    subject_token: subjectToken,
    subject_token_type: `${urn}token-type:access_token`,
  });
  if (o.scope) form.set("scope", o.scope);
  const asked = now();
  const { response, body } = await send(o, form, signal);
  signal.throwIfAborted(); // an answer that came while it was called off is nobody's
  const answer = parse(body);
  if (response.status !== 200) throw refusal(response, answer);
  const { access_token: accessToken, token_type: type, expires_in: seconds, scope } = answer;
  if (typeof accessToken !== "string" || !accessToken || !/^bearer$/i.test(`${type}`) || !(Number(seconds) >= 1)) {
    throw refusal(response, {});
  }
  const life = Number(seconds) * 1000;
  if (since(asked) >= life) throw new TokenError("issuer_timeout", "no answer while its token lived");
  const roles = Object.freeze(typeof scope === "string" ? scope.split(" ").filter(Boolean) : []);
  return { token: Object.freeze({ accessToken, roles, expiresAt: asked.wall + life }), life, asked };
}

/**
 * Sends the form. It is what browsers call a simple request, so there is no preflight, and follows no redirect, which
 * could carry the token elsewhere.
 */
async function send(o: Exchange, form: URLSearchParams, signal: AbortSignal) {
  const attempt = new AbortController();
  const stop = () => attempt.abort();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    stop();
  }, o.timeout);
  signal.addEventListener("abort", stop);
  try {
    const response = await o.fetch(o.url, {
      method: "POST",
      body: form,
      headers: { accept: "application/json" },
      redirect: "manual",
      signal: attempt.signal,
    });
    return { response, body: await bounded(response).text() };
  } catch (cause) {
    signal.throwIfAborted();
    if (late) throw new TokenError("issuer_timeout", `no answer within ${o.timeout} ms`);
    throw new TokenError("issuer_unreachable", "no answer: network, address or CORS", { cause });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

/** More than any answer of the issuer's has. */
const longest = 65_536;

/** What of an answer is read. The rest of one that is longer is not fetched; without it, it is no JSON, unless that was blank. */
function bounded({ body }: Response): Response {
  let left = longest;
  const bound = new TransformStream({
    transform(chunk: Uint8Array<ArrayBuffer>, out) {
      left -= chunk.length;
      if (left < 0) out.terminate();
      else out.enqueue(chunk);
    },
  });
  return new Response(body?.pipeThrough(bound));
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
function refusal(response: Response, answer: Record<string, unknown>): TokenError {
  const { status, headers } = response;
  const { reason, error, error_description: description } = answer;
  const retryAfter = seconds(headers.get("retry-after") ?? "");
  if (!isWord(reason) || !isWord(error)) {
    return new TokenError("answer_malformed", `not the issuer's answer: HTTP ${status}`, { status, retryAfter });
  }
  return new TokenError(reason, harmless(description) ? description : error, {
    status,
    error,
    retryAfter,
    requestId: /^[\w.-]{1,64}$/.exec(headers.get("x-request-id") ?? "")?.[0],
  });
}

const isWord = (value: unknown): value is string => typeof value === "string" && /^[a-z_]{1,40}$/.test(value);

/** Whether text is a sentence in which no part of a token can be. */
const harmless = (text: unknown): text is string =>
  typeof text === "string" && text.length < 300 && !/[\w-]{20}/.test(text);

/** What Retry-After says, in seconds: it has them, or a date. Nothing where that is no time to wait. */
function seconds(value: string): number | undefined {
  const wait = Number(value) || (Date.parse(value) - Date.now()) / 1000;
  return wait > 0 ? wait : undefined;
}
