import { expect, test, vi } from "vitest";
import { TokenError } from "../src/index.js";
import { Page, seconds, withClock } from "./support/clock.js";
import { busy, refusal } from "./support/scripted.js";
import { failureOf, start } from "./support/start.js";

withClock();

const noRoles = refusal(403, "access_denied", "no_roles", { "x-request-id": "abc" });

test("a refusal is an error that says why", async () => {
  const { issuer, source } = start();
  issuer.answers.push(noRoles);
  const error = await failureOf(source.getToken());
  expect(error).toBeInstanceOf(TokenError);
  expect(error).toMatchObject({
    name: "TokenError",
    message: "no_roles: A constant sentence. (HTTP 403 from https://issuer.example/oauth2/token)",
    reason: "no_roles",
    error: "access_denied",
    status: 403,
    requestId: "abc",
    retryAfter: undefined,
    temporary: false,
  });
});

test.each(["eyJ.".repeat(17), "a b", ""])("a request id that cannot be the issuer's is not kept: %j", async (id) => {
  const { issuer, source } = start();
  issuer.answers.push(refusal(403, "access_denied", "no_roles", { "x-request-id": id }));
  expect((await failureOf(source.getToken())).requestId).toBeUndefined();
});

test("who asks again at once hears the same refusal, and the issuer is left alone; later it is asked", async () => {
  const { issuer, source } = start();
  issuer.answers.push(noRoles);
  const error = await failureOf(source.getToken());
  expect(await failureOf(source.getToken())).toBe(error);
  expect(issuer.asked).toHaveLength(1);
  await seconds(1);
  expect((await source.getToken()).accessToken).toBe("hasura-2");
});

test("refusals in a row are asked about less and less often", async () => {
  const { issuer, source } = start();
  issuer.otherwise = noRoles;
  for (let second = 0; second < 600; second++) {
    await failureOf(source.getToken());
    await seconds(1);
  }
  expect(issuer.asked.length).toBeLessThan(40);
  expect(issuer.asked.length).toBeGreaterThan(15);
});

test("clear() makes the next caller ask at once", async () => {
  const { issuer, source } = start();
  issuer.answers.push(noRoles);
  await failureOf(source.getToken());
  source.clear();
  expect((await source.getToken()).accessToken).toBe("hasura-2");
});

test.each([busy(7), refusal(429, "temporarily_unavailable", "rate_limited", { "retry-after": "7" })])(
  "Retry-After is waited out: $status",
  async (answer) => {
    const { issuer, source } = start();
    issuer.answers.push(answer);
    const tokens = Promise.all([source.getToken(), source.getToken()]);
    await seconds(6.999);
    expect(issuer.asked).toHaveLength(1);
    const late = source.getToken();
    await seconds(1.001);
    expect(issuer.asked).toHaveLength(2);
    expect(new Set([...(await tokens), await late]).size).toBe(1);
  },
);

test("those who were sent away together do not come back together", async () => {
  const sources = Array.from({ length: 20 }, () => start());
  for (const { issuer, source } of sources) {
    issuer.answers.push(busy(7));
    source.getToken();
  }
  await seconds(8);
  expect(new Set(sources.map(({ issuer }) => issuer.asked[1]?.at)).size).toBeGreaterThan(10);
});

test("patience is for all pauses together", async () => {
  const { issuer, source } = start();
  issuer.answers.push(busy(20), busy(20));
  const failed = failureOf(source.getToken());
  await seconds(21);
  expect(await failed).toMatchObject({ reason: "overloaded", retryAfter: 20 });
  expect(issuer.asked).toHaveLength(2);
});

test("a Retry-After may be a date", async () => {
  const { issuer, source } = start();
  const at = new Date(Date.now() + 9000).toUTCString();
  issuer.answers.push(refusal(503, "temporarily_unavailable", "keys_unavailable", { "retry-after": at }));
  const token = source.getToken();
  await seconds(8.5);
  expect(issuer.asked).toHaveLength(1);
  await seconds(2);
  expect((await token).accessToken).toBe("hasura-2");
});

