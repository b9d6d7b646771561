/** An instance whose interface, own address or peers are not there yet: in FAULT until they are. */

import type { VrrpConfig, VrrpInstanceConfig } from '../../config/model/vrrp.ts';
import { OperationalError } from '../../core/errors.ts';
import type { InterfaceAddress, Link } from '../../linux/netlink-route.ts';
import type { VrrpStatus } from '../../stats/status.ts';
import { type ResolvedInstance, resolveInstance } from './resolve.ts';

export type Awaited = {
  readonly config: VrrpInstanceConfig;
  /** What is missing, as a sentence without its end. */
  readonly why: string;
};

export type Resolution = {
  readonly resolved: readonly ResolvedInstance[];
  readonly awaited: readonly Awaited[];
};

/** Throws OperationalError 'missing-interface' where the configuration does not wait for interfaces. */
export function resolveOrAwait(
  config: VrrpConfig,
  links: readonly Link[],
  present: readonly InterfaceAddress[],
): Resolution {
  const resolved: ResolvedInstance[] = [];
  const awaited: Awaited[] = [];
  for (const instance of config.instances) {
    const nameless = awaitedPeers(instance);
    if (nameless !== null) {
      awaited.push({ config: instance, why: nameless });
      continue;
    }
    try {
      resolved.push(resolveInstance(instance, links, present));
    } catch (error) {
      if (!(error instanceof OperationalError) || !isAwaited(error, config)) throw error;
      awaited.push({ config: instance, why: error.message });
    }
  }
  return { resolved, awaited };
}

/** null: it knows where all of its peers are. */
function awaitedPeers({ transport }: VrrpInstanceConfig): string | null {
  const [first] = transport.kind === 'unicast' ? (transport.awaits ?? []) : [];
  if (first === undefined) return null;
  return `The name "${first.host}" of node "${first.node}" has no address yet`;
}

/** keepalived waits for an address in any case, for an interface with dynamic_interfaces only. */
function isAwaited({ code }: OperationalError, { awaitsInterfaces }: VrrpConfig): boolean {
  return (
    code === 'no-source-address' || (code === 'missing-interface' && awaitsInterfaces === true)
  );
}

export function awaitedStatus({ config, why }: Awaited): VrrpStatus {
  const { name, virtualRouterId, version, priority } = config;
  return {
    name,
    interface: config.interface,
    virtualRouterId,
    version,
    state: 'fault',
    drained: false,
    lastResort: false,
    waitsFor: null,
    faults: [why],
    priority,
    effectivePriority: priority,
    master: null,
    addresses: config.addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`),
    held: false,
    transitions: 0,
    advertsSent: 0,
    advertsReceived: 0,
    dropped: {},
  };
}
