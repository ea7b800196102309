import { Client, fetchExchange, gql } from "@urql/core";
import { afterAll, beforeEach, describe, expect, inject, test } from "vitest";
import { createTokenSource, type TokenSource } from "../src/index.js";
import { createAuthExchange } from "../src/urql.js";
import { startHasura } from "./support/hasura.js";
import { personaToken } from "./support/persona.js";
import { refusal } from "./support/scripted.js";
import { somebodyElseSignsIn } from "./support/signin.js";
import { start } from "./support/start.js";

const issuer = inject("issuer");
const query = (n: number) => gql(`query Q${n} { hello }`);

const clientOf = (source: TokenSource, url: string, fetch = globalThis.fetch) =>
  new Client({ url, fetch, exchanges: [createAuthExchange(source), fetchExchange], preferGetMethod: false });

describe.each([2, 3] as const)("Hasura v%i", (version) => {
  const starting = startHasura(issuer.url, version);
  afterAll(async () => (await starting).stop());
  let source: TokenSource;
  beforeEach(async () => {
    source = createTokenSource({ issuer: issuer.url, getSubjectToken: () => personaToken(issuer.tenant, "reader") });
    Object.assign(await starting, { asked: [], refused: new Set(), closed: false });
  });

  test("operations are sent with the token, for which one exchange does", async () => {
    const hasura = await starting;
    const client = clientOf(source, hasura.url);
    const results = await Promise.all([1, 2, 3].map((n) => client.query(query(n), {}).toPromise()));
    for (const { data, error } of results) expect([data, error]).toEqual([{ hello: "world" }, undefined]);
    expect(new Set(hasura.asked.map(({ token }) => token))).toEqual(new Set([source.current?.accessToken]));
  });

  test("a token that is refused is renewed once for all operations, and they are sent again", async () => {
    const hasura = await starting;
    hasura.refused.add((await source.getToken()).accessToken);
    const client = clientOf(source, hasura.url);
    await client.query(query(0), {}).toPromise();
    expect(hasura.asked).toHaveLength(2);
    hasura.refused.clear();
    const results = await Promise.all([1, 2, 3].map((n) => client.query(query(n), {}).toPromise()));
    for (const { data } of results) expect(data).toEqual({ hello: "world" });
    expect(new Set(hasura.asked.map(({ token }) => token)).size).toBe(2);
    expect(hasura.asked).toHaveLength(5);
  });

  test("where the new one is refused as well, the operation fails with what Hasura said", async () => {
    const hasura = await starting;
    hasura.closed = true;
    const client = clientOf(source, hasura.url);
    for (const asked of [2, 3]) {
      const { error } = await client.query(query(0), {}, { requestPolicy: "network-only" }).toPromise();
      expect(error?.graphQLErrors[0]?.message).toMatch(/JWT/);
      expect(hasura.asked).toHaveLength(asked);
    }
    expect(new Set(hasura.asked.map(({ token }) => token)).size).toBe(2);
  });

  test("a request that Hasura refuses when somebody else has signed in is not sent again as theirs", async () => {
    const hasura = await starting;
    let persona = "editor";
    const own = createTokenSource({
      issuer: issuer.url,
      getSubjectToken: () => personaToken(issuer.tenant, persona),
    });
    const { accessToken } = await own.getToken();
    hasura.refused.add(accessToken);
    const during = somebodyElseSignsIn(own, () => {
      persona = "reader";
    });
    const { error } = await clientOf(own, hasura.url, during).mutation(gql("mutation { hello }"), {}).toPromise();
    expect(error?.networkError).toMatchObject({ name: "TokenError", reason: "cleared" });
    expect(own.current?.roles).toEqual(["reader"]);
    expect(hasura.asked.map(({ token }) => token)).toEqual([accessToken]);
  });

  test("an operation is sent twice at most, however many tokens there are", async () => {
    const hasura = await starting;
    hasura.closed = true;
    let count = 0;
    const token = async () => ({ accessToken: `token-${++count}`, roles: [], expiresAt: 0 });
    const endless: TokenSource = {
      getToken: token,
      renew: token,
      current: undefined,
      subscribe: () => () => {},
      clear() {},
    };
    await clientOf(endless, hasura.url).query(query(0), {}).toPromise();
    expect(hasura.asked.map(({ token }) => token)).toEqual(["token-1", "token-2"]);
  });

  test("an operation that is called off while it waits for a token is not sent", async () => {
    const hasura = await starting;
    const client = clientOf(source, hasura.url);
    const { unsubscribe } = client.query(query(0), {}).subscribe(() => {});
    unsubscribe();
    await source.getToken();
    await client.query(query(1), {}).toPromise();
    expect(hasura.asked).toHaveLength(1);
  });
});

test("where there is no token, the operation fails with the reason, and the next one asks again", async () => {
  const { source, issuer: scripted } = start();
  scripted.answers.push(refusal(403, "access_denied", "no_roles"));
  const hasura = await startHasura(issuer.url, 2);
  const client = clientOf(source, hasura.url);
  const { error } = await client.query(query(0), {}).toPromise();
  expect(error?.networkError).toMatchObject({ name: "TokenError", reason: "no_roles" });
  expect(hasura.asked).toHaveLength(0);
  source.clear();
  await client.query(query(0), {}).toPromise();
  expect(new Set(hasura.asked.map(({ token }) => token))).toEqual(new Set(["hasura-2", "hasura-3"])); // that Hasura does not know
  await hasura.stop();
});
