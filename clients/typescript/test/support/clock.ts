import { afterEach, beforeEach, vi } from "vitest";

/** Every test of the file has a clock that only it moves. */
export function withClock(): void {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date", "performance", "setTimeout", "clearTimeout"], now: 1_800_000_000_000 });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });
}

export const seconds = (n: number) => vi.advanceTimersByTimeAsync(n * 1000);

/** The wall clock jumps, and nothing else happens: somebody sets it, or the machine was asleep where that stops the rest. */
export const wallClockMoves = (n: number) => vi.setSystemTime(Date.now() + n * 1000);

/** The machine was asleep and the steady clock went on, as on Windows; timers are late. */
export function asleep(n: number): void {
  const steady = performance.now.bind(performance);
  vi.spyOn(performance, "now").mockImplementation(() => steady() + n * 1000);
  wallClockMoves(n);
}

/** A page, as far as a source looks at it. */
export class Page {
  readonly #document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  readonly #window = new EventTarget();
  listening = 0;

  constructor() {
    vi.stubGlobal("document", this.#count(this.#document));
    const window = this.#count(this.#window);
    vi.stubGlobal("addEventListener", window.addEventListener.bind(window));
    vi.stubGlobal("removeEventListener", window.removeEventListener.bind(window));
  }

  show(state: "visible" | "hidden"): void {
    this.#document.visibilityState = state;
    this.#document.dispatchEvent(new Event("visibilitychange"));
  }

  online(): void {
    this.#window.dispatchEvent(new Event("online"));
  }

  #count<T extends EventTarget>(target: T): T {
    const heard = new Set<unknown>();
    const key = (args: unknown[]) => args[0];
    const { addEventListener, removeEventListener } = target;
    target.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      if (!heard.has(key(args))) this.listening++;
      heard.add(key(args));
      addEventListener.apply(target, args);
    };
    target.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      if (heard.delete(key(args))) this.listening--;
      removeEventListener.apply(target, args);
    };
    return target;
  }
}
