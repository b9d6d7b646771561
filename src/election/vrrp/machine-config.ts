/** What an instance's machine begins with: its configuration, and a verdict until tracking has one. */

import type { Mastership } from '../../address/mastership.ts';
import type { VrrpInstanceConfig } from '../../config/model/vrrp.ts';
import type { TrackingVerdict } from '../../contracts/election.ts';
import { verdictOf } from '../../tracking/verdict.ts';
import type { MachineConfig } from '../../vrrp/machine.ts';
import type { ResolvedInstance } from './resolve.ts';

export function machineConfigOf(
  { config, sourceAddress }: ResolvedInstance,
  grouped: boolean,
): MachineConfig {
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
    grouped,
  };
}

/**
 * Nothing is known of scripts and the balancer yet: what must work keeps an instance out until it does. One
 * that goes on as master knows what the earlier process knew.
 */
export function firstVerdict(
  config: VrrpInstanceConfig,
  resumed: Mastership | null,
): TrackingVerdict {
  if (resumed !== null) return { priorityDelta: resumed.rank - config.priority, faults: [] };
  const { trackScripts, trackProcesses, trackFiles, trackBalancer } = config;
  return verdictOf(
    [
      ...trackScripts.map((entry) => ({ kind: 'script' as const, ...entry, passing: null })),
      ...trackProcesses.map((entry) => ({ kind: 'process' as const, ...entry, passing: null })),
      ...trackFiles.map((entry) => ({ kind: 'file' as const, ...entry, value: null })),
    ],
    trackBalancer === null ? null : { ...trackBalancer, serving: false },
  );
}
