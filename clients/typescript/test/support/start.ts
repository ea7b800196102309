import { vi } from "vitest";
import {
  createTokenSource,
  type SubjectTokenRequest,
  type TokenError,
  type TokenSourceOptions,
} from "../../src/index.js";
import { ScriptedIssuer } from "./scripted.js";

/** A source on a scripted issuer. */
export function start(options: Partial<TokenSourceOptions> = {}) {
  const issuer = new ScriptedIssuer();
  const getSubjectToken = vi.fn<(request: SubjectTokenRequest) => string | Promise<string>>(() => "entra");
  const source = createTokenSource({ issuer: issuer.url, getSubjectToken, fetch: issuer.fetch, ...options });
  return { issuer, source, getSubjectToken };
}

/** What a promise is rejected with. Await it before anything else can take it for nobody's. */
export const failureOf = (promise: Promise<unknown>): Promise<TokenError> =>
  promise.then(
    () => Promise.reject(new Error("it came true")),
    (error) => error,
  );
