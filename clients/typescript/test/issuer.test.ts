import { afterAll, describe, expect, inject, test } from "vitest";
import { createTokenSource, type TokenSourceOptions } from "../src/index.js";
import { start } from "./support/issuer.js";
import { claimsOf, personaToken } from "./support/persona.js";
import { failureOf } from "./support/start.js";

const issuer = inject("issuer");

const sourceOf = (persona: string, options: Partial<TokenSourceOptions> = {}) =>
  createTokenSource({ issuer: issuer.url, getSubjectToken: () => personaToken(issuer.tenant, persona), ...options });

const hasura = (token: string) => claimsOf(token)["https://hasura.io/jwt/claims"];

describe("the real issuer", () => {
  test("exchanges a persona's token", async () => {
    const source = sourceOf("editor");
    const token = await source.getToken();
    expect(token.roles).toEqual(["editor", "reader"]);
    expect(hasura(token.accessToken)).toMatchObject({
      "x-hasura-default-role": "editor",
      "x-hasura-allowed-roles": ["editor", "reader"],
    });
    expect(Number(claimsOf(token.accessToken).exp) * 1000).toBeGreaterThan(token.expiresAt - 2000);
    expect(await source.getToken()).toBe(token);
    expect((await source.renew(token.accessToken)).accessToken).not.toBe(token.accessToken);
  });

  test("narrows it by scope", async () => {
    const token = await sourceOf("editor", { scope: "reader" }).getToken();
    expect(token.roles).toEqual(["reader"]);
    expect(hasura(token.accessToken)).toMatchObject({ "x-hasura-allowed-roles": ["reader"] });
  });

  test.each([
    ["nobody", {}, { reason: "no_roles", error: "access_denied", status: 403 }],
    ["reader", { scope: ["reader", "editor"] }, { reason: "role_not_granted", error: "invalid_scope", status: 400 }],
    ["crowded", {}, { reason: "groups_unavailable", error: "temporarily_unavailable", status: 503 }],
  ] as const)("refuses %s with %j, and says why", async (persona, options, why) => {
    const error = await failureOf(sourceOf(persona, { ...options, patience: 0 }).getToken());
    expect(error).toMatchObject({
      ...why,
      requestId: expect.stringMatching(/./),
      message: expect.stringMatching(/^\w+: [A-Z].* \(HTTP \d+ from \S+\)$/),
    });
  });

  test("tells a broken token, and is asked with a fresh one where that may help", async () => {
    const token = await personaToken(issuer.tenant, "reader");
    const broken = `${token.slice(0, -8)}AAAAAAAA`;
    const error = await failureOf(sourceOf("reader", { getSubjectToken: () => broken }).getToken());
    expect(error).toMatchObject({ reason: "signature_invalid", temporary: false });
    const source = sourceOf("reader", {
      getSubjectToken: ({ forceRefresh }) => (forceRefresh ? token : withUnknownKey(token)),
    });
    expect((await source.getToken()).roles).toEqual(["reader"]);
  });

  test("is not there", async () => {
    const error = await failureOf(sourceOf("reader", { issuer: "http://127.0.0.1:9", patience: 0 }).getToken());
    expect(error).toMatchObject({ reason: "issuer_unreachable", temporary: true });
    expect(error.message).toContain("http://127.0.0.1:9/oauth2/token");
  });

  test("is at another path", async () => {
    const error = await failureOf(sourceOf("reader", { issuer: `${issuer.url}/elsewhere` }).getToken());
    expect(error).toMatchObject({ reason: "not_found", status: 404 });
    expect(error.message).toContain(`(HTTP 404 from ${issuer.url}/elsewhere/oauth2/token)`);
  });
});

describe("an issuer that limits", () => {
  const limited = start(inject("binary"), { ISSUER_RATE_LIMIT_SUBJECT: "1/m" });
  afterAll(async () => (await limited).stop());

  test("says for how long, and is asked once only", async () => {
    const { url, tenant } = await limited;
    let asked = 0;
    const source = createTokenSource({
      issuer: url,
      getSubjectToken: () => personaToken(tenant, "reader"),
      fetch: (...request) => {
        asked++;
        return fetch(...request);
      },
    });
    const { accessToken } = await source.getToken();
    for (let i = 0; i < 3; i++) {
      const error = await failureOf(source.renew(accessToken));
      expect(error).toMatchObject({ reason: "rate_limited", status: 429, retryAfter: expect.any(Number) });
      expect(error.retryAfter).toBeGreaterThan(30);
    }
    expect(asked).toBe(2);
  });
});

/** The token with a header that names a key which nobody has. */
function withUnknownKey(token: string): string {
  const [, payload, signature] = token.split(".");
  const header = Buffer.from(JSON.stringify({ alg: "RS256", typ: "JWT", kid: "unknown" })).toString("base64url");
  return [header, payload, signature].join(".");
}
