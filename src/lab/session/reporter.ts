/** What a lab tells while it runs; told as text for people or as JSON lines for programs. */

import type { ClientReport } from '../client/messages.ts';
import type { Cluster, FaultReport } from '../cluster.ts';
import type { FaultVerdict } from '../fault-verdict.ts';
import type { FaultName } from '../faults.ts';
import type { Removed } from '../remove-lab.ts';

/** What happened in one second. */
export type Second = {
  readonly at: Date;
  /** Nodes whose kernel has the VIP; more than one is what must never be. */
  readonly owners: readonly string[];
  /** Requests of this second. */
  readonly ok: number;
  readonly failed: number;
  readonly nodes: Readonly<Record<string, number>>;
  readonly total: ClientReport;
};

/** What clients felt of a fault; `felt`: what they should have. */
export type ToldVerdict = {
  readonly name: FaultName;
  readonly node: string;
  readonly felt: string;
  readonly verdict: FaultVerdict;
};

export type Reporter = {
  progress(text: string): void;
  built(cluster: Cluster): void;
  second(second: Second): void;
  fault(report: FaultReport): void;
  verdict(told: ToldVerdict): void;
  /** Something that nobody asked for, or that could not be done. */
  problem(text: string): void;
  removed(removed: Removed): void;
};
