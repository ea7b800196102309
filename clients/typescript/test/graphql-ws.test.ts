import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buildSchema } from "graphql/index.js"; // the one instance that graphql-ws has
import { type ClientOptions, createClient } from "graphql-ws";
import { type Extra, useServer } from "graphql-ws/use/ws";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { withToken } from "../src/graphql-ws.js";
import type { TokenError } from "../src/index.js";
import { Page, wallClockMoves, withClock } from "./support/clock.js";
import { refusal } from "./support/scripted.js";
import { failureOf, start } from "./support/start.js";

withClock();

interface Connection {
  headers: Record<string, string>;
  close: (code: number, reason: string) => void;
}

/** A real graphql-ws server that hands out what a subscription sees of Hasura: which token its connection bears. */
async function serve() {
  const connections: Connection[] = [];
  const open = new Set<WebSocket>();
  let refuse: (token: string) => [number, string] | undefined = () => undefined;
  const http = createServer();
  const wss = new WebSocketServer({ server: http });
  wss.on("connection", (socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
  });
  useServer<{ headers: Record<string, string> }, Extra & Record<PropertyKey, unknown>>(
    {
      schema: buildSchema("type Query { hello: String } type Subscription { token: String }"),
      roots: {
        subscription: {
          async *token(_args: unknown, context: { connectionParams?: { headers: Record<string, string> } }) {
            yield { token: context.connectionParams?.headers.Authorization };
            await new Promise(() => {});
          },
        },
      },
      context: (context) => context,
      connectionInitWaitTimeout: Number.POSITIVE_INFINITY, // the clock runs ahead of the network here
      onConnect: ({ connectionParams, extra }) => {
        const headers = connectionParams?.headers ?? {};
        const refused = refuse(headers.Authorization ?? "");
        connections.push({ headers, close: (code, reason) => extra.socket.close(code, reason) });
        if (refused) extra.socket.close(...refused);
      },
    },
    wss,
    0, // no pings, for the same reason
  );
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return {
    url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}`,
    connections,
    open,
    refuse: (judge: typeof refuse) => {
      refuse = judge;
    },
    stop: async () => {
      for (const socket of open) socket.terminate();
      wss.close();
      http.closeAllConnections();
      await new Promise<void>((resolve) => http.close(() => resolve()));
    },
  };
}

let server: Awaited<ReturnType<typeof serve>>;
beforeEach(async () => {
  server = await serve();
});
afterEach(() => server.stop());

function connect(options: Partial<ClientOptions> = {}, sourceOptions = {}) {
  const { source, issuer } = start(sourceOptions);
  const client = createClient(withToken(source, { url: server.url, webSocketImpl: WebSocket, ...options }));
  return { source, issuer, client };
}

/** Subscribes, and keeps what comes of it. */
function subscribe(client: ReturnType<typeof createClient>) {
  const seen: unknown[] = [];
  const ended: unknown[] = [];
  const leave = client.subscribe<{ token: string }>(
    { query: "subscription { token }" },
    {
      next: ({ data }) => seen.push(data?.token),
      error: (error) => ended.push(error),
      complete: () => ended.push("complete"),
    },
  );
  return { seen, ended, leave };
}

const real = { setTimeout: globalThis.setTimeout, now: process.hrtime.bigint };

/** Real time passes until it is so, while the clock of the source stands. */
async function until(so: () => boolean | Promise<boolean>): Promise<void> {
  const start = real.now();
  while (!(await so())) {
    if (real.now() - start > 30_000_000_000n) throw new Error(`it is not so: ${so}`);
    await new Promise((resolve) => real.setTimeout(resolve, 2));
  }
}

/** The network has a moment, while the clock of the source stands: for what must not happen. */
const standStill = () => new Promise((resolve) => real.setTimeout(resolve, 50));

/** The clock goes on by so many seconds, and what is due happens. */
const pass = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1000);

test("a connection is replaced each time its token is renewed, and subscriptions go on", async () => {
  const { client, issuer } = connect();
  const one = subscribe(client);
  const two = subscribe(client);
  for (let n = 1; n <= 4; n++) {
    await until(() => one.seen.length === n && two.seen.length === n && server.open.size === 1);
    expect(issuer.asked).toHaveLength(n);
    await pass(256);
  }
  await until(() => one.seen.length === 5);
  expect(one.seen).toEqual([1, 2, 3, 4, 5].map((n) => `Bearer hasura-${n}`));
  expect([...one.ended, ...two.ended]).toEqual([]);
  expect(server.connections).toHaveLength(5);
  one.leave();
  two.leave();
  await until(() => server.open.size === 0 && one.ended.length === 1);
  expect([...one.ended, ...two.ended]).toEqual(["complete", "complete"]);
});

test("once nobody subscribes, the token is not kept", async () => {
  const { client, issuer } = connect();
  const { seen, leave } = subscribe(client);
  await until(() => seen.length === 1);
  leave();
  await until(() => server.open.size === 0);
  await pass(3600);
  expect(issuer.asked.length).toBeLessThanOrEqual(2); // the renewal that was under way
});

test("while the issuer is away the connection stays, and Hasura's end of it is not the subscription's", async () => {
  const { client, issuer } = connect();
  const { seen, ended } = subscribe(client);
  await until(() => seen.length === 1);
  issuer.otherwise = { broken: true };
  await pass(299);
  expect(server.connections).toHaveLength(1);
  expect(server.open.size).toBe(1);
  issuer.otherwise = undefined;
  await pass(1);
  server.connections[0]?.close(1000, "JWTExpired");
  await until(() => server.open.size === 0 || server.connections.length === 2);
  await until(() => seen.length === 2);
  expect(ended).toEqual([]);
});

test("after a sleep the connection that was lost comes back with a new token", async () => {
  const { client } = connect();
  const { seen, ended } = subscribe(client);
  await until(() => seen.length === 1);
  wallClockMoves(8 * 3600);
  for (const socket of server.open) socket.terminate();
  await until(() => server.open.size === 0);
  await until(async () => {
    await pass(1);
    return seen.length === 2;
  });
  expect(seen).toEqual(["Bearer hasura-1", "Bearer hasura-2"]);
  expect(ended).toEqual([]);
});

test("a token that v3 refuses is renewed, and the connection tried again", async () => {
  server.refuse((authorization) => (authorization === "Bearer hasura-1" ? [4403, "Forbidden"] : undefined));
  const { client, issuer } = connect({ retryWait: async () => {} });
  const { seen, ended } = subscribe(client);
  await until(() => seen.length === 1);
  expect(seen).toEqual(["Bearer hasura-2"]);
  expect(ended).toEqual([]);
  expect(issuer.asked).toHaveLength(2);
});

test("a token that v2 refuses ends the subscription, as graphql-ws has it, and the next one bears another", async () => {
  const reason = "4400: Connection initialization failed: Could not verify JWT: JWSError JWSInvalidSignature";
  server.refuse((authorization) => (authorization === "Bearer hasura-1" ? [4400, reason] : undefined));
  const { client } = connect();
  const first = subscribe(client);
  await until(() => first.ended.length === 1);
  expect(first.ended).toMatchObject([{ code: 4400 }]);
  const second = subscribe(client);
  await until(() => second.seen.length === 1);
  expect(second.seen).toEqual(["Bearer hasura-2"]);
});

test("a refusal of the issuer is what the subscription ends with", async () => {
  const { client, issuer } = connect();
  issuer.otherwise = refusal(403, "access_denied", "no_roles");
  const { ended } = subscribe(client);
  await until(() => ended.length === 1);
  expect((ended[0] as TokenError).reason).toBe("no_roles");
  expect(issuer.asked).toHaveLength(1);
});

test("an issuer that is away for a while is waited for", async () => {
  const { client, issuer } = connect({ retryWait: async () => {} });
  issuer.answers.push({ broken: true }, { broken: true }, { broken: true });
  const { seen, ended } = subscribe(client);
  await until(async () => {
    await pass(1);
    return seen.length + ended.length === 1;
  });
  expect([seen, ended]).toEqual([["Bearer hasura-4"], []]);
});

test("a connection outlives a token that is refused elsewhere while the issuer is away", async () => {
  const { client, issuer, source } = connect({}, { patience: 0 });
  const { seen } = subscribe(client);
  await until(() => seen.length === 1);
  issuer.answers.push({ broken: true });
  expect(await failureOf(source.renew("hasura-1"))).toMatchObject({ reason: "issuer_unreachable" });
  await pass(0);
  await standStill();
  expect([server.open.size, server.connections.length]).toEqual([1, 1]);
  await pass(2);
  await until(() => seen.length === 2);
  expect(seen).toEqual(["Bearer hasura-1", "Bearer hasura-3"]);
});

test("in a hidden page, too, a connection is replaced before its token ends", async () => {
  new Page().show("hidden");
  const { client } = connect();
  const { seen } = subscribe(client);
  for (let n = 1; n <= 3; n++) {
    await until(() => seen.length === n);
    await pass(256);
  }
});

test("a connection that cannot be replaced at once is tried again with pauses", async () => {
  const { client } = connect();
  const { seen, ended } = subscribe(client);
  await until(() => seen.length === 1);
  server.refuse(() => [4408, "not now"]);
  await pass(256);
  await until(() => server.connections.length === 2 && server.open.size === 0);
  await standStill();
  expect(server.connections).toHaveLength(2);
  server.refuse(() => undefined);
  await until(async () => {
    await pass(1);
    return seen.length === 2;
  });
  expect(ended).toEqual([]);
});

test("when somebody else signs in, the connection does not go on for the one before", async () => {
  const { client, source } = connect();
  const { seen } = subscribe(client);
  await until(() => seen.length === 1);
  source.clear();
  await until(() => seen.length === 2);
  expect(seen).toEqual(["Bearer hasura-1", "Bearer hasura-2"]);
  expect(server.connections).toHaveLength(2);
});

test("what the options say holds beside the token", async () => {
  const heard: string[] = [];
  const { client } = connect({
    connectionParams: async () => ({ extra: 1, headers: { "X-Hasura-Role": "reader" } }),
    on: {
      connected: () => heard.push("connected"),
      closed: () => heard.push("closed"),
      opened: () => heard.push("opened"),
    },
  });
  const { seen, leave } = subscribe(client);
  await until(() => seen.length === 1);
  expect(server.connections[0]?.headers).toEqual({ "X-Hasura-Role": "reader", Authorization: "Bearer hasura-1" });
  leave();
  await until(() => heard.length === 3);
  expect(heard).toEqual(["opened", "connected", "closed"]);
});
