import { createPublicKey, type JsonWebKey, verify } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { claimsOf } from "./persona.js";

export interface Hasura {
  url: string; // of its GraphQL endpoint
  /** Every request: its query, and the token that came with it. */
  asked: { query: string; token: string }[];
  /** Tokens it refuses though they are good. */
  refused: Set<string>;
  /** Refuses the first token it sees. */
  refuseFirst: boolean;
  /** Refuses every token. */
  closed: boolean;
  /** What is answered to a query that comes with a good token. */
  answer: unknown;
  stop: () => Promise<void>;
}

/**
 * What a frontend meets of Hasura: it verifies tokens by the issuer's key set, and refuses as v2 does (HTTP 200, a code) or
 * as v3 does (HTTP 400, a sentence).
 */
export async function startHasura(issuer: string, version: 2 | 3): Promise<Hasura> {
  const keys = (await (await fetch(`${issuer}/.well-known/jwks.json`)).json()) as {
    keys: (JsonWebKey & { kid: string })[];
  };
  const good = (token: string) => !hasura.closed && !hasura.refused.has(token) && verifies(token, keys.keys);
  const server = createServer(async (request, response) => {
    response.setHeader("access-control-allow-origin", "*");
    if (request.method === "OPTIONS") {
      response.writeHead(204, { "access-control-allow-headers": "authorization, content-type" }).end();
      return;
    }
    const token = request.headers.authorization?.replace(/^Bearer /, "") ?? "";
    const { query } = JSON.parse(await read(request));
    if (hasura.refuseFirst && !hasura.asked.length) hasura.refused.add(token);
    hasura.asked.push({ query, token });
    const [status, body] = good(token) ? [200, hasura.answer] : refusals[version];
    response.writeHead(status, { "content-type": "application/json; charset=utf-8" });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const hasura: Hasura = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/graphql`,
    asked: [],
    refused: new Set(),
    refuseFirst: false,
    closed: false,
    answer: { data: { hello: "world" } },
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return hasura;
}

export const refusals = {
  2: [
    200,
    { errors: [{ extensions: { path: "$", code: "invalid-jwt" }, message: "Could not verify JWT: JWTExpired" }] },
  ] as [number, unknown],
  3: [400, { data: null, errors: [{ message: "JWT validation error: ExpiredSignature" }] }] as [number, unknown],
};

function verifies(token: string, keys: (JsonWebKey & { kid: string })[]): boolean {
  const [header = "", payload = "", signature = ""] = token.split(".");
  if (!signature) return false;
  const { kid } = JSON.parse(Buffer.from(header, "base64url").toString());
  const key = keys.find((key) => key.kid === kid);
  if (!key || Number(claimsOf(token).exp) * 1000 < Date.now()) return false;
  const publicKey = { key: createPublicKey({ key, format: "jwk" }), dsaEncoding: "ieee-p1363" as const };
  return verify("sha256", Buffer.from(`${header}.${payload}`), publicKey, Buffer.from(signature, "base64url"));
}

async function read(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}
