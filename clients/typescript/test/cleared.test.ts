import { expect, test } from "vitest";
import type { Token } from "../src/index.js";
import { seconds, withClock } from "./support/clock.js";
import { failureOf, start } from "./support/start.js";

withClock();

/** More microtasks than lie between the end of an answer and whoever waits for its token. */
const most = 60;

async function hop(times: number) {
  for (let i = 0; i < times; i++) await undefined;
}

/** A source whose issuer's tokens name who signed in. */
function startAs(first: string) {
  let user = first;
  const { issuer, source, getSubjectToken } = start();
  getSubjectToken.mockImplementation(() => user);
  const signIn = (next: string) => {
    user = next;
    source.clear();
  };
  return { issuer, source, getSubjectToken, signIn };
}

/** A token for somebody, which comes when it is let go, and then at once. */
function held(name: string) {
  let release = () => {};
  const answer = JSON.stringify({ access_token: name, token_type: "Bearer", expires_in: 300 });
  const body = new ReadableStream({
    start(out) {
      release = () => {
        out.enqueue(new TextEncoder().encode(answer));
        out.close();
      };
    },
  });
  return { body, release: () => release() };
}

test("a token that comes around clear() is never the next user's, however close", async () => {
  const became = new Set<string>();
  for (let hops = 0; hops <= most; hops++) {
    const { issuer, source, signIn } = startAs("alice");
    const { body, release } = held("of-alice");
    issuer.answers.push({ body });
    const asked = source.getToken().then(
      (token) => token.accessToken,
      (error) => error.reason,
    );
    await seconds(0);
    release();
    await hop(hops);
    signIn("bob");
    expect(source.current, `${hops} hops`).toBeUndefined();
    became.add(await asked);
    await seconds(0);
    expect(source.current, `${hops} hops`).toBeUndefined();
    expect((await source.getToken()).accessToken, `${hops} hops`).toBe("hasura-2");
    expect(issuer.asked[1]?.form.get("subject_token")).toBe("bob");
  }
  expect(became).toEqual(new Set(["cleared", "of-alice"])); // all there is between was tried
});

test("who waited for a renewal that failed around clear() is not served as the next user", async () => {
  const became = new Set<string>();
  for (let hops = 0; hops <= most; hops++) {
    const { issuer, source, getSubjectToken, signIn } = startAs("alice");
    await source.getToken();
    await source.getToken();
    let fail = (_: Error) => {};
    getSubjectToken.mockReturnValueOnce(
      new Promise((_, reject) => {
        fail = reject;
      }),
    );
    await seconds(296); // it is being renewed, and over
    const asked = source.getToken().then(
      (token) => `${token.accessToken} for ${issuer.asked.at(-1)?.form.get("subject_token")}`,
      (error) => error.reason,
    );
    fail(new Error("interaction required"));
    await hop(hops);
    signIn("bob");
    const bobs = (await source.getToken()).accessToken;
    const got = await asked;
    expect(got, `${hops} hops`).not.toContain(bobs);
    became.add(got);
  }
  expect(became).toContain("cleared");
  expect(became.size).toBeGreaterThan(1);
});

test("a token of before clear() is not renewed, nor one that nobody handed out", async () => {
  const { issuer, source, signIn } = startAs("alice");
  const { accessToken } = await source.getToken();
  signIn("bob");
  expect(await failureOf(source.renew(accessToken))).toMatchObject({ reason: "cleared", temporary: false });
  const bobs = await source.getToken();
  expect(await failureOf(source.renew(accessToken))).toMatchObject({ reason: "cleared" });
  expect(await failureOf(source.renew("elsewhere"))).toMatchObject({ reason: "cleared" });
  expect(source.current).toBe(bobs);
  expect(issuer.asked).toHaveLength(2);
  expect((await source.renew(bobs.accessToken)).accessToken).toBe("hasura-3");
});

test("the last twenty tokens are known again, and no more are kept", async () => {
  const { source } = startAs("alice");
  const tokens: Token[] = [];
  for (let i = 0; i < 21; i++) {
    tokens.push(await source.getToken());
    await seconds(300);
  }
  expect(await failureOf(source.renew(tokens[0]?.accessToken ?? ""))).toMatchObject({ reason: "cleared" });
  expect((await source.renew(tokens[1]?.accessToken ?? "")).accessToken).toBe("hasura-22");
});
