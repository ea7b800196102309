import { expect, test, vi } from "vitest";
import { createTokenSource, type TokenSourceOptions } from "../src/index.js";
import { failureOf, start } from "./support/start.js";

test.each([
  [{ scope: [] }, "scope wants a role"],
  [{ scope: "" }, "scope wants a role"],
  [{ issuer: "http://auth.example.com" }, "issuer wants an https URL, not http://auth.example.com"],
  [{ issuer: "http://127.evil.example" }, "issuer wants an https URL, not http://127.evil.example"],
  [{ issuer: "http://127.0.0.1.example" }, "issuer wants an https URL, not http://127.0.0.1.example"],
  [{ issuer: "http://notlocalhost" }, "issuer wants an https URL, not http://notlocalhost"],
  [{ issuer: "ftp://localhost" }, "issuer wants an https URL, not ftp://localhost"],
  [{ issuer: "localhost:8080" }, "issuer wants an https URL, not localhost:8080"],
  [{ issuer: "127.0.0.1:8080" }, "issuer wants an https URL, not 127.0.0.1:8080"],
  [{ issuer: "auth" }, "issuer wants an https URL, not auth"],
  [{ issuer: undefined }, "issuer wants an https URL, not undefined"],
  [{ getSubjectToken: undefined }, "getSubjectToken wants a function"],
  [{ getSubjectToken: "eyJhbGciOiJSUzI1NiJ9" }, "getSubjectToken wants a function"],
])("options that cannot be meant are refused at once, with what is wanted: %j", (options, message) => {
  const whole = { issuer: "https://auth.example.com", getSubjectToken: () => "entra", ...options };
  expect(() => createTokenSource(whole as TokenSourceOptions)).toThrow(new TypeError(message));
});

test.each([
  "http://localhost:8080",
  "http://auth.localhost",
  "http://127.0.0.1:8080",
  "http://[::1]:8080",
  "https://auth.example.com/base/",
])("%s may be an issuer, and a 404 names the address that was asked", async (issuer) => {
  const fetch = vi.fn(async (..._: Parameters<typeof globalThis.fetch>) => new Response("{}", { status: 404 }));
  const { source } = start({ issuer, fetch });
  const { message } = await failureOf(source.getToken());
  const url = `${issuer.replace(/\/$/, "")}/oauth2/token`;
  expect(fetch.mock.calls[0]?.[0]).toBe(url);
  expect(message).toBe(`answer_malformed: not the issuer's answer (HTTP 404 from ${url})`);
});

test.each(["entra\n", " entra", "\r\n\tentra \r\n"])(
  "what is blank around a subject token is left away: %j",
  async (given) => {
    const { issuer, source, getSubjectToken } = start();
    getSubjectToken.mockReturnValueOnce(given);
    await source.getToken();
    expect(issuer.asked[0]?.form.get("subject_token")).toBe("entra");
  },
);

test.each([undefined, { getReader: () => {} }])(
  "a fetch whose answers have no stream of the web's will do: %j",
  async (body) => {
    const text = async () =>
      JSON.stringify({ access_token: "a.b.c", token_type: "Bearer", expires_in: 300, scope: "editor" });
    const fetch = async () => ({ status: 200, headers: new Headers(), body, text }) as unknown as Response;
    expect((await start({ fetch }).source.getToken()).accessToken).toBe("a.b.c");
  },
);
