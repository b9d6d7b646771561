/** VRRP's section of a configuration, as a node sees it that knows no election. */

import type { VrrpConfig, VrrpInstanceConfig } from '../../config/model/vrrp.ts';
import type { ElectionSection } from '../../contracts/election.ts';
import { downIntervalMs } from '../../vrrp/timers.ts';

/** For estate.ts, in another process. */
export type VrrpEstate = { readonly vrrp: VrrpConfig; readonly mastershipFile: string };

export class VrrpSection implements ElectionSection {
  readonly config: VrrpConfig;
  readonly estateModule = new URL('./estate.ts', import.meta.url).href;

  constructor(config: VrrpConfig) {
    this.config = config;
  }

  get heldMsMax(): number {
    return Math.max(0, ...this.config.instances.map(heldMs));
  }

  estate(mastershipFile: string): VrrpEstate {
    return { vrrp: this.config, mastershipFile };
  }
}

/** After the last advertisement of a master: the lowest of backups would have taken over by then. */
export function heldMs({ version, advertIntervalMs }: VrrpInstanceConfig): number {
  return downIntervalMs(version, 1, advertIntervalMs);
}
