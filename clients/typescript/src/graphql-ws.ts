import type { ClientOptions } from "graphql-ws";
import type { Token, TokenError, TokenSource } from "./index.js";

/** Its code says: by the client's own wish. graphql-ws connects again after it, and subscribes again. */
const replaced = 4205;

/** And this one: there is no token for a while. */
const later = 4503;

interface Socket {
  readonly readyState: number;
  close(code: number, reason: string): void;
}

/**
 * The options of a graphql-ws client whose connections bear the token. A connection is replaced when its token is renewed
 * or cleared, before Hasura ends it; subscriptions go on with the next one. What is sent and not yet answered is sent again,
 * so send mutations by HTTP. Options that are given hold, and headers are added to.
 */
export function withToken<Options extends ClientOptions>(source: TokenSource, options: Options): Options {
  const { on = {}, connectionParams, retryWait = patiently } = options;
  let opened: Socket | undefined;
  let used = ""; // the token of the connection
  let replacing = false;
  let leave = () => {};
  return {
    ...options,
    shouldRetry: options.shouldRetry ?? ((error) => Object(error).temporary !== false),
    retryWait: async (retries) => (replacing && !retries ? undefined : retryWait(retries)),
    connectionParams: async () => {
      const given = typeof connectionParams === "function" ? await connectionParams() : connectionParams;
      try {
        used = (await source.getToken()).accessToken;
      } catch (error) {
        if (!Object(error).temporary) throw error;
        opened?.close(later, "No token yet"); // what is thrown here is not tried again
      }
      return { ...given, headers: { ...Object(given?.headers), Authorization: `Bearer ${used}` } };
    },
    on: {
      ...on,
      opened: (socket) => {
        opened = socket as Socket;
        on.opened?.(socket);
      },
      connected: (socket, payload, wasRetry) => {
        replacing = false;
        leave();
        leave = watch(source, used, () => {
          replacing = true;
          (socket as Socket).close(replaced, "Client Restart");
        });
        on.connected?.(socket, payload, wasRetry);
      },
      closed: (event) => {
        leave();
        const { code, reason } = Object(event);
        if (used && (code === 4403 || /JW[TK]/.test(reason))) source.renew(used).catch(() => {});
        on.closed?.(event);
      },
    },
  };
}

/** Keeps the token of an open connection renewed, also in a hidden page, and says once when it is another's turn, or nobody's. */
function watch(source: TokenSource, used: string, changed: () => void): () => void {
  const look = (token: Token | undefined, error?: TokenError) => {
    if (error) return; // the connection may live on while the issuer is away
    if (token?.accessToken === used) return void source.getToken().catch(() => {}); // it is wanted
    leave();
    changed();
  };
  const leave = source.subscribe(look);
  if (source.current) look(source.current);
  return leave;
}

/** As graphql-ws waits unless told otherwise. */
const patiently = (retries: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, 1000 * 2 ** retries + 300 + Math.random() * 2700));
