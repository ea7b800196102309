import { Window } from "happy-dom";
import { act, StrictMode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { TokenSource } from "../src/index.js";
import { useToken } from "../src/react.js";
import { seconds, withClock } from "./support/clock.js";
import { refusal } from "./support/scripted.js";
import { start } from "./support/start.js";

withClock();

function Roles({ source }: { source: TokenSource }) {
  const { token, error } = useToken(source);
  return <p>{token ? `${token.accessToken} ${token.roles}` : (error?.reason ?? "…")}</p>;
}

let root: Root;
let page: HTMLElement;
beforeEach(() => {
  const window = new Window();
  vi.stubGlobal("window", window);
  vi.stubGlobal("document", window.document);
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  page = document.createElement("div");
  root = createRoot(page);
});
afterEach(() => act(() => root.unmount()));

const show = (source: TokenSource) =>
  act(() =>
    root.render(
      <StrictMode>
        <Roles source={source} />
        <Roles source={source} />
      </StrictMode>,
    ),
  );

test("components show the token when it is there, and each that comes after it, by one exchange each", async () => {
  const { source, issuer } = start();
  await show(source);
  await act(() => seconds(0));
  expect(page.textContent).toBe("hasura-1 editor,reader".repeat(2));
  await act(() => seconds(256));
  expect(page.textContent).toBe("hasura-2 editor,reader".repeat(2));
  expect(issuer.asked).toHaveLength(2);
});

test("a failure is shown, and forgotten when it is over", async () => {
  const { source, issuer } = start();
  issuer.answers.push(refusal(403, "access_denied", "no_roles"));
  await show(source);
  await act(() => seconds(0));
  expect(page.textContent).toBe("no_roles".repeat(2));
  await act(async () => {
    source.clear();
    await source.getToken();
    await seconds(0);
  });
  expect(page.textContent).toBe("hasura-2 editor,reader".repeat(2));
});

test("when somebody signs out, nothing is shown of them", async () => {
  const { source } = start();
  await show(source);
  await act(() => seconds(0));
  await act(async () => {
    source.clear();
    await seconds(0);
  });
  expect(page.textContent).toBe("……");
});

test("another source is another's token, and what is gone keeps nothing fresh", async () => {
  const one = start();
  const two = start();
  two.issuer.scope = "guest";
  await show(one.source);
  await act(() => seconds(0));
  await show(two.source);
  await act(() => seconds(0));
  expect(page.textContent).toBe("hasura-1 guest".repeat(2));
  await act(() => root.render(null));
  await seconds(3600);
  expect([one.issuer.asked.length, two.issuer.asked.length].every((n) => n <= 2)).toBe(true);
});

test("a server renders without asking", () => {
  const { source, issuer } = start();
  expect(renderToString(<Roles source={source} />)).toBe("<p>…</p>");
  expect(issuer.asked).toHaveLength(0);
});
