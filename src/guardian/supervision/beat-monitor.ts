/**
 * Decides from beats whether a balancer hangs. Pure: the caller samples the beat page and /proc.
 *
 * A loop that has not beaten for its limit hangs when it is stopped, blocked or spinning. A loop that is
 * runnable and has had no processor meanwhile is starved, not hung: killing it would cut its connections
 * and start one more process on a machine that has too little time already. It gets a second limit.
 */

import type { ThreadState } from '../process-table.ts';

/** No beat of one of the data plane's loops for this long: it hangs. */
export const LOOP_SILENCE_MS = 200;

/** The main thread runs garbage collection and renders pages; clients do not wait for it. */
export const MAIN_SILENCE_MS = 2000;

/** A starved loop is given this many times its limit. */
const STARVED_FACTOR = 5;

/** Less than this share of a processor while silent means starved. */
const STARVED_SHARE = 0.25;

export type LoopWatch = {
  /** For messages: "relay 0", "main thread". */
  readonly name: string;
  readonly silenceMs: number;
  /** Last value of the loop's beat counter, and when it changed (monotonic ms). */
  readonly beat: number;
  readonly beatAt: number;
  /** CPU time the thread had had when half its limit was over; null before. */
  readonly cpuMsAtDoubt: number | null;
  readonly doubtAt: number;
};

export function watchLoop(name: string, silenceMs: number, now: number): LoopWatch {
  return { name, silenceMs, beat: 0, beatAt: now, cpuMsAtDoubt: null, doubtAt: now };
}

export type LoopVerdict = { readonly watch: LoopWatch; readonly hung: string | null };

/**
 * One look at one loop. `lateMs`: how much later than planned the caller itself came to look; silence that
 * it could not have seen is not held against the loop. `thread` is read from /proc only when in doubt.
 */
export function observeLoop(
  watch: LoopWatch,
  beat: number,
  now: number,
  lateMs: number,
  thread: () => ThreadState | null,
): LoopVerdict {
  if (beat !== watch.beat) {
    return { watch: { ...watch, beat, beatAt: now, cpuMsAtDoubt: null }, hung: null };
  }
  // Its thread starts when its balancer takes over: that is the balancer's to care for.
  if (beat === 0) return { watch: { ...watch, beatAt: now }, hung: null };
  const beatAt = watch.beatAt + lateMs;
  const silence = now - beatAt;
  if (silence < watch.silenceMs / 2) return { watch: { ...watch, beatAt }, hung: null };
  if (watch.cpuMsAtDoubt === null) {
    const cpuMsAtDoubt = thread()?.cpuMs ?? 0;
    return { watch: { ...watch, beatAt, cpuMsAtDoubt, doubtAt: now }, hung: null };
  }
  if (silence < watch.silenceMs) return { watch: { ...watch, beatAt }, hung: null };
  const state = thread();
  if (state !== null && isStarved(watch, state, now)) {
    if (silence < watch.silenceMs * STARVED_FACTOR) {
      return { watch: { ...watch, beatAt }, hung: null };
    }
  }
  const seen = state === null ? 'gone' : `state ${state.state}`;
  return {
    watch: { ...watch, beatAt },
    hung: `${watch.name} has not beaten for ${Math.round(silence)} ms (${seen})`,
  };
}

function isStarved(watch: LoopWatch, state: ThreadState, now: number): boolean {
  if (state.state !== 'R') return false;
  const had = state.cpuMs - (watch.cpuMsAtDoubt ?? 0);
  return had < (now - watch.doubtAt) * STARVED_SHARE;
}