test.each(["soon", "-3", ""])("a Retry-After of %j counts for nothing", async (said) => {
  const { issuer, source } = start();
  issuer.otherwise = refusal(503, "temporarily_unavailable", "overloaded", { "retry-after": said });
  const failed = failureOf(source.getToken());
  await seconds(10);
  expect(await failed).toMatchObject({ reason: "overloaded", retryAfter: undefined });
  expect(issuer.asked).toHaveLength(3);
});

test("who would have to wait for longer than they care is told at once, and so are others meanwhile", async () => {
  const { issuer, source } = start();
  issuer.answers.push(busy(60));
  expect(await failureOf(source.getToken())).toMatchObject({ reason: "overloaded", retryAfter: 60, temporary: true });
  await seconds(29);
  await failureOf(source.getToken());
  expect(issuer.asked).toHaveLength(1);
  const token = source.getToken(); // 31 s are left, at most 32
  await failureOf(token);
  await seconds(3);
  const patient = source.getToken();
  await seconds(30);
  expect((await patient).accessToken).toBe("hasura-2");
});

test("with no patience nobody waits", async () => {
  const { issuer, source } = start({ patience: 0 });
  issuer.answers.push(busy(1));
  expect(await failureOf(source.getToken())).toMatchObject({ reason: "overloaded" });
  expect(issuer.asked).toHaveLength(1);
});

test("nobody is sent away for longer than ten minutes", async () => {
  const { issuer, source } = start();
  issuer.answers.push(busy(10 ** 6));
  await failureOf(source.getToken());
  await seconds(602);
  expect((await source.getToken()).accessToken).toBe("hasura-2");
});

test("a connection that fails is tried three times", async () => {
  const { issuer, source } = start();
  issuer.otherwise = { broken: true };
  const failed = failureOf(source.getToken());
  await seconds(10);
  const error = await failed;
  expect(error).toMatchObject({ reason: "issuer_unreachable", temporary: true });
  expect(error.message).toBe("issuer_unreachable: no answer from https://issuer.example/oauth2/token: network or CORS");
  expect(issuer.asked).toHaveLength(3);
});

test("an issuer that is silent is given up, and asked again", async () => {
  const { issuer, source } = start({ timeout: 2000 });
  issuer.otherwise = { after: new Promise(() => {}) };
  const failed = failureOf(source.getToken());
  await seconds(1.9);
  expect(issuer.inFlight).toBe(1);
  await seconds(20);
  expect(await failed).toMatchObject({ reason: "issuer_timeout", temporary: true });
  expect(issuer.asked).toHaveLength(3);
  expect(issuer.inFlight).toBe(0);
});

test.each([
  { status: 502, body: "<html>Bad Gateway</html>", temporary: true },
  { status: 503, body: '"busy"', temporary: true },
  { status: 500, body: "", temporary: true },
  { status: 200, body: "<html>Sign in to this Wi-Fi</html>", temporary: true },
  { status: 200, body: "null", temporary: true },
  { status: 200, body: { access_token: "a", token_type: "DPoP", expires_in: 300 }, temporary: true },
  { status: 200, body: { access_token: "a", token_type: "Bearer" }, temporary: true },
  { status: 200, body: { access_token: "a", token_type: "Bearer", expires_in: -1 }, temporary: true },
  { status: 200, body: { access_token: "a", token_type: "Bearer", expires_in: 0.05 }, temporary: true },
  { status: 200, body: { access_token: "a", token_type: "Bearer", expires_in: 300.5 }, temporary: true },
  { status: 200, body: { access_token: "a", token_type: "Bearer", expires_in: 31_536_001 }, temporary: true },
  { status: 200, body: '{"access_token": "a", "token_type": "Bearer", "expires_in": 1e400}', temporary: true },
  { status: 200, body: { access_token: "a\r\nb", token_type: "Bearer", expires_in: 300 }, temporary: true },
  { status: 200, body: { access_token: "", token_type: "Bearer", expires_in: 300 }, temporary: true },
  { status: 404, body: "<html>", temporary: false },
  { status: 302, headers: { location: "https://elsewhere.example/" }, body: "", temporary: false },
  { status: 400, body: { error: "invalid_request" }, temporary: false },
  { status: 400, body: { error: "invalid_request", reason: "<b>", error_description: "x" }, temporary: false },
])("what is not the issuer's answer is no token: %j", async ({ temporary, ...answer }) => {
  const { issuer, source } = start();
  issuer.otherwise = answer;
  const failed = failureOf(source.getToken());
  await seconds(10);
  expect(await failed).toMatchObject({ reason: "answer_malformed", status: answer.status, temporary });
  expect(issuer.asked).toHaveLength(temporary ? 3 : 1);
});

