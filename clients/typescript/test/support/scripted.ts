import { expect } from "vitest";

/** How the scripted issuer answers one exchange: as said, or with a token where nothing is said. */
export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown; // text and streams as they are, anything else as JSON
  /** Answers when this is called; until then, or forever, it is silent. */
  after?: Promise<unknown>;
  /** The connection fails. */
  broken?: boolean;
}

/** An issuer whose answers a test writes, and which holds clients to what the real one wants. */
export class ScriptedIssuer {
  readonly url = "https://issuer.example";
  readonly answers: Answer[] = [];
  readonly asked: { form: URLSearchParams; at: number }[] = [];
  life = 300;
  scope = "editor reader";
  inFlight = 0;
  mostInFlight = 0;
  /** What every exchange gets that answers says nothing about. */
  otherwise: Answer | undefined;

  readonly fetch: typeof globalThis.fetch = async (input, init = {}) => {
    const form = await this.#judge(input, init).catch((fault) => {
      queueMicrotask(() => {
        throw fault; // where no client can take it for a broken connection
      });
      throw fault;
    });
    this.asked.push({ form, at: performance.now() });
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
    try {
      return await this.#answer(this.answers.shift() ?? this.otherwise ?? {}, init.signal);
    } finally {
      this.inFlight--;
    }
  };

  async #judge(input: RequestInfo | URL, init: RequestInit) {
    const request = new Request(input, init);
    expect(request.url).toBe(`${this.url}/oauth2/token`);
    expect(request.method).toBe("POST");
    expect(request.redirect).toBe("manual");
    expect([...request.headers.keys()].sort()).toEqual(["content-type"]); // no preflight
    const form = new URLSearchParams(await request.text());
    expect(form.get("grant_type")).toBe("urn:ietf:params:oauth:grant-type:token-exchange");
    expect(form.get("subject_token_type")).toBe("urn:ietf:params:oauth:token-type:access_token");
    return form;
  }

  async #answer({ status = 200, headers = {}, body, after, broken }: Answer, signal?: AbortSignal | null) {
    if (after) await Promise.race([after, aborted(signal)]);
    if (broken) throw new TypeError("fetch failed");
    const said = body ?? {
      access_token: `hasura-${this.asked.length}`,
      issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
      token_type: "Bearer",
      expires_in: this.life,
      scope: this.scope,
    };
    const plain = typeof said === "string" || said instanceof ReadableStream;
    return new Response(plain ? said : JSON.stringify(said), { status, headers });
  }
}

const aborted = (signal?: AbortSignal | null) =>
  new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));

/** A refusal as the issuer words it. */
export const refusal = (
  status: number,
  error: string,
  reason: string,
  headers: Record<string, string> = {},
): Answer => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  body: { error, error_description: "A constant sentence.", reason },
});

export const busy = (seconds: number) =>
  refusal(503, "temporarily_unavailable", "overloaded", { "retry-after": `${seconds}` });
