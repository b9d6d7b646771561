/** VRRP's section of a configuration, as a node sees it that knows no election. */

import type { VrrpConfig, VrrpInstanceConfig } from '../../config/model/vrrp.ts';
import type { ElectionSection } from '../../contracts/election.ts';
import { downIntervalMs } from '../../vrrp/timers.ts';

/**
 * Three of it are time enough for a process to start on a machine that is busy with an upgrade. The balancer serves
 * meanwhile, so that clients wait for nothing unless the node dies just then.
 */
const HAND_OVER_INTERVAL_MS = 3000;

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

  patient(): VrrpSection {
    return new VrrpSection({ ...this.config, instances: this.config.instances.map(patient) });
  }

  estate(mastershipFile: string): VrrpEstate {
    return { vrrp: this.config, mastershipFile };
  }
}

/** In version 3 a master says how long others wait, and those that believe it within bounds have the same as here. */
function patient(config: VrrpInstanceConfig): VrrpInstanceConfig {
  const { version, advertIntervalMs, believedIntervals } = config;
  if (version === 2) return config;
  const slowMs = Math.min(
    HAND_OVER_INTERVAL_MS,
    believedIntervals?.maxMs ?? Number.POSITIVE_INFINITY,
  );
  return { ...config, advertIntervalMs: Math.max(advertIntervalMs, slowMs) };
}

/** After the last advertisement of a master: the lowest of backups would have taken over by then. */
export function heldMs({ version, advertIntervalMs }: VrrpInstanceConfig): number {
  return downIntervalMs(version, 1, advertIntervalMs);
}
