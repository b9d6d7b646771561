/**
 * Layout of the beat page: one page of shared memory (memfd) through which the guardian sees, without
 * a system call and without waiting, that each loop of the balancer still turns.
 *
 * Each slot is one unsigned 32-bit counter that only its owner increments. A slot of 0 has never beaten.
 */

export const BEAT_PAGE_BYTES = 4096;

/** Loops that a data plane may have beside the balancer's main thread: as many threads as a configuration may name. */
export const LOOPS_MAX = 64;

/** Slot of the data plane's loop 0; its loop i beats in slot LOOP_BEAT_SLOT + i. */
export const LOOP_BEAT_SLOT = 0;

/** Slot of the balancer's main thread. */
export const MAIN_BEAT_SLOT = LOOPS_MAX;

/**
 * Thread ids (gettid) of the beating loops, written once at their start: each at TID_SLOT + its own slot. With
 * it the guardian can tell a starved thread from a hung one.
 */
export const TID_SLOT = 128;

/** A loop beats at least this often (ms), also when it has nothing to do. */
export const BEAT_INTERVAL_MS = 50;
