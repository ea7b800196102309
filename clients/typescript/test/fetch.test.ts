import { afterAll, beforeEach, describe, expect, inject, test } from "vitest";
import { createFetch } from "../src/fetch.js";
import { createTokenSource, type TokenSource } from "../src/index.js";
import { startHasura } from "./support/hasura.js";
import { personaToken } from "./support/persona.js";
import { somebodyElseSignsIn } from "./support/signin.js";
import { failureOf, start } from "./support/start.js";

const issuer = inject("issuer");

describe.each([2, 3] as const)("Hasura v%i", (version) => {
  const starting = startHasura(issuer.url, version);
  afterAll(async () => (await starting).stop());
  let source: TokenSource;
  const body = JSON.stringify({ query: "{ hello }" });
  const post = { method: "POST", headers: { "content-type": "application/json" }, body };

  beforeEach(async () => {
    source = createTokenSource({
      issuer: issuer.url,
      getSubjectToken: () => personaToken(issuer.tenant, "reader"),
    });
    Object.assign(await starting, { asked: [], refused: new Set(), closed: false });
  });

  test("a query is sent with the token", async () => {
    const hasura = await starting;
    const response = await createFetch(source, hasura)(hasura.url, post);
    expect(await response.json()).toEqual({ data: { hello: "world" } });
    expect(hasura.asked).toEqual([{ query: "{ hello }", token: source.current?.accessToken }]);
  });

  test("a token that is refused is renewed, and the request is sent once more, as it was", async () => {
    const hasura = await starting;
    const { accessToken } = await source.getToken();
    hasura.refused.add(accessToken);
    const request = new Request(hasura.url, post);
    const answers = await Promise.all([
      createFetch(source, hasura)(request),
      createFetch(source, hasura)(hasura.url, post),
    ]);
    for (const answer of answers) expect(await answer.json()).toEqual({ data: { hello: "world" } });
    expect(hasura.asked).toHaveLength(4);
    expect(new Set(hasura.asked.map(({ token }) => token)).size).toBe(2);
    expect(new Set(hasura.asked.map(({ query }) => query))).toEqual(new Set(["{ hello }"]));
  });

  test("where the new one is refused as well, Hasura's answer is handed on, and the next request costs no exchange", async () => {
    const hasura = await starting;
    hasura.closed = true;
    const send = createFetch(source, hasura);
    for (const asked of [2, 3]) {
      const answer = (await (await send(hasura.url, post)).json()) as { errors: unknown[] };
      expect(answer.errors).toHaveLength(1);
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
    const send = createFetch(own, { url: hasura.url, fetch: during });
    expect(await failureOf(send(hasura.url, post))).toMatchObject({ name: "TokenError", reason: "cleared" });
    expect(own.current?.roles).toEqual(["reader"]);
    expect(hasura.asked.map(({ token }) => token)).toEqual([accessToken]);
  });
});

test("the token goes to Hasura's origin only", async () => {
  const { source, issuer } = start();
  const send = createFetch(source, { url: "https://hasura.example", fetch: async () => new Response() });
  for (const url of ["https://elsewhere.example/", "http://hasura.example/", "https://hasura.example:444/"]) {
    expect(await failureOf(send(url))).toBeInstanceOf(TypeError);
  }
  expect(issuer.asked).toHaveLength(0);
});

test("a request that is called off does not wait for a token", async () => {
  const { source, getSubjectToken } = start();
  getSubjectToken.mockReturnValue(new Promise(() => {}));
  const send = createFetch(source, { url: "https://hasura.example", fetch: async () => new Response() });
  const off = new AbortController();
  const failed = failureOf(send("https://hasura.example/v1/graphql", { signal: off.signal }));
  off.abort("off");
  expect(await failed).toBe("off");
});

/** A body that says when it is read, and never ends by itself. */
function endless(first: string) {
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode(first)),
    cancel: () => {
      cancelled = true;
    },
  });
  return { body, cancelled: () => cancelled };
}

test.each(['{"data": {"errors": 1', '[{"errors":[', `{"errors":[{"message":"${"x".repeat(5000)}`])(
  "an answer that streams is handed on as it begins: %.20s",
  async (first) => {
    const { source, issuer } = start();
    const { body } = endless(first);
    const fetch = async () => new Response(body, { headers: { "content-type": "application/json" } });
    const response = await createFetch(source, { url: "https://hasura.example", fetch })("https://hasura.example/");
    const { value } = (await response.body?.getReader().read()) ?? {};
    expect(new TextDecoder().decode(value)).toBe(first);
    expect(issuer.asked).toHaveLength(1);
  },
);

test.each([
  [
    "of another code",
    200,
    "application/json",
    { errors: [{ extensions: { code: "access-denied" }, message: "no" }] },
    1,
  ],
  ["that is data", 200, "application/json", { data: { code: "invalid-jwt", message: "JWT validation error: x" } }, 1],
  ["that is a page", 400, "text/html", { code: "invalid-jwt" }, 1],
  ["of v2's other APIs", 400, "application/json", { path: "$", error: "Could not verify JWT", code: "invalid-jwt" }, 2],
  [
    "of v3 to a key it does not know",
    500,
    "application/json",
    { data: null, errors: [{ message: "Internal Error - No matching JWK found for the given kid: k" }] },
    2,
  ],
] as const)("an answer %s", async (_, status, type, body, sent) => {
  const { source } = start();
  let count = 0;
  const fetch = async () => {
    count++;
    return Response.json(body, { status, headers: { "content-type": type } });
  };
  const response = await createFetch(source, { url: "https://hasura.example", fetch })("https://hasura.example/");
  expect(await response.json()).toEqual(body);
  expect(count).toBe(sent);
});
