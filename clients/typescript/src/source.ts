import { TokenError } from "./errors.js";
import { exchange, type Minted, type Token } from "./exchange.js";
import { type Failure, failed, worthRetrying } from "./failure.js";
import { Listeners, listenFor } from "./listeners.js";
import {
  exchangeOf,
  type GetTokenOptions,
  type SubjectTokenRequest,
  type TokenListener,
  type TokenSource,
  type TokenSourceOptions,
} from "./options.js";
import { text } from "./text.js";
import { type Moment, now, race, since } from "./time.js";

/** The token there is. */
interface Held extends Minted {
  readonly renewAfter: number; // milliseconds of its life
  wanted: boolean; // somebody has asked for it since it came
}

/** An exchange under way, which all callers share. */
interface Flight {
  readonly interactive: boolean; // somebody waited when it began
  readonly token: Promise<Token>;
}

/** How far apart two renewals are that Hasura's refusals cause. */
const refusalsApart = 30_000;

/** How many tokens are known again when Hasura refuses them: more than can be good at a time. */
const mostGiven = 20;

const cleared = () => new TokenError("cleared", "clear() was called");

/** The reasons that a fresh subject token may cure. */
const outdated = ["token_expired", "key_unknown"];

/** Makes a source of tokens for one caller. It does nothing until it is asked, and belongs to the page or worker that made it. */
export const createTokenSource = (options: TokenSourceOptions): TokenSource => new Source(options);

class Source implements TokenSource {
  readonly #options: TokenSourceOptions;
  readonly #exchange;
  readonly #listeners = new Listeners();
  #held: Held | undefined;
  #user = new AbortController(); // clear() aborts it
  #given: string[] = []; // the last tokens, which requests of this user's may be under way with
  #failure: Failure | undefined;
  #flight: Flight | undefined;
  #refusedAt: Moment | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #endPause: (() => void) | undefined;

  constructor(options: TokenSourceOptions) {
    this.#options = options;
    this.#exchange = exchangeOf(options);
  }

  get current(): Token | undefined {
    const held = this.#held;
    const alive = held && since(held.asked) < held.life - Math.min(5000, held.life / 10); // also on its way to Hasura
    return alive ? held.token : undefined;
  }

  async getToken({ signal }: GetTokenOptions = {}): Promise<Token> {
    signal?.throwIfAborted();
    const held = this.#held;
    const user = this.#user.signal;
    if (held && this.current) {
      held.wanted = true;
      this.#renewAhead();
      return held.token;
    }
    const { interactive, token } = this.#flight ?? this.#take(true);
    try {
      return await (signal ? race(token, signal) : token);
    } catch (error) {
      // What failed while nobody was asked may succeed when somebody is.
      if (interactive || signal?.aborted || user.aborted) throw error;
      return this.getToken({ signal });
    }
  }

