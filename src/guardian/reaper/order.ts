/** What the guardian tells its reaper, as one line of JSON, and leaves it. */

import type { VrrpConfig } from '../../config/model.ts';

/** Where the reaper finds the guardian's standard error. */
export const LOG_FD = 3;

export type ReaperOrder = {
  readonly vrrp: VrrpConfig;
  /** Where the speaker notes when it last advertised. */
  readonly mastershipFile: string;
  /** The run directory, where the balancer's pid stands; null: this node balances nothing. */
  readonly balancerIn: string | null;
};
