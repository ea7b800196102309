/** A moment by both clocks. */
export interface Moment {
  readonly wall: number;
  readonly steady: number;
}

export const now = (): Moment => ({ wall: Date.now(), steady: performance.now() });

/**
 * Milliseconds since then, by the clock that says more. The steady one does not know when a clock is set back, but may stand
 * still while the machine sleeps; the wall clock is the other way round.
 */
export const since = (then: Moment): number => Math.max(Date.now() - then.wall, performance.now() - then.steady);

/** What promise becomes, unless signal aborts before: then it rejects with the signal's reason. */
export function race<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
