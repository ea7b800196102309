// Gets a token as a page does, where there is no page.
import { createTokenSource } from "../../../dist/index.js";

globalThis.addEventListener("message", async ({ data }: MessageEvent<{ issuer: string; subject: string }>) => {
  const source = createTokenSource({
    issuer: data.issuer,
    getSubjectToken: async () => (await fetch(data.subject)).text(),
  });
  const tokens = await Promise.all([source.getToken(), source.getToken()]);
  postMessage({ roles: tokens[0].roles, same: tokens[0] === tokens[1] });
});
