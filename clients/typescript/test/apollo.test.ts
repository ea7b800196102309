import {
  ApolloClient,
  ApolloLink,
  CombinedGraphQLErrors,
  gql,
  HttpLink,
  InMemoryCache,
  Observable,
  ServerError,
} from "@apollo/client";
import { afterAll, beforeEach, describe, expect, inject, test } from "vitest";
import { createAuthLink } from "../src/apollo.js";
import { createTokenSource, type TokenSource } from "../src/index.js";
import { startHasura } from "./support/hasura.js";
import { personaToken } from "./support/persona.js";
import { refusal } from "./support/scripted.js";
import { somebodyElseSignsIn } from "./support/signin.js";
import { failureOf, start } from "./support/start.js";

const issuer = inject("issuer");
const query = gql`query { hello }`;
const mutation = gql`mutation { hello }`;

const clientOf = (source: TokenSource, uri: string, fetch = globalThis.fetch) =>
  new ApolloClient({
    link: createAuthLink(source).concat(new HttpLink({ uri, fetch })),
    cache: new InMemoryCache(),
    defaultOptions: { query: { fetchPolicy: "no-cache" } },
  });

describe.each([2, 3] as const)("Hasura v%i", (version) => {
  const starting = startHasura(issuer.url, version);
  afterAll(async () => (await starting).stop());
  let source: TokenSource;
  beforeEach(async () => {
    source = createTokenSource({ issuer: issuer.url, getSubjectToken: () => personaToken(issuer.tenant, "reader") });
    Object.assign(await starting, {
      asked: [],
      refused: new Set(),
      closed: false,
      answer: { data: { hello: "world" } },
    });
  });

  test("an operation is sent with the token, beside the headers it has", async () => {
    const hasura = await starting;
    const { data } = await clientOf(source, hasura.url).query({
      query,
      context: { headers: { "x-hasura-role": "reader" } },
    });
    expect(data).toEqual({ hello: "world" });
    expect(hasura.asked).toMatchObject([{ token: source.current?.accessToken }]);
  });

  test("a token that is refused is renewed once for all operations, and they are sent again", async () => {
    const hasura = await starting;
    hasura.refused.add((await source.getToken()).accessToken);
    const client = clientOf(source, hasura.url);
    const answers = await Promise.all(
      [1, 2, 3].map((n) => client.query({ query, context: { queryDeduplication: n < 0 } })),
    );
    for (const { data } of answers) expect(data).toEqual({ hello: "world" });
    expect(new Set(hasura.asked.map(({ token }) => token)).size).toBe(2);
    expect(hasura.asked).toHaveLength(6);
  });

  test("where the new one is refused as well, the operation fails with what Hasura said", async () => {
    const hasura = await starting;
    hasura.closed = true;
    const client = clientOf(source, hasura.url);
    for (const asked of [2, 3]) {
      const error = await failureOf(client.query({ query }));
      expect(CombinedGraphQLErrors.is(error) ? error.message : Object(error).bodyText).toMatch(/JWT/);
      expect(hasura.asked).toHaveLength(asked);
    }
    const ended = new Promise((resolve) => {
      ApolloLink.execute(client.link, { query }, { client }).subscribe({
        error: resolve,
        complete: () => resolve("complete"),
      });
    });
    expect(await ended).toSatisfy((end) => end === "complete" || ServerError.is(end));
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
    const failed = failureOf(clientOf(own, hasura.url, during).mutate({ mutation }));
    expect(await failed).toMatchObject({ name: "TokenError", reason: "cleared" });
    expect(own.current?.roles).toEqual(["reader"]);
    expect(hasura.asked.map(({ token }) => token)).toEqual([accessToken]);
  });

  test("other errors are handed on as they are", async () => {
    const hasura = await starting;
    hasura.answer = { errors: [{ message: "field not found", extensions: { code: "validation-failed" } }] };
    const error = await failureOf(clientOf(source, hasura.url).query({ query }));
    expect(error.message).toBe("field not found");
    expect(hasura.asked).toHaveLength(1);
  });
});

test("where there is no token, the operation fails with the reason", async () => {
  const { source, issuer } = start();
  issuer.otherwise = refusal(403, "access_denied", "no_roles");
  const error = await failureOf(clientOf(source, "http://127.0.0.1:9/").query({ query }));
  expect(error).toMatchObject({ name: "TokenError", reason: "no_roles" });
});

test("an operation that nobody waits for is not sent", async () => {
  const { source, issuer } = start();
  let sent = 0;
  const link = createAuthLink(source);
  const client = clientOf(source, "http://127.0.0.1:9/");
  await source.getToken();
  const subscription = link.request(
    { query, variables: {}, extensions: {}, client, setContext() {}, getContext: () => ({}) } as never,
    () => {
      sent++;
      return new Observable(() => {});
    },
  );
  subscription?.subscribe({}).unsubscribe();
  await source.getToken();
  expect(sent).toBe(0);
  expect(issuer.asked).toHaveLength(1);
});
