import { type AddressInfo, createServer } from "node:net";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { createTokenSource } from "../src/index.js";
import { failureOf } from "./support/start.js";

/** A peer that sends back what it was sent, in an answer that is no HTTP. */
async function startEcho(answer: (form: string) => string) {
  const server = createServer((socket) => {
    let got = "";
    socket.on("data", (data) => {
      got += data;
      const [head = "", form = ""] = got.split("\r\n\r\n");
      if (form.length === Number(/content-length: (\d+)/i.exec(head)?.[1])) socket.end(answer(form));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = () => new Promise((resolve) => server.close(resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop };
}

test.each([
  ["a header", (form: string) => `HTTP/1.1 200 OK\r\nbroken header ${form}\r\n\r\n`],
  ["the status", (form: string) => `${form}\r\n\r\n`],
  ["a chunk", (form: string) => `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${form}\r\n`],
])("the token is in no error where a peer repeats it in %s", async (_, answer) => {
  const echo = await startEcho(answer);
  const subject = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZUBjb250b3NvIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ";
  const source = createTokenSource({ issuer: echo.url, getSubjectToken: () => subject, patience: 0 });
  const error = await failureOf(source.getToken());
  await echo.stop();
  expect(error).toMatchObject({ reason: "issuer_unreachable", temporary: true });
  expect(error.message).toMatch(/^issuer_unreachable: no answer from http:\S+\/oauth2\/token: HPE_\w+$/);
  const everything = inspect(error, { depth: 9, showHidden: true, maxStringLength: null });
  for (const part of subject.split(".")) {
    expect(everything).not.toContain(part);
    expect(everything).not.toContain([...Buffer.from(part)].map((byte) => byte.toString(16)).join(" ")); // as inspect shows bytes
  }
});
