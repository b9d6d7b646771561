/** A start that somebody ends before the node works, as a service manager does that is told to stop or restart it. */

/** The reason of the signal (AbortSignal) that ends a start. */
export class CancelledStart extends Error {
  /** The process that follows goes on with all that serves: nothing of it is released. */
  readonly handsOver: boolean;

  constructor(handsOver: boolean) {
    super('The start was ended by a signal');
    this.handsOver = handsOver;
  }
}

/** As `work`, or rejects with the reason of `signal` as soon as that is aborted; the work goes on then. */
export function unlessAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const ended = Promise.withResolvers<never>();
  const end = (): void => ended.reject(signal.reason);
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
  return Promise.race([work, ended.promise]);
}
