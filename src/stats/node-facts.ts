/** What the guardian alone knows of a node and tells its balancer, whose page shows it (docs/adr). */

import type { BalancerStatus, InstanceStatus } from './status.ts';

export type NodeFacts = {
  readonly node: string;
  readonly version: string;
  readonly restarts: number;
  readonly spare: BalancerStatus['spare']['state'];
  readonly vrrp: readonly InstanceStatus[];
  /** Since the guardian was started. */
  readonly moves: readonly VipMoves[];
};

/** Changes of owner of one instance that this node took part in. */
export type VipMoves = {
  readonly instance: string;
  readonly taken: number;
  readonly given: number;
  /** From the last word of an owner that fell silent, the last time that this node took over from one; null: never. */
  readonly lastGapMs: number | null;
};