  async renew(refused: string, options?: GetTokenOptions): Promise<Token> {
    if (!this.#given.includes(refused)) throw cleared();
    if (this.#held?.token.accessToken === refused) {
      if (this.#refusedAt && since(this.#refusedAt) < refusalsApart) return this.#held.token;
      this.#refusedAt = now();
      this.#held = undefined;
    }
    return this.getToken(options);
  }

  subscribe(listener: TokenListener): () => void {
    const leave = this.#listeners.add(listener);
    this.#renewAhead();
    return leave;
  }

  clear(): void {
    this.#user.abort(cleared());
    this.#user = new AbortController();
    this.#given = [];
    this.#held = this.#failure = this.#flight = this.#refusedAt = undefined;
    this.#renewAhead();
    listenFor(this.#wake, "removeEventListener");
    this.#listeners.tell(undefined);
  }

  get #pause(): number {
    const failure = this.#failure;
    return failure ? failure.wait - since(failure.at) : 0;
  }

  #take(interactive: boolean): Flight {
    listenFor(this.#wake, "addEventListener");
    const { signal } = this.#user;
    const token = this.#fly(interactive, signal);
    const flight = { interactive, token };
    const landed = (error?: TokenError) => {
      if (signal.aborted) return;
      this.#flight = undefined;
      this.#renewAhead();
      this.#listeners.tell(this.#held?.token, error);
    };
    token.then(() => landed(), landed);
    this.#flight = flight;
    return flight;
  }

  /** Exchanges until there is a token, or a failure that it is no use, or too long, to wait out. */
  async #fly(interactive: boolean, signal: AbortSignal): Promise<Token> {
    let patience = this.#options.patience ?? 30_000;
    let forceRefresh = false;
    for (let tries = 1; ; tries++) {
      patience -= await this.#waitOut(interactive, patience, signal);
      try {
        const subjectToken = await this.#subjectToken({ forceRefresh, interactive, signal });
        const minted = await exchange(this.#exchange, subjectToken, signal);
        signal.throwIfAborted(); // what came while it was called off is nobody's
        return this.#hold(minted);
      } catch (caught) {
        signal.throwIfAborted();
        const error = caught as TokenError;
        if (!forceRefresh && outdated.includes(error.reason)) {
          forceRefresh = true;
          continue;
        }
        this.#failure = failed(error, interactive, this.#failure);
        if (!interactive || !error.temporary || (tries >= 3 && !error.retryAfter)) throw error;
      }
    }
  }

  /** Waits out what is left of the pause, and says how much that was. Throws the last failure where it is too much. */
  async #waitOut(interactive: boolean, patience: number, signal: AbortSignal): Promise<number> {
    const left = this.#pause;
    const failure = this.#failure;
    if (!failure || left <= 0) return 0;
    // Who waits now may try at once where nobody did when it failed, and the issuer did not ask to be left alone.
    if (interactive && !failure.interactive && !failure.error.retryAfter && worthRetrying(failure.error, true))
      return 0;
    if (!failure.error.temporary || left > patience) throw failure.error;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const over = new Promise<void>((resolve) => {
      this.#endPause = resolve;
      timer = setTimeout(resolve, left);
    });
    await race(over, signal).finally(() => clearTimeout(timer));
    return left;
  }

  async #subjectToken(request: SubjectTokenRequest): Promise<string> {
    try {
      const given: unknown = await race(Promise.resolve(this.#options.getSubjectToken(request)), request.signal);
      const token = text(given, /\S/);
      if (token) return token.trim();
      throw new TypeError("no text");
    } catch (cause) {
      throw new TokenError("subject_token_failed", "getSubjectToken threw, or returned no text", { cause });
    }
  }

  #hold(minted: Minted): Token {
    this.#failure = undefined;
    this.#given = [minted.token.accessToken, ...this.#given].slice(0, mostGiven);
    this.#held = { ...minted, renewAfter: minted.life * (0.75 + Math.random() / 10), wanted: false };
    return minted.token;
  }

  /** When to renew without being asked, in milliseconds; undefined where there is nothing to renew. */
  get #due(): number | undefined {
    const held = this.#held;
    const failure = this.#failure;
    if (failure ? !worthRetrying(failure.error, !!this.current) : !held) return undefined;
    return Math.max(held ? held.renewAfter - since(held.asked) : 0, this.#pause);
  }

  /** Whether anybody cares: somebody has asked since the token came, or listens and is looked at. */
  get #wanted(): boolean {
    return (this.#held?.wanted && (!this.#failure || !!this.current)) || this.#listeners.any;
  }

  /** Renews where it is time and anybody cares, and looks again when it will be time. */
  #renewAhead(): void {
    clearTimeout(this.#timer);
    const due = this.#due;
    if (due === undefined || this.#flight) return;
    if (due <= 0) {
      if (this.#wanted) this.#take(false);
      return;
    }
    this.#timer = setTimeout(() => this.#renewAhead(), Math.min(due, 2 ** 31 - 1));
    (this.#timer as { unref?: () => void }).unref?.(); // Node does not stay up for it
  }

  /** The page is seen again, or the network is back: timers may be late, and a pause for want of a network is over. */
  readonly #wake = ({ type }: Event): void => {
    if (type === "online" && this.#failure?.error.reason === "issuer_unreachable") this.#failure = undefined;
    if (this.#pause <= 0) this.#endPause?.();
    this.#renewAhead();
  };
}
