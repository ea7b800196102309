import type { TokenError } from "./errors.js";
import type { Exchange, Token } from "./exchange.js";

/** How an Entra token is asked for. */
export interface SubjectTokenRequest {
  /** The one in the cache was refused as too old: get another. */
  readonly forceRefresh: boolean;
  /** Whether somebody waits. Where nobody does, show nothing: throw, and be asked again when somebody does. */
  readonly interactive: boolean;
  /** Aborts when the token is no longer wanted. */
  readonly signal: AbortSignal;
}

export interface TokenSourceOptions {
  /** The issuer's base URL (`ISSUER_URL`): https, or http on this machine. */
  issuer: string | URL;
  /** Returns the caller's Entra access token for the API. Called for each exchange, so let it cache, as MSAL does. */
  getSubjectToken: (request: SubjectTokenRequest) => string | Promise<string>;
  /** Narrows the token to these Hasura roles. The issuer refuses it whole where one is not held. */
  scope?: string | readonly string[];
  /** Milliseconds that the issuer has to answer, 10,000 unless said. */
  timeout?: number;
  /** Milliseconds that a caller waits for the issuer to be well again, 30,000 unless said. */
  patience?: number;
  /** Used in place of the global fetch. */
  fetch?: typeof globalThis.fetch;
}

export interface GetTokenOptions {
  /** Lets this caller go; the exchange goes on for the others. */
  signal?: AbortSignal | undefined;
}

/** Hears of the token there is now, and why the last exchange failed, where it did. */
export type TokenListener = (token: Token | undefined, error: TokenError | undefined) => void;

/** Hands out one caller's Hasura token, and renews it. */
export interface TokenSource {
  /** The token there is, or a new one. Rejects with a TokenError, or with the reason of the signal. */
  getToken(options?: GetTokenOptions): Promise<Token>;
  /**
   * A token in place of one that Hasura refused. It is the same one where a refused one was renewed less than 30 s ago:
   * another exchange would not help, so hand on what Hasura said. Rejects with `cleared` where the refused one is none of
   * the last twenty since clear(): it may be another user's.
   */
  renew(refused: string, options?: GetTokenOptions): Promise<Token>;
  /** The token there is, unless it is about to end. Asks nobody. */
  readonly current: Token | undefined;
  /** Calls listener whenever the token changes or an exchange fails, until the function it returns is called. */
  subscribe(listener: TokenListener): () => void;
  /** Forgets the token and all failures: for when somebody signs in or out. Callers that wait are refused. */
  clear(): void;
}

/** What the options say about the exchange. Throws a TypeError where they cannot be meant. */
export function exchangeOf(options: TokenSourceOptions): Exchange {
  const { issuer, getSubjectToken, scope, timeout = 10_000, fetch = globally } = options;
  if (typeof getSubjectToken !== "function") throw new TypeError("getSubjectToken wants a function");
  const roles = typeof scope === "object" ? scope.join(" ") : scope;
  if (roles === "") throw new TypeError("scope wants a role");
  return { url: endpoint(issuer), scope: roles, timeout, fetch };
}

const globally: typeof globalThis.fetch = (...request) => globalThis.fetch(...request);

/** Schemes and hosts that a token may go to: over plain HTTP only within this machine. */
const safe = /^https:|^http:((.*\.)?localhost|127[.\d]+|\[::1])$/;

/** The token endpoint below the issuer's base URL. */
function endpoint(issuer: string | URL): string {
  try {
    const { protocol, hostname, origin, pathname } = new URL(issuer);
    if (safe.test(protocol + hostname)) return `${origin}${pathname.replace(/\/+$/, "")}/oauth2/token`;
  } catch {
    // no URL at all
  }
  throw new TypeError(`issuer wants an https URL, not ${issuer}`);
}
