import { expect, test, vi } from "vitest";
import { createTokenSource, type TokenSourceOptions } from "../src/index.js";
import { seconds, withClock } from "./support/clock.js";
import { busy, ScriptedIssuer } from "./support/scripted.js";

withClock();

function start(options: Partial<TokenSourceOptions> = {}) {
  const issuer = new ScriptedIssuer();
  const getSubjectToken = vi.fn(async () => "entra");
  const source = createTokenSource({ issuer: issuer.url, getSubjectToken, fetch: issuer.fetch, ...options });
  return { issuer, source, getSubjectToken };
}

test("nothing is asked before somebody wants a token", async () => {
  const { issuer, source } = start();
  await seconds(3600);
  expect(issuer.asked).toHaveLength(0);
  expect(source.current).toBeUndefined();
});

test("a token says what it is", async () => {
  const { source } = start();
  const token = await source.getToken();
  expect(token).toEqual({ accessToken: "hasura-1", roles: ["editor", "reader"], expiresAt: Date.now() + 300_000 });
  expect(source.current).toBe(token);
});

test("many callers share one exchange, and one token after it", async () => {
  const { issuer, source, getSubjectToken } = start();
  const tokens = await Promise.all(Array.from({ length: 100 }, () => source.getToken()));
  expect(new Set(tokens).size).toBe(1);
  await Promise.all(Array.from({ length: 100 }, () => source.getToken()));
  expect(issuer.asked).toHaveLength(1);
  expect(getSubjectToken).toHaveBeenCalledTimes(1);
});

test("it is renewed ahead, between 75 and 85 % of its life, where somebody has asked since it came", async () => {
  const times = new Set<number>();
  for (let i = 0; i < 40; i++) {
    const { issuer, source } = start();
    await source.getToken();
    await source.getToken();
    await seconds(300);
    expect(issuer.asked).toHaveLength(2);
    times.add((issuer.asked[1]?.at ?? 0) - (issuer.asked[0]?.at ?? 0));
  }
  expect(Math.min(...times)).toBeGreaterThanOrEqual(225_000);
  expect(Math.max(...times)).toBeLessThanOrEqual(255_000);
  expect(times.size).toBeGreaterThan(30); // pages that were opened together do not come back together
});

test("nobody asks, nothing is renewed; who comes late in its life gets it at once, and the next one is fetched meanwhile", async () => {
  const { issuer, source } = start();
  const first = await source.getToken();
  await seconds(270);
  expect(issuer.asked).toHaveLength(1);
  expect(await source.getToken()).toBe(first);
  await seconds(0);
  expect(issuer.asked).toHaveLength(2);
  expect((await source.getToken()).accessToken).toBe("hasura-2");
});

test("who comes when it is over, or about to be, waits for the next one", async () => {
  const { source } = start();
  await source.getToken();
  await seconds(295);
  expect(source.current).toBeUndefined();
  expect((await source.getToken()).accessToken).toBe("hasura-2");
});

test("an idle page stops renewing after one token", async () => {
  const { issuer, source } = start();
  await source.getToken();
  await source.getToken();
  await seconds(24 * 3600);
  expect(issuer.asked).toHaveLength(2);
});

test("a listener keeps it fresh, and hears of each token", async () => {
  const { issuer, source } = start();
  const heard: (string | undefined)[] = [];
  const stop = source.subscribe((token) => heard.push(token?.accessToken));
  await source.getToken();
  await seconds(1000);
  expect(heard).toEqual(["hasura-1", "hasura-2", "hasura-3", "hasura-4", "hasura-5"].slice(0, heard.length));
  expect(heard.length).toBeGreaterThanOrEqual(4);
  stop();
  const asked = issuer.asked.length;
  await seconds(3600);
  expect(issuer.asked).toHaveLength(asked);
});

test("one listener that is given twice is two, and each leaves alone", async () => {
  const { source } = start();
  const listener = vi.fn();
  const stop = source.subscribe(listener);
  source.subscribe(listener);
  await source.getToken();
  await seconds(0);
  expect(listener).toHaveBeenCalledTimes(2);
  stop();
  source.clear();
  await seconds(0);
  expect(listener).toHaveBeenCalledTimes(3);
});

test("a listener that has left hears nothing more, not even what was on its way", async () => {
  const { source } = start();
  const late = vi.fn();
  source.subscribe(() => leave());
  const leave = source.subscribe(late);
  await source.getToken();
  await seconds(0);
  expect(late).not.toHaveBeenCalled();
});

test("a renewal that fails leaves the token to those who ask, and is tried again", async () => {
  const { issuer, source } = start();
  const heard: unknown[] = [];
  source.subscribe((token, error) => heard.push([token?.accessToken, error?.reason]));
  await source.getToken();
  issuer.answers.push({ broken: true }, busy(2));
  await seconds(262);
  expect(heard).toEqual([
    ["hasura-1", undefined],
    ["hasura-1", "issuer_unreachable"],
    ["hasura-1", "overloaded"],
    ["hasura-4", undefined],
  ]);
});

test("a token whose life is longer than timers can count is no reason to ask all the time", async () => {
  const { issuer, source } = start();
  issuer.life = 365 * 24 * 3600;
  await source.getToken();
  await source.getToken();
  await seconds(3600);
  expect(issuer.asked).toHaveLength(1);
});

test("a token counts from when it was asked for, not from when it came", async () => {
  const { issuer, source } = start();
  issuer.life = 60;
  issuer.answers.push({ after: new Promise((resolve) => setTimeout(resolve, 9000)) });
  const token = source.getToken();
  await seconds(9);
  await token;
  await seconds(45);
  expect(source.current).toBe(await token);
  await seconds(1);
  expect(source.current).toBeUndefined();
});
