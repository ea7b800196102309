import fc from "fast-check";
import { expect, test } from "vitest";
import { TokenError } from "../src/index.js";
import { Page, seconds, wallClockMoves, withClock } from "./support/clock.js";
import { type Answer, busy, refusal } from "./support/scripted.js";
import { failureOf, start } from "./support/start.js";

withClock();

const tenths = (from: number, to: number) => fc.integer({ min: from * 10, max: to * 10 }).map((n) => n / 10);

/** What may happen to a page. Time that truly passes is counted, so that a token's true age is known. */
const events = (clockIsSetBack: boolean) =>
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("pass" as const), n: tenths(0, 120) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("ask" as const), n: fc.integer({ min: 1, max: 5 }) }) },
    { arbitrary: fc.record({ do: fc.constant("refused" as const), n: fc.constant(0) }), weight: 1 },
    {
      arbitrary: fc.record({
        do: fc.constantFrom("hide" as const, "show" as const, "online" as const),
        n: fc.constant(0),
      }),
      weight: 2,
    },
    {
      arbitrary: fc.record({
        do: fc.constantFrom("break" as const, "busy" as const, "slow" as const, "blocked" as const),
        n: fc.integer({ min: 1, max: 40 }),
      }),
      weight: 1,
    },
    clockIsSetBack
      ? { arbitrary: fc.record({ do: fc.constant("set" as const), n: tenths(-1000, 1000) }), weight: 1 }
      : { arbitrary: fc.record({ do: fc.constant("sleep" as const), n: tenths(0, 600) }), weight: 1 },
  );

type Happening = { do: string; n: number };

const answers: Record<string, (n: number) => Answer> = {
  break: () => ({ broken: true }),
  busy,
  slow: (n) => ({ after: new Promise((resolve) => setTimeout(resolve, n * 250)) }),
  blocked: () => refusal(403, "access_denied", "blocked"),
};

async function live(happenings: Happening[]) {
  const page = new Page();
  const { issuer } = start();
  let slept = 0;
  const truly = () => performance.now() + slept * 1000;
  const born = new Map<string, number>();
  let quietUntil = 0;
  const { fetch } = issuer;
  const { source } = start({
    fetch: async (...request) => {
      expect(truly(), "the issuer asked to be left alone").toBeGreaterThanOrEqual(quietUntil);
      const response = await fetch(...request);
      const retryAfter = response.headers.get("retry-after");
      if (retryAfter) quietUntil = truly() + Number(retryAfter) * 1000;
      else if (response.ok) born.set(`hasura-${issuer.asked.length}`, truly());
      return response;
    },
  });
  const pending: Promise<unknown>[] = [];
  const judge = (accessToken: string) => {
    expect(truly() - (born.get(accessToken) ?? Number.NaN), "its true age").toBeLessThan(issuer.life * 1000);
  };
  for (const { do: what, n } of happenings) {
    if (what === "pass") await seconds(n);
    else if (what === "ask") {
      for (let i = 0; i < n; i++) {
        pending.push(
          source.getToken().then(
            ({ accessToken }) => judge(accessToken),
            (error) => expect(error).toBeInstanceOf(TokenError),
          ),
        );
      }
    } else if (what === "refused" && source.current) {
      pending.push(
        source.renew(source.current.accessToken).then(
          ({ accessToken }) => judge(accessToken),
          () => {},
        ),
      );
    } else if (what === "hide" || what === "show") page.show(what === "hide" ? "hidden" : "visible");
    else if (what === "online") page.online();
    else if (what === "set") wallClockMoves(n);
    else if (what === "sleep") {
      slept += n;
      wallClockMoves(n);
    } else if (answers[what]) issuer.answers.push(answers[what](n));
    await seconds(0);
    if (source.current) judge(source.current.accessToken);
  }
  await seconds(120);
  await Promise.all(pending); // everybody is answered
  expect(issuer.mostInFlight, "exchanges at once").toBeLessThanOrEqual(1);
  source.clear();
}

test.each([
  ["while the clock is set", true],
  ["while the machine sleeps", false],
])(
  "whatever happens, tokens are good, one exchange is under way, and Retry-After holds: %s",
  async (_, clockIsSetBack) => {
    await fc.assert(
      fc.asyncProperty(fc.array(events(clockIsSetBack), { maxLength: 40, size: "max" }), (happenings) =>
        live(happenings),
      ),
      { numRuns: 50 },
    );
  },
);

test("whatever an issuer says, and wherever it repeats the token, no error holds a part of it", async () => {
  const subject = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZUBjb250b3NvIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ";
  const part = fc.constantFrom(subject, ...subject.split("."), subject.slice(5, 60));
  const text = fc.tuple(fc.string(), part, fc.string()).map((parts) => parts.join(""));
  const said = fc.oneof(
    text,
    fc.record(
      {
        error: fc.oneof(text, fc.constant("invalid_request")),
        reason: fc.oneof(text, fc.constant("no_roles")),
        error_description: text,
      },
      { requiredKeys: [] },
    ),
  );
  await fc.assert(
    fc.asyncProperty(said, fc.constantFrom(200, 400, 403, 404, 429, 500, 502), async (body, status) => {
      const { issuer, source, getSubjectToken } = start({ patience: 0 });
      getSubjectToken.mockReturnValue(subject);
      issuer.otherwise = { status, body };
      const error = await failureOf(source.getToken());
      expect(error).toBeInstanceOf(TokenError);
      const everything = [
        error.message,
        error.stack,
        String(error.cause),
        JSON.stringify(error),
        error.reason,
        error.error,
      ].join();
      for (const secret of subject.split(".")) expect(everything).not.toContain(secret.slice(0, 20));
    }),
    { numRuns: 300 },
  );
});
