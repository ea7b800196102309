import { ApolloLink, Observable } from "@apollo/client";
import { isTokenError, refusesToken } from "./hasura.js";
import type { Token, TokenSource } from "./index.js";

/**
 * A link that sends the token along, and sends an operation once more with a new token where Hasura (v2 or v3) refuses the
 * first. Put it before the HttpLink. Where there is no token, or somebody else signed in meanwhile, the operation fails with
 * the TokenError.
 */
export function createAuthLink(source: TokenSource): ApolloLink {
  return new ApolloLink(
    (operation, forward) =>
      new Observable<ApolloLink.Result>((observer) => {
        const gone = new AbortController();
        const { signal } = gone;
        const send = (token: Token, retry: boolean) => {
          if (signal.aborted) return;
          operation.setContext(({ headers }: { headers?: Record<string, string> }) => ({
            headers: { ...headers, authorization: `Bearer ${token.accessToken}` },
          }));
          let held: (() => void) | undefined; // what was answered, while another answer is asked for
          const orElse = (refused: boolean, answer: () => void) => {
            if (!retry || !refused) return answer();
            held = answer;
            source
              .renew(token.accessToken, { signal })
              .then((next) => (next.accessToken === token.accessToken ? answer() : send(next, false)), fail);
          };
          const subscription = forward(operation).subscribe({
            next: (result) => {
              orElse(!!result.errors?.some(isTokenError), () => {
                observer.next(result);
                if (held) observer.complete();
              });
            },
            error: (error) => orElse(refusesToken(bodyOf(error)), () => observer.error(error)),
            complete: () => {
              if (!held) observer.complete();
            },
          });
          signal.addEventListener("abort", () => subscription.unsubscribe());
        };
        const fail = (error: unknown) => {
          if (!signal.aborted) observer.error(error);
        };
        source.getToken({ signal }).then((token) => send(token, true), fail);
        return () => gone.abort();
      }),
  );
}

/** The body of an answer that was no success, as Apollo's ServerError has it. */
function bodyOf(error: unknown): unknown {
  try {
    return JSON.parse(Object(error).bodyText);
  } catch {
    return undefined;
  }
}
