import { type Exchange, makeErrorResult, makeOperation, type Operation, type OperationResult } from "@urql/core";
import { empty, filter, fromPromise, fromValue, makeSubject, merge, mergeMap, pipe, share, takeUntil } from "wonka";
import { isTokenError } from "./hasura.js";
import type { Token, TokenSource } from "./index.js";

/** An operation, and how Hasura refused its first token where it did. */
interface Attempt {
  readonly operation: Operation;
  readonly refused?: { readonly token: string; readonly result: OperationResult };
}

/** Names, in an operation's context, the token it was sent with; the one in place of a refused one is not named. */
const sent = "hasuraToken";

/**
 * An exchange that sends the token along, and sends an operation once more with a new token where Hasura (v2 or v3) refuses
 * the first. Put it before the fetchExchange. Where there is no token, or somebody else signed in meanwhile, the operation's
 * network error is the TokenError.
 */
export function createAuthExchange(source: TokenSource): Exchange {
  return ({ forward }) =>
    (operations) => {
      const shared = pipe(operations, share);
      const again = makeSubject<Attempt>();
      const answers = makeSubject<OperationResult>();
      const prepare = (attempt: Attempt) => {
        const { operation } = attempt;
        if (operation.kind === "teardown") return fromValue(operation);
        const torn = filter<Operation>(({ kind, key }) => kind === "teardown" && key === operation.key)(shared);
        const prepared = authorize(source, attempt).catch((failure) => {
          answers.next(failure instanceof Error ? makeErrorResult(operation, failure) : failure);
        });
        return pipe(
          fromPromise(prepared),
          mergeMap((ready) => (ready ? fromValue(ready) : empty)),
          takeUntil(torn),
        );
      };
      const attempts = merge([
        mergeMap((operation: Operation) => fromValue<Attempt>({ operation }))(shared),
        again.source,
      ]);
      const results = filter((result: OperationResult) => {
        const { operation, error } = result;
        const token: unknown = operation.context[sent];
        if (typeof token !== "string" || !error?.graphQLErrors.some(isTokenError)) return true;
        again.next({ operation, refused: { token, result } });
        return false;
      })(forward(mergeMap(prepare)(attempts)));
      return merge([results, answers.source]);
    };
}

/** The operation with a token. Rejects with why there is none, or with Hasura's answer where there is no other than the refused one. */
async function authorize(source: TokenSource, { operation, refused }: Attempt): Promise<Operation> {
  if (!refused) return bearing(operation, await source.getToken(), true);
  const token = await source.renew(refused.token);
  if (token.accessToken === refused.token) throw refused.result;
  return bearing(operation, token, false);
}

function bearing(operation: Operation, { accessToken }: Token, first: boolean): Operation {
  const { context } = operation;
  const options = typeof context.fetchOptions === "function" ? context.fetchOptions() : context.fetchOptions;
  const headers = new Headers(options?.headers);
  headers.set("authorization", `Bearer ${accessToken}`);
  return makeOperation(operation.kind, operation, {
    ...context,
    [sent]: first ? accessToken : undefined,
    fetchOptions: { ...options, headers: Object.fromEntries(headers) },
  });
}
