/** What an instance begins with: its machine's configuration, and a verdict before anything is known. */

import type { VrrpInstanceConfig } from '../../config/model.ts';
import type { MachineConfig } from '../../vrrp/machine.ts';
import type { verdictOf } from '../../vrrp/tracking.ts';
import type { ResolvedInstance } from './resolve.ts';

/** Nothing is known of scripts and the balancer yet: what must work keeps the instance out until it does. */
export function nothingKnown({
  trackScripts,
  trackProcesses,
  trackFiles,
  trackBalancer,
}: VrrpInstanceConfig): Parameters<typeof verdictOf> {
  return [
    [
      ...trackScripts.map((entry) => ({ kind: 'script' as const, ...entry, passing: null })),
      ...trackProcesses.map((entry) => ({ kind: 'process' as const, ...entry, passing: null })),
      ...trackFiles.map((entry) => ({ kind: 'file' as const, ...entry, value: null })),
    ],
    trackBalancer === null ? null : { ...trackBalancer, serving: false },
  ];
}

export function machineConfigOf({ config, sourceAddress }: ResolvedInstance): MachineConfig {
  return {
    version: config.version,
    priority: config.priority,
    initialState: config.initialState,
    intervalMs: config.advertIntervalMs,
    preempt: config.preempt,
    preemptDelayMs: config.preemptDelayMs,
    address: sourceAddress,
    garp: config.garp,
    answersLower: config.answersLower,
    saysFarewell: config.saysFarewell,
  };
}
