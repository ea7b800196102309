import { InteractionRequiredAuthError, type PublicClientApplication } from "@azure/msal-browser";
import { describe, expect, expectTypeOf, test, vi } from "vitest";
import { type MsalApp, msalSubjectToken } from "../src/msal.js";
import { failureOf, start } from "./support/start.js";

const alice = { homeAccountId: "alice" };
const bob = { homeAccountId: "bob" };
const scopes = ["api://hasura/access_as_user"];
const required = new InteractionRequiredAuthError("interaction_required", "correlation");

function stub(accounts = [alice], active: typeof alice | null = null) {
  return {
    getActiveAccount: vi.fn(() => active),
    getAllAccounts: vi.fn(() => accounts),
    acquireTokenSilent: vi.fn(async (_: unknown) => ({ accessToken: "silent" })),
    acquireTokenPopup: vi.fn(async (_: unknown) => ({ accessToken: "popup" })),
    acquireTokenRedirect: vi.fn(async (_: unknown) => {}),
  } satisfies MsalApp;
}

const asked = (interactive = true, forceRefresh = false) => ({
  interactive,
  forceRefresh,
  signal: new AbortController().signal,
});

test("MSAL's own application fits", () => {
  expectTypeOf<PublicClientApplication>().toExtend<
    MsalApp<Parameters<PublicClientApplication["setActiveAccount"]>[0] & {}>
  >();
  expect(() => msalSubjectToken({} as PublicClientApplication, { scopes })).not.toThrow();
});

test("a token is taken silently, for the one who is signed in", async () => {
  const app = stub();
  expect(await msalSubjectToken(app, { scopes })(asked())).toBe("silent");
  expect(app.acquireTokenSilent).toHaveBeenCalledWith({ scopes, account: alice, forceRefresh: false });
  await msalSubjectToken(app, { scopes })(asked(true, true));
  expect(app.acquireTokenSilent).toHaveBeenLastCalledWith({ scopes, account: alice, forceRefresh: true });
});

test("of several accounts it is the active one, or the one that the app says", async () => {
  const app = stub([alice, bob], bob);
  await msalSubjectToken(app, { scopes })(asked());
  await msalSubjectToken(app, { scopes, account: () => alice })(asked());
  expect(app.acquireTokenSilent.mock.calls.map(([request]) => (request as { account: unknown }).account)).toEqual([
    bob,
    alice,
  ]);
});

describe("where the user has to be asked", () => {
  test.each([
    ["InteractionRequiredAuthError", required],
    ["a hidden frame that came to nothing", { errorCode: "monitor_window_timeout" }],
  ])("by popup: %s", async (_, error) => {
    const app = stub();
    app.acquireTokenSilent.mockRejectedValue(error);
    expect(await msalSubjectToken(app, { scopes, interaction: "popup" })(asked())).toBe("popup");
    expect(app.acquireTokenPopup).toHaveBeenCalledWith({ scopes, account: alice });
  });

  test("by redirect, which the page does not survive", async () => {
    const app = stub();
    app.acquireTokenSilent.mockRejectedValue(required);
    expect(await failureOf(Promise.resolve(msalSubjectToken(app, { scopes })(asked())))).toBe(required);
    expect(app.acquireTokenRedirect).toHaveBeenCalledWith({ scopes, account: alice });
  });

  test("not while nobody waits, nor where the app says so, nor for other errors", async () => {
    const app = stub();
    app.acquireTokenSilent.mockRejectedValue(required);
    await failureOf(Promise.resolve(msalSubjectToken(app, { scopes, interaction: "popup" })(asked(false))));
    await failureOf(Promise.resolve(msalSubjectToken(app, { scopes, interaction: "none" })(asked())));
    app.acquireTokenSilent.mockRejectedValue(new Error("post_request_failed"));
    await failureOf(Promise.resolve(msalSubjectToken(app, { scopes, interaction: "popup" })(asked())));
    expect(app.acquireTokenPopup).not.toHaveBeenCalled();
    expect(app.acquireTokenRedirect).not.toHaveBeenCalled();
  });

  test.each([[[]], [[alice, bob]]])("when it is not clear who signs in: %j", async (accounts) => {
    const app = stub(accounts);
    expect(await msalSubjectToken(app, { scopes, interaction: "popup" })(asked())).toBe("popup");
    expect(app.acquireTokenSilent).not.toHaveBeenCalled();
    expect(app.acquireTokenPopup).toHaveBeenCalledWith({ scopes });
  });

  test("many callers see one popup", async () => {
    const app = stub();
    app.acquireTokenSilent.mockRejectedValue(required);
    const { source } = start({ getSubjectToken: msalSubjectToken(app, { scopes, interaction: "popup" }) });
    await Promise.all(Array.from({ length: 20 }, () => source.getToken()));
    expect(app.acquireTokenPopup).toHaveBeenCalledTimes(1);
  });
});
