/** Counts what became of the requests. Pure: times (ms, of one monotonic clock) come in as data. */

import type { ClientReport, WatchReport } from './messages.ts';

/** Reasons and node names kept apart; more are counted under "other". */
const KEYS_MAX = 32;

type Span = {
  ok: number;
  failed: number;
  longestGapMs: number;
  lastFailureAt: number | null;
  lastFailedStart: number | null;
};

export class Tally {
  readonly #failures = new Map<string, number>();
  readonly #nodes = new Map<string, number>();
  #all = emptySpan();
  #mark = emptySpan();
  #markAt: number;
  #marks = 0;
  /** When the running gap began: the last success, or the first look. */
  #gapFrom: number;

  constructor(now: number) {
    this.#gapFrom = now;
    this.#markAt = now;
  }

  succeed(node: string, now: number): void {
    this.#stretchGaps(now);
    this.#gapFrom = now;
    count(this.#nodes, node);
    for (const span of [this.#all, this.#mark]) span.ok += 1;
  }

  /** `startedAt`: when the request began. */
  fail(reason: string, startedAt: number, now: number): void {
    count(this.#failures, reason);
    for (const span of [this.#all, this.#mark]) {
      span.failed += 1;
      span.lastFailureAt = now;
      span.lastFailedStart = Math.max(span.lastFailedStart ?? startedAt, startedAt);
    }
  }

  /** A new span begins; a gap that lasts already counts from the mark. */
  mark(now: number): void {
    this.#marks += 1;
    this.#mark = emptySpan();
    this.#markAt = now;
  }

  /** Forgets everything but how many marks there were. */
  reset(now: number): void {
    this.mark(now);
    this.#all = emptySpan();
    this.#gapFrom = now;
    this.#failures.clear();
    this.#nodes.clear();
  }

  /** `lateMs`: of the client's own process. */
  report(now: number, watches: WatchReport, lateMs = 0): ClientReport {
    this.#stretchGaps(now);
    const { ok, failed, longestGapMs, lastFailureAt, lastFailedStart } = this.#mark;
    // A request that was under way at the mark counts as one that began with it.
    const sinceMark = (at: number | null): number | null =>
      at === null ? null : Math.round(Math.max(0, at - this.#markAt));
    return {
      marks: this.#marks,
      ok: this.#all.ok,
      failed: this.#all.failed,
      failures: Object.fromEntries(this.#failures),
      nodes: Object.fromEntries(this.#nodes),
      longestGapMs: Math.round(this.#all.longestGapMs),
      sinceMark: {
        ok,
        failed,
        longestGapMs: Math.round(longestGapMs),
        lastFailureMs: sinceMark(lastFailureAt),
        lastFailedStartMs: sinceMark(lastFailedStart),
      },
      watches,
      lateMs: Math.round(lateMs),
    };
  }

  #stretchGaps(now: number): void {
    // Before the first answer the cluster is being built: that is no gap.
    if (this.#all.ok === 0) return;
    this.#all.longestGapMs = Math.max(this.#all.longestGapMs, now - this.#gapFrom);
    const sinceMark = now - Math.max(this.#gapFrom, this.#markAt);
    this.#mark.longestGapMs = Math.max(this.#mark.longestGapMs, sinceMark);
  }
}

function emptySpan(): Span {
  return { ok: 0, failed: 0, longestGapMs: 0, lastFailureAt: null, lastFailedStart: null };
}

function count(counts: Map<string, number>, key: string): void {
  const known = counts.has(key) || counts.size < KEYS_MAX ? key : 'other';
  counts.set(known, (counts.get(known) ?? 0) + 1);
}