/** A body that comes in pieces of 4 KiB, as the issuer would word it, and what became of it. */
function inPieces(length: number) {
  const answer = new TextEncoder().encode(JSON.stringify({ access_token: "a", token_type: "Bearer", expires_in: 300 }));
  const whole = new Uint8Array(length).fill(0x20); // blanks
  whole.set(answer, length - answer.length);
  const cancel = vi.fn();
  let at = 0;
  const body = new ReadableStream({
    pull(out) {
      out.enqueue(whole.slice(at, at + 4096));
      at += 4096;
      if (at >= length) out.close();
    },
    cancel,
  });
  return { body, cancel, sent: () => at };
}

test("an answer of 64 KiB is read", async () => {
  const { issuer, source } = start({ patience: 0 });
  issuer.answers.push({ body: inPieces(65_536).body });
  expect((await source.getToken()).accessToken).toBe("a");
});

test.each([200, 400])("a longer one is not the issuer's, and not fetched to its end: %i", async (status) => {
  const { issuer, source } = start({ patience: 0 });
  const { body, cancel, sent } = inPieces(1_048_576);
  issuer.answers.push({ status, body });
  expect(await failureOf(source.getToken())).toMatchObject({ reason: "answer_malformed", status });
  expect(cancel).toHaveBeenCalledTimes(1);
  expect(sent()).toBeLessThan(80_000);
});

test("a failed try to get a subject token is an error with its cause, and is not repeated by itself", async () => {
  const { issuer, source, getSubjectToken } = start();
  const cause = new Error("interaction required");
  getSubjectToken.mockRejectedValueOnce(cause);
  const [one, two] = await Promise.all([failureOf(source.getToken()), failureOf(source.getToken())]);
  expect(one).toMatchObject({ reason: "subject_token_failed", temporary: false, cause });
  expect(two).toBe(one);
  await seconds(60);
  expect(getSubjectToken).toHaveBeenCalledTimes(1);
  expect(issuer.asked).toHaveLength(0);
  expect((await source.getToken()).accessToken).toBe("hasura-1");
});

test.each([
  () => {
    throw new Error("at once");
  },
  () => "",
  () => " \n",
  () => undefined as unknown as string,
  async () => 7 as unknown as string,
])("no subject token, no exchange: %s", async (give) => {
  const { issuer, source, getSubjectToken } = start();
  getSubjectToken.mockImplementationOnce(give);
  expect(await failureOf(source.getToken())).toMatchObject({ reason: "subject_token_failed" });
  expect(issuer.asked).toHaveLength(0);
});

test.each(["token_expired", "key_unknown"])(
  "%s is cured by a fresh subject token, which is asked for once",
  async (reason) => {
    const { issuer, source, getSubjectToken } = start();
    const refused = refusal(400, "invalid_request", reason);
    issuer.answers.push(refused);
    expect((await source.getToken()).accessToken).toBe("hasura-2");
    expect(getSubjectToken.mock.calls.map(([request]) => request.forceRefresh)).toEqual([false, true]);
    source.clear();
    issuer.answers.push(refused, refused);
    expect(await failureOf(source.getToken())).toMatchObject({ reason });
    expect(getSubjectToken).toHaveBeenCalledTimes(4);
  },
);

test("whoever asks for the subject token is told whether somebody waits", async () => {
  const { source, getSubjectToken } = start();
  await source.getToken();
  await source.getToken();
  await seconds(256);
  expect(getSubjectToken.mock.calls.map(([request]) => request.interactive)).toEqual([true, false]);
});

