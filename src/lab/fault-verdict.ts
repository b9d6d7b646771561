/** What clients felt of a fault, and whether that is what was to be expected. Pure: a report a second comes in. */

import type { ClientReport } from './client/messages.ts';
import type { Expectation } from './expectations.ts';

export type FaultVerdict = {
  readonly gapMs: number;
  readonly failed: number;
  readonly watchesCut: number;
  readonly watches: number;
  readonly longestSilenceMs: number;
  /** Requests succeed and all watches flow again. */
  readonly ended: boolean;
  readonly asExpected: boolean;
  /** What was not; empty where it was. */
  readonly because: readonly string[];
};

/** So many calm seconds in a row, with all watches open and heard, are the end of it. */
const QUIET_S = 3;
/** An event comes every second; a watch that has heard none for so long is not well. */
const SILENT_MS = 2500;
/** In a second; a busy machine makes a request late now and then. */
const STRAY_FAILURES = 1;
/** What has not ended by then does not end. */
const PATIENCE_S = 20;

export class FaultWatch {
  readonly #expectation: Expectation;
  /** At the fault, whose figures "since the mark" begin with it. */
  readonly #marks: number;
  #seconds = 0;
  #quiet = 0;
  #failedBefore = 0;

  /** `report`: the first after the fault. */
  constructor(expectation: Expectation, report: ClientReport) {
    this.#expectation = expectation;
    this.#marks = report.marks;
  }

  /** Once a second; null while it is not over. Another fault ends it as it stands. */
  second(report: ClientReport): FaultVerdict | null {
    if (report.marks !== this.#marks) return null;
    this.#seconds += 1;
    const { failed } = report.sinceMark;
    const { open, kept, silentMs } = report.watches;
    const flows = open === kept && silentMs < SILENT_MS;
    const isCalm = failed - this.#failedBefore <= STRAY_FAILURES && report.sinceMark.ok > 0;
    const isQuiet = isCalm && flows;
    this.#failedBefore = failed;
    this.#quiet = isQuiet ? this.#quiet + 1 : 0;
    const ended = this.#quiet >= QUIET_S;
    if (!ended && this.#seconds < PATIENCE_S) return null;
    return judgeFault(this.#expectation, report, ended);
  }
}

/** Bounds count for a machine that is on time: what the client's own process was late is added. */
export function judgeFault(
  expectation: Expectation,
  report: ClientReport,
  ended: boolean,
): FaultVerdict {
  const { sinceMark, watches, lateMs } = report;
  const { gapMs, failed, cuts, silentMs, ends } = expectation;
  const cut = watches.sinceMark.broken;
  const cutMax = { none: 0, some: Math.max(0, watches.kept - 1), all: Number.POSITIVE_INFINITY };
  const silence = watches.sinceMark.longestSilenceMs;
  const because = [
    ...(ends && !ended ? [`it did not end within ${PATIENCE_S} s`] : []),
    ...beyond('ms without an answer', sinceMark.longestGapMs, gapMs, lateMs),
    ...beyond('requests failed', sinceMark.failed, failed, lateMs / 10),
    ...(cut > cutMax[cuts] ? [`${cut} watches cut, ${cuts} expected`] : []),
    ...beyond('ms in which a watch heard nothing', silence, silentMs, lateMs),
  ];
  return {
    gapMs: sinceMark.longestGapMs,
    failed: sinceMark.failed,
    watchesCut: cut,
    watches: watches.kept,
    longestSilenceMs: silence,
    ended,
    asExpected: because.length === 0,
    because,
  };
}

function beyond(what: string, value: number, max: number | null, allowance: number): string[] {
  return max === null || value <= max + allowance
    ? []
    : [`${value} ${what}, at most ${max} expected`];
}

/** Two lines for people: the figures, and what to think of them. */
export function renderVerdict(verdict: FaultVerdict, felt: string): readonly [string, string] {
  const { gapMs, failed, watchesCut, watches, longestSilenceMs, ended } = verdict;
  const last = ended ? '' : '; it goes on';
  const figures =
    `gap ${gapMs} ms, ${failed} failed, ${watchesCut} of ${watches} watches cut, ` +
    `silent for ${(longestSilenceMs / 1000).toFixed(1)} s at most${last}`;
  const opinion = verdict.asExpected
    ? `As expected: ${felt}`
    : `Not as expected: ${verdict.because.join('; ')}. Expected was: ${felt}`;
  return [figures, opinion];
}
