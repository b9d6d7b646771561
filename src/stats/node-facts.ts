/** What the guardian alone knows of a node and tells its balancer, whose page shows it (docs/adr). */

import type { BalancerStatus, InstanceStatus } from './status.ts';

export type NodeFacts = {
  readonly node: string;
  readonly version: string;
  readonly restarts: number;
  readonly spare: BalancerStatus['spare']['state'];
  readonly vrrp: readonly InstanceStatus[];
};
