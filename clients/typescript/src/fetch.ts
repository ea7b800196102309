import { refusesToken } from "./hasura.js";
import type { Token, TokenSource } from "./index.js";

export interface FetchOptions {
  /** A URL of Hasura. The token goes to its origin and nowhere else. */
  url: string | URL;
  /** Used in place of the global fetch. */
  fetch?: typeof globalThis.fetch;
}

/**
 * A fetch that sends the token along, and sends a request once more with a new token where Hasura (v2 or v3) refuses the
 * first. Rejects with a TokenError where there is no token, or somebody else signed in meanwhile, and with a TypeError for a
 * URL of another origin.
 */
export function createFetch(source: TokenSource, { url, fetch }: FetchOptions): typeof globalThis.fetch {
  const { origin } = new URL(url, globalThis.location?.href);
  const send = async (request: Request, token: Token) => {
    request.headers.set("authorization", `Bearer ${token.accessToken}`);
    return (fetch ?? globalThis.fetch)(request);
  };
  return async (input, init) => {
    const request = new Request(input, init);
    if (new URL(request.url).origin !== origin) throw new TypeError(`the token is for ${origin} only`);
    const { signal } = request;
    const token = await source.getToken({ signal });
    const again = request.clone();
    const response = await send(request, token);
    if (!(await isRefusal(response))) return response;
    const renewed = await source.renew(token.accessToken, { signal });
    if (renewed.accessToken === token.accessToken) return response;
    void response.body?.cancel();
    return send(again, renewed);
  };
}

/** A refusal is short. What is longer is not looked at, so that answers stream as ever. */
const longest = 4096;

async function isRefusal(response: Response): Promise<boolean> {
  const { headers, body } = response;
  if (!body || !/\bjson\b/.test(headers.get("content-type") ?? "")) return false;
  if (Number(headers.get("content-length")) > longest) return false;
  const text = await beginning(response.clone());
  try {
    return refusesToken(JSON.parse(text));
  } catch {
    return false;
  }
}

/** The whole of a short body, or so much of another one that it is no JSON. */
async function beginning(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done) return text;
    text += decoder.decode(value, { stream: true });
    if (text.length <= longest && (!response.ok || /^\s*{\s*("errors|$)/.test(text))) continue;
    void reader?.cancel();
    return text.slice(0, longest);
  }
}
