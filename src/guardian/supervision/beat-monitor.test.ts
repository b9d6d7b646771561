import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ThreadState } from '../process-table.ts';
import { type LoopWatch, observeLoop, watchLoop } from './beat-monitor.ts';

const TICK_MS = 25;

/** Looks every tick at a loop that beats until `lastBeatAt`; returns when it was found hung, or null. */
function watchUntil(
  end: number,
  lastBeatAt: number,
  thread: (now: number) => ThreadState | null,
  lateMs: (now: number) => number = () => 0,
): number | null {
  let watch: LoopWatch = watchLoop('relay 0', 200, 0);
  for (let now = TICK_MS; now <= end; now += TICK_MS) {
    const beat = Math.min(now, lastBeatAt);
    const verdict = observeLoop(watch, beat, now, lateMs(now), () => thread(now));
    if (verdict.hung !== null) return now;
    watch = verdict.watch;
  }
  return null;
}

describe('observeLoop()', () => {
  it('says nothing about a loop that beats', () => {
    assert.equal(
      watchUntil(5000, 5000, () => ({ state: 'S', cpuMs: 0 })),
      null,
    );
  });

  it('finds a stopped loop after 200 ms', () => {
    assert.equal(
      watchUntil(5000, 1000, () => ({ state: 'T', cpuMs: 3 })),
      1200,
    );
  });

  it('waits for a loop that has never beaten: it comes later', () => {
    assert.equal(
      watchUntil(5000, 0, () => null),
      null,
    );
  });

  it('finds a loop that spins', () => {
    assert.equal(
      watchUntil(5000, 1000, (now) => ({ state: 'R', cpuMs: now })),
      1200,
    );
  });

  it('gives a loop without a processor five times as long', () => {
    assert.equal(
      watchUntil(5000, 1000, () => ({ state: 'R', cpuMs: 3 })),
      2000,
    );
  });

  it('finds a loop whose thread is gone', () => {
    assert.equal(
      watchUntil(5000, 1000, () => null),
      1200,
    );
  });

  it('does not hold its own lateness against the loop', () => {
    const late = (now: number): number => (now === 1100 ? 150 : 0);
    assert.equal(
      watchUntil(5000, 1000, () => ({ state: 'S', cpuMs: 3 }), late),
      1350,
    );
  });
});