test("what failed because nobody could be asked is tried again for somebody who waits, without a pause", async () => {
  const { issuer, source, getSubjectToken } = start();
  await source.getToken();
  getSubjectToken.mockImplementation(({ interactive }) => {
    if (!interactive) throw new Error("interaction required");
    return "entra";
  });
  await source.getToken();
  await seconds(296); // it was tried, in vain, and the token is over
  expect((await source.getToken()).accessToken).toBe("hasura-2");
  expect(issuer.asked).toHaveLength(2);
});

test("who joins a renewal that nobody waited for is served by one of their own where it fails", async () => {
  const { source, getSubjectToken } = start();
  await source.getToken();
  await source.getToken();
  let giveUp = (_: Error) => {};
  getSubjectToken.mockReturnValueOnce(
    new Promise((_, reject) => {
      giveUp = reject;
    }),
  );
  await seconds(296);
  const tokens = [source.getToken(), source.getToken()];
  giveUp(new Error("interaction required"));
  expect((await Promise.all(tokens)).map((token) => token.accessToken)).toEqual(["hasura-2", "hasura-2"]);
  expect(getSubjectToken).toHaveBeenCalledTimes(3);
});

test("who comes when renewals have failed for a while is served at once where the issuer is well again", async () => {
  const { issuer, source } = start();
  await source.getToken();
  await source.getToken();
  issuer.otherwise = { broken: true };
  await seconds(296);
  issuer.otherwise = undefined;
  const asked = issuer.asked.length;
  expect(asked).toBeGreaterThan(4);
  expect((await source.getToken()).accessToken).toBe(`hasura-${asked + 1}`);
});

test("what the issuer asked for when nobody waited holds for who comes then", async () => {
  const { issuer, source } = start();
  await source.getToken();
  await source.getToken();
  issuer.otherwise = busy(600);
  await seconds(296); // it was to be renewed, and is over
  expect(await failureOf(source.getToken())).toMatchObject({ reason: "overloaded" });
  expect(issuer.asked).toHaveLength(2);
});

test("a caller may leave, and the others get the token", async () => {
  const { issuer, source } = start();
  const leaving = new AbortController();
  const left = failureOf(source.getToken({ signal: leaving.signal }));
  const stayed = source.getToken();
  leaving.abort(new Error("gone"));
  expect(await left).toMatchObject({ message: "gone" });
  expect((await stayed).accessToken).toBe("hasura-1");
  expect(await failureOf(source.getToken({ signal: leaving.signal }))).toMatchObject({ message: "gone" });
  expect(issuer.asked).toHaveLength(1);
});

test("a caller may leave while Retry-After is waited out", async () => {
  const { issuer, source } = start();
  issuer.answers.push(busy(5));
  const left = failureOf(source.getToken({ signal: AbortSignal.abort("before") }));
  expect(await left).toBe("before");
  const leaving = new AbortController();
  const waiting = failureOf(source.getToken({ signal: leaving.signal }));
  await seconds(1);
  leaving.abort("during");
  expect(await waiting).toBe("during");
});

test("clear() refuses those who wait, calls everything off, and what still comes is nobody's", async () => {
  const { issuer, source, getSubjectToken } = start();
  let arrive = (_: unknown) => {};
  issuer.answers.push({
    after: new Promise((resolve) => {
      arrive = resolve;
    }),
  });
  const failed = failureOf(source.getToken());
  await seconds(0);
  expect(issuer.inFlight).toBe(1);
  const signal = getSubjectToken.mock.calls[0]?.[0].signal;
  arrive({});
  source.clear();
  expect(await failed).toMatchObject({ reason: "cleared", temporary: false });
  expect(signal?.aborted).toBe(true);
  await seconds(0);
  expect(source.current).toBeUndefined();
  getSubjectToken.mockReturnValueOnce("somebody else");
  await source.getToken();
  expect(issuer.asked[1]?.form.get("subject_token")).toBe("somebody else");
});

