/** What a balancer goes by now. It alone changes this; its parts read it, each time they need it. */

import type { BalancerConfig } from '../config/model/config.ts';
import type { DataPlane } from '../contracts/data-plane.ts';

export type Traffic = {
  config: BalancerConfig;
  /** null: not started yet. */
  plane: DataPlane | null;
};
