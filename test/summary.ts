/** What a run of the tests says at its end: what was left out, slow, inconclusive, and how late the machine was. */

import type { EventData } from 'node:test';
import type { Lateness } from './kit/lateness.ts';
import { INCONCLUSIVE } from './kit/time-verdict.ts';

/** So many of the slowest are named, if they took a second or more. */
const SLOWEST = 8;
const SLOW_MS = 1000;
/** More verdicts than that are counted, not listed. */
const INCONCLUSIVE_MAX = 30;

export class Summary {
  passed = 0;
  failed = 0;
  readonly #skipped: string[] = [];
  readonly #slow: { readonly name: string; readonly ms: number }[] = [];
  readonly #inconclusive: string[] = [];
  readonly #cutShort: string[] = [];

  onPass({ name, skip, details, nesting }: EventData.TestPass): void {
    if (nesting === 0) this.#slow.push({ name, ms: details.duration_ms });
    if (details.type === 'suite') return;
    if (skip === undefined) this.passed += 1;
    else this.#skipped.push(`${name}${typeof skip === 'string' ? `: ${skip}` : ''}`);
  }

  onFail({ details }: EventData.TestFail): void {
    if (details.type !== 'suite') this.failed += 1;
  }

  /** Files whose last words did not come: nobody knows what their tests found. */
  onCutShort(files: readonly string[]): void {
    this.failed += 1;
    this.#cutShort.push(...files);
  }

  onDiagnostic({ message, file = '' }: EventData.TestDiagnostic): void {
    if (!message.startsWith(INCONCLUSIVE)) return;
    this.#inconclusive.push(`${file.replace(`${process.cwd()}/`, '')}: ${message}`);
  }

  /** The last line is the one that machines read. */
  lines(tookMs: number, lateness: Lateness): readonly string[] {
    const slow = this.#slow.filter(({ ms }) => ms >= SLOW_MS).sort((a, b) => b.ms - a.ms);
    const share = ((100 * lateness.totalMs) / tookMs).toFixed(1);
    return [
      ...list(`${this.#skipped.length} tests were SKIPPED here`, this.#skipped),
      ...list('CUT SHORT, so failed', this.#cutShort),
      ...list(
        'Slowest',
        slow.slice(0, SLOWEST).map(({ name, ms }) => `${(ms / 1000).toFixed(1)} s  ${name}`),
      ),
      ...list(
        `${this.#inconclusive.length} verdicts about time were tried again`,
        this.#inconclusive.slice(0, INCONCLUSIVE_MAX),
      ),
      `The machine was late ${share} % of the time, ${lateness.longestMs.toFixed()} ms at the longest.`,
      `Took ${(tookMs / 60_000).toFixed(1)} minutes.`,
      `${this.passed} passed, ${this.failed} failed, ${this.#skipped.length} skipped`,
    ];
  }
}

function list(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => `  ${line}`), ''];
}