test("clear() leaves one exchange to those who come after it, whatever becomes of the one before", async () => {
  const { issuer, source } = start();
  const heard = vi.fn();
  issuer.otherwise = { after: new Promise((resolve) => setTimeout(resolve, 1000)) };
  const failed = failureOf(source.getToken());
  await seconds(0.5);
  source.subscribe(heard);
  source.clear();
  const one = source.getToken();
  await failed;
  await seconds(0);
  const two = source.getToken();
  await seconds(1);
  expect(await one).toBe(await two);
  expect(issuer.asked).toHaveLength(2);
  expect(heard.mock.calls).toEqual([
    [undefined, undefined],
    [await one, undefined],
  ]);
});

test("clear() frees those who wait for a subject token that never comes", async () => {
  const { source, getSubjectToken } = start();
  getSubjectToken.mockReturnValueOnce(new Promise(() => {}));
  const failed = failureOf(source.getToken());
  await seconds(3600);
  source.clear();
  expect(await failed).toMatchObject({ reason: "cleared" });
  expect((await source.getToken()).accessToken).toBe("hasura-1");
});

test("clear() forgets the token, tells listeners, and leaves nothing behind", async () => {
  const page = new Page();
  const { source, issuer } = start();
  const heard = vi.fn();
  await source.getToken();
  await source.getToken();
  expect(page.listening).toBe(3);
  source.subscribe(heard);
  source.clear();
  await seconds(0);
  expect(heard.mock.calls).toEqual([[undefined, undefined]]);
  expect(page.listening).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
  await seconds(3600);
  expect(issuer.asked).toHaveLength(1);
});

test("while a listener is there, what passes by itself is tried again until it is well", async () => {
  const { issuer, source } = start();
  issuer.otherwise = { broken: true };
  const heard: unknown[] = [];
  source.subscribe((token, error) => heard.push(token?.accessToken ?? error?.reason));
  const failed = failureOf(source.getToken());
  await seconds(300);
  await failed;
  issuer.otherwise = undefined;
  await seconds(31);
  expect(heard.at(-1)).toMatch(/^hasura-/);
});

test("without a listener, what was in use is given up when it is over", async () => {
  const { issuer, source } = start();
  await source.getToken();
  await source.getToken();
  issuer.otherwise = { broken: true };
  await seconds(24 * 3600);
  expect(issuer.asked.length).toBeGreaterThan(3);
  expect(issuer.asked.length).toBeLessThan(15);
});

test("a refusal for good is not tried again by itself", async () => {
  const { issuer, source } = start();
  source.subscribe(() => {});
  await source.getToken();
  issuer.otherwise = refusal(403, "access_denied", "blocked");
  await seconds(3600);
  expect(issuer.asked).toHaveLength(2);
});

test("a token that Hasura refuses is renewed once, whoever says so", async () => {
  const { issuer, source } = start();
  const { accessToken } = await source.getToken();
  const renewed = await Promise.all([source.renew(accessToken), source.renew(accessToken), source.getToken()]);
  expect(renewed.map((token) => token.accessToken)).toEqual(["hasura-2", "hasura-2", "hasura-2"]);
  expect((await source.renew(accessToken)).accessToken).toBe("hasura-2"); // an answer that was late
  expect(issuer.asked).toHaveLength(2);
});

test("where Hasura refuses the new one as well, another comes after 30 s at the earliest", async () => {
  const { issuer, source } = start();
  const first = await source.getToken();
  const second = await source.renew(first.accessToken);
  await seconds(29);
  expect(await source.renew(second.accessToken)).toBe(second);
  await seconds(1);
  expect((await source.renew(second.accessToken)).accessToken).toBe("hasura-3");
  expect(issuer.asked).toHaveLength(3);
});

test("scope narrows the token", async () => {
  const { issuer, source } = start({ scope: ["editor", "reader"] });
  await source.getToken();
  expect(issuer.asked[0]?.form.get("scope")).toBe("editor reader");
  const one = start({ scope: "editor" });
  await one.source.getToken();
  expect(one.issuer.asked[0]?.form.get("scope")).toBe("editor");
  const all = start();
  await all.source.getToken();
  expect(all.issuer.asked[0]?.form.has("scope")).toBe(false);
});
