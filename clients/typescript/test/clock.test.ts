import { expect, test, vi } from "vitest";
import { asleep, Page, seconds, wallClockMoves, withClock } from "./support/clock.js";
import { busy } from "./support/scripted.js";
import { failureOf, start } from "./support/start.js";

withClock();

test.each([
  ["the steady clock stands still", wallClockMoves],
  ["the steady clock goes on", asleep],
])("a token that ended while the machine slept is not handed out: %s", async (_, sleep) => {
  const { source } = start();
  await source.getToken();
  sleep(8 * 3600);
  expect(source.current).toBeUndefined();
  expect((await source.getToken()).accessToken).toBe("hasura-2");
});

test("an answer that was under way while the machine slept brings no token that is over", async () => {
  const { issuer, source } = start();
  issuer.answers.push({ after: new Promise((resolve) => setTimeout(resolve, 1000)) });
  const token = source.getToken();
  await seconds(0.5);
  wallClockMoves(600);
  await seconds(5);
  expect((await token).accessToken).toBe("hasura-2");
});

test("a clock that is set back keeps nothing alive", async () => {
  const { source } = start();
  await source.getToken();
  wallClockMoves(-24 * 3600);
  await seconds(294.9);
  expect(source.current?.accessToken).toBe("hasura-1");
  await seconds(0.2);
  expect(source.current).toBeUndefined();
  expect((await source.getToken()).accessToken).toBe("hasura-2");
});

test("a clock that is set forward costs one exchange, and no more", async () => {
  const { issuer, source } = start();
  await source.getToken();
  wallClockMoves(365 * 24 * 3600);
  await source.getToken();
  await seconds(200);
  await source.getToken();
  expect(issuer.asked).toHaveLength(2);
});

test("a clock that is wrong from the start does not matter", async () => {
  const { issuer, source } = start();
  vi.setSystemTime(0);
  expect((await source.getToken()).expiresAt).toBe(300_000);
  await seconds(200);
  await source.getToken();
  expect(issuer.asked).toHaveLength(1);
});

test("a page that is seen again after a sleep renews what it had in use", async () => {
  const page = new Page();
  const { issuer, source } = start();
  await source.getToken();
  await source.getToken();
  page.show("hidden");
  wallClockMoves(3600);
  page.show("visible");
  await seconds(0);
  expect(issuer.asked).toHaveLength(2);
  expect(source.current?.accessToken).toBe("hasura-2");
});

test("a page that is seen again renews nothing that is not due or nobody wants", async () => {
  const page = new Page();
  const used = start();
  await used.source.getToken();
  await used.source.getToken();
  page.show("hidden");
  page.show("visible");
  await seconds(0);
  expect(used.issuer.asked).toHaveLength(1);
  const idle = start();
  await idle.source.getToken();
  wallClockMoves(3600);
  page.show("visible");
  await seconds(0);
  expect(idle.issuer.asked).toHaveLength(1);
});

test("a hidden page does not renew for those who only listen, and catches up when it is seen", async () => {
  const page = new Page();
  const { issuer, source } = start();
  source.subscribe(() => {});
  await source.getToken();
  page.show("hidden");
  await seconds(7200);
  expect(issuer.asked).toHaveLength(1);
  page.show("visible");
  await seconds(0);
  expect(issuer.asked).toHaveLength(2);
});

test("timers that are late after a sleep are set anew when the page is seen", async () => {
  const page = new Page();
  const { issuer, source } = start();
  await source.getToken();
  await source.getToken();
  wallClockMoves(200); // the timer is late by this much
  page.show("visible");
  await seconds(56);
  expect(issuer.asked).toHaveLength(2);
});

test("the network is back: what waits for it is tried at once", async () => {
  const page = new Page();
  const { issuer, source } = start();
  issuer.otherwise = { broken: true };
  const failed = failureOf(source.getToken());
  await seconds(3.2); // the pause after the third try has begun
  await failed;
  const waiting = source.getToken();
  await seconds(0.1);
  expect(issuer.asked).toHaveLength(3);
  issuer.otherwise = undefined;
  page.online();
  await seconds(0);
  expect(issuer.asked).toHaveLength(4);
  expect(source.current?.accessToken).toBe("hasura-4");
  expect(await waiting).toBe(source.current);
});

test("the network is back, but a Retry-After holds", async () => {
  const page = new Page();
  const { issuer, source } = start();
  issuer.answers.push(busy(10));
  const token = source.getToken();
  await seconds(5);
  page.online();
  page.show("visible");
  await seconds(4.9);
  expect(issuer.asked).toHaveLength(1);
  await seconds(1.1);
  expect((await token).accessToken).toBe("hasura-2");
});

test("a Retry-After that ended during a sleep is over when the page is seen", async () => {
  const page = new Page();
  const { source, issuer } = start();
  issuer.answers.push(busy(20));
  const token = source.getToken();
  await seconds(1);
  wallClockMoves(3600);
  page.show("visible");
  await seconds(0);
  expect((await token).accessToken).toBe("hasura-2");
});
