/** The main thread's beat: the guardian sees by it that this loop still turns (docs/adr/0003). */

import { BEAT_INTERVAL_MS, BEAT_PAGE_BYTES, MAIN_BEAT_SLOT, TID_SLOT } from '../core/beats.ts';
import { gettid, mapSharedMemory } from '../linux/files.ts';

/** Beats once, and then by the timer it returns. */
export function startBeating(beatFd: number): NodeJS.Timeout {
  const beats = new Uint32Array(mapSharedMemory(beatFd, BEAT_PAGE_BYTES));
  beats[TID_SLOT + MAIN_BEAT_SLOT] = gettid();
  const beat = (): void => {
    beats[MAIN_BEAT_SLOT] = ((beats[MAIN_BEAT_SLOT] ?? 0) + 1) >>> 0;
  };
  beat();
  return setInterval(beat, BEAT_INTERVAL_MS);
}
