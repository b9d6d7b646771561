/** What status tells of an instance. */

import { formatIpAddress } from '../../core/ip-address.ts';
import type { VrrpStatus } from '../../stats/status.ts';
import {
  knownMaster,
  type MachineConfig,
  type MachineState,
  toldPhase,
} from '../../vrrp/machine.ts';
import type { PeerFact } from '../../vrrp/peer-differences.ts';
import { downIntervalMs } from '../../vrrp/timers.ts';
import { waitsFor } from '../../vrrp/waiting.ts';
import type { InstanceCounters } from './ports.ts';
import type { ResolvedInstance } from './resolve.ts';

type Told = {
  readonly resolved: ResolvedInstance;
  readonly machineConfig: MachineConfig;
  readonly state: MachineState;
  /** Whether the addresses are on the interface. */
  readonly held: boolean;
  readonly counters: InstanceCounters;
};

export function instanceStatus(told: Told, now: number): VrrpStatus {
  const { resolved, machineConfig, state, held, counters } = told;
  const { config } = resolved;
  const { phase, effectivePriority, faults, transitions, drained, lastResort } = state;
  const { version, priority, intervalMs } = machineConfig;
  const master = knownMaster(machineConfig, state, now);
  const downMs = downIntervalMs(version, priority, intervalMs);
  const differs = counters.watch.differences
    .tell(downMs, now)
    .map((each) => ({ ...each, here: ownFact(resolved, each.fact) }));
  return {
    name: config.name,
    interface: config.interface,
    virtualRouterId: config.virtualRouterId,
    version: config.version,
    state: toldPhase(phase),
    // Who leaves is drained only when another follows.
    drained: drained && (lastResort || phase !== 'leaving'),
    lastResort,
    waitsFor: waitsFor(machineConfig, state, now),
    faults: phase === 'fault' ? faults : [],
    priority: config.priority,
    effectivePriority,
    master: master === null ? null : formatIpAddress(master),
    addresses: resolved.held.map(
      ({ address, prefixLength }) => `${formatIpAddress(address)}/${prefixLength}`,
    ),
    held,
    transitions,
    advertsSent: counters.sent,
    advertsReceived: counters.received,
    dropped: { ...counters.dropped },
    doubts: counters.owner.doubts(config.interface, now),
    warnings: counters.watch.warnings(downMs, now),
    ...(differs.length > 0 && { differs }),
  };
}

function ownFact({ config, addresses }: ResolvedInstance, fact: PeerFact): string {
  switch (fact) {
    case 'vip':
      return addresses.map(({ address }) => formatIpAddress(address)).join(', ');
    case 'interval':
      return `${config.advertIntervalMs}ms`;
    case 'router-id':
      return String(config.virtualRouterId);
  }
}
