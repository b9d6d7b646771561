/** The verdict on each fault of a lab: told when it is over, and to whoever waits for it. */

import type { Cluster, FaultReport } from '../cluster.ts';
import { FaultWatch } from '../fault-verdict.ts';
import type { Reporter, ToldVerdict } from './reporter.ts';

type Watched = { readonly report: FaultReport; readonly watch: FaultWatch };

export class Verdicts {
  readonly #cluster: Cluster;
  readonly #reporter: Reporter;
  #watched: Watched | null = null;
  readonly #waiting: ((verdict: ToldVerdict | null) => void)[] = [];

  constructor(cluster: Cluster, reporter: Reporter) {
    this.#cluster = cluster;
    this.#reporter = reporter;
  }

  /** From now on this fault's figures count; one whose verdict is still open gets none. */
  watch(report: FaultReport): void {
    this.#giveUp();
    this.#watched = {
      report,
      watch: new FaultWatch(report.expected, this.#cluster.requests()),
    };
  }

  /** Once a second. */
  second(): void {
    if (this.#watched === null) return;
    const { report, watch } = this.#watched;
    const verdict = watch.second(this.#cluster.requests());
    if (verdict === null) return;
    this.#watched = null;
    const told = { name: report.name, node: report.node, felt: report.expected.felt, verdict };
    this.#reporter.verdict(told);
    this.#answer(told);
  }

  /** The verdict on the fault of now; null: another fault came first, or there is none. */
  next(): Promise<ToldVerdict | null> {
    if (this.#watched === null) return Promise.resolve(null);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  close(): void {
    this.#giveUp();
  }

  #giveUp(): void {
    if (this.#watched === null) return;
    const { name, node } = this.#watched.report;
    this.#reporter.progress(`No verdict on ${name} on ${node}: something else came before its end`);
    this.#watched = null;
    this.#answer(null);
  }

  #answer(verdict: ToldVerdict | null): void {
    for (const resolve of this.#waiting.splice(0)) resolve(verdict);
  }
}
