/** The VRRP half of evergate.yaml, as one node of the file sees it. */

import { formatIpv4, parseIpv4 } from '../../core/ip.ts';
import type { VrrpConfig, VrrpInstanceConfig } from '../model.ts';
import { GARP_DEFAULTS } from '../vrrp-defaults.ts';
import { INSTANCE_NAME, priorityOf, routerIdOf } from './defaults.ts';
import type { Draft } from './draft.ts';
import { describeLocal, type FoundNode, type LocalAddress } from './find-node.ts';
import type { NodeEntry } from './schema.ts';
import type { Vip } from './values.ts';

/** RFC 5798 section 5.1.1.2. */
const MULTICAST_GROUP = '224.0.0.18';
const INTERVAL_STEP_MS = 10;
/** Of the one key a file names. */
const KEY_ID = 1;
/** rtnetlink(7): RT_SCOPE_UNIVERSE. */
const SCOPE_GLOBAL = 0;

function network(address: string, prefixLength: number): number | null {
  const parsed = parseIpv4(address);
  if (!parsed.ok) return null;
  return prefixLength === 0 ? 0 : (parsed.value >>> (32 - prefixLength)) << (32 - prefixLength);
}

/** Whether `address` lies in the network of `other`. */
function isWithin(address: string, other: string, prefixLength: number): boolean {
  return network(address, prefixLength) === network(other, prefixLength);
}

/** Interfaces of this machine with an address in the VIP's network. */
function interfacesNear(local: readonly LocalAddress[], vip: string): readonly string[] {
  const near = local.filter(
    ({ address, prefixLength }) => address !== vip && isWithin(vip, address, prefixLength),
  );
  return [...new Set(near.map((each) => each.interface))];
}

/** Every node's priority, by name. */
function priorities(draft: Draft): ReadonlyMap<string, number> {
  const nodes = Object.entries(draft.file.nodes);
  return new Map(
    nodes.map(([name, { priority }], index) => [name, priority ?? priorityOf(index, nodes.length)]),
  );
}

function checkPriorities(draft: Draft): void {
  const owners = new Map<number, string>();
  for (const [name, priority] of priorities(draft)) {
    const owner = owners.get(priority);
    if (owner === undefined) {
      owners.set(priority, name);
      continue;
    }
    const text =
      `Nodes "${owner}" and "${name}" both have priority ${priority}; two that fail over at once may ` +
      'hold the VIP for a moment: give each its own, or to none';
    draft.report.warning(draft.keyPlace(['nodes', name]), 'duplicate-name', text);
  }
}

function checkVips(draft: Draft, vips: readonly Vip[]): void {
  const { report, file } = draft;
  const seen = new Set<string>();
  for (const [index, { address, prefixLength }] of vips.entries()) {
    const place = draft.itemPlace(['vip'], index);
    if (seen.has(address)) {
      report.error(place, 'duplicate-name', `The VIP "${address}" is given twice; remove one`);
    }
    seen.add(address);
    for (const [name, node] of Object.entries(file.nodes)) {
      if (node.address === address) {
        const text = `The VIP "${address}" is the address of node "${name}"; choose a free one of its network`;
        report.error(place, 'address-conflict', text);
      } else if (
        prefixLength < 32 &&
        !hasInterface(draft, node) &&
        !isWithin(node.address, address, prefixLength)
      ) {
        const text =
          `Node "${name}" at ${node.address} lies outside the network of the VIP, ` +
          `${formatIpv4((network(address, prefixLength) ?? 0) >>> 0)}/${prefixLength}; correct either, or name its "interface"`;
        report.warning(draft.place(['nodes', name]), 'vip-outside-network', text);
      }
    }
  }
}

function hasInterface(draft: Draft, node: NodeEntry): boolean {
  return (node.interface ?? draft.file.vrrp.interface) !== undefined;
}

/** What holds for every node alike; says it also where this machine is none of them. */
export function checkVrrp(draft: Draft): void {
  const { report, file } = draft;
  const { vip, vrrp } = file;
  if (vip === undefined) {
    if (!draft.has(['vrrp'])) return;
    const text = '"vrrp" is ignored: there is no "vip"';
    report.warning(draft.keyPlace(['vrrp']), 'ignored-directive', text);
    return;
  }
  checkVips(draft, vip);
  checkPriorities(draft);
  if (vrrp.interval % INTERVAL_STEP_MS !== 0) {
    const text = `"vrrp.interval": ${vrrp.interval}ms is not a multiple of 10ms, the step of VRRP version 3`;
    report.error(draft.place(['vrrp', 'interval']), 'bad-value', text);
  }
  for (const key of ['key-mode', 'clock-tolerance']) {
    if (vrrp.key !== undefined || !draft.has(['vrrp', key])) continue;
    const text = `"vrrp.${key}" is ignored without a "key"`;
    report.warning(draft.keyPlace(['vrrp', key]), 'ignored-directive', text);
  }
  if (vrrp['preempt-delay'] > 0 && !vrrp.preempt) {
    const text = '"vrrp.preempt-delay" is ignored without "preempt: true"';
    report.warning(draft.keyPlace(['vrrp', 'preempt-delay']), 'ignored-directive', text);
  }
}

/** The interface the VIP goes to on this node; null after a diagnosis. */
function chooseInterface(draft: Draft, { name, entry, here }: FoundNode, vip: Vip): string | null {
  const { report, context } = draft;
  const local = context.localAddresses;
  const near = interfacesNear(local, vip.address);
  const named = entry.interface ?? draft.file.vrrp.interface;
  const place = draft.itemPlace(['vip'], 0);
  if (named !== undefined) {
    const own = local.filter((each) => each.interface === named);
    if (own.length === 0) {
      const text =
        `The interface "${named}" has no IPv4 address here, or does not exist; this machine has ` +
        describeLocal(local);
      report.warning(place, 'missing-interface', text);
    } else if (!near.includes(named)) {
      const text =
        `The VIP "${vip.address}" lies in no network of "${named}", which has ${describeLocal(own)}; ` +
        'neighbours will not find it';
      report.warning(place, 'vip-outside-network', text);
    }
    return named;
  }
  const home = local.find(({ address }) => address === entry.address)?.interface;
  if (home !== undefined && near.includes(home)) return home;
  const [first] = near;
  if (first !== undefined && near.length === 1) return first;
  const text =
    near.length > 1
      ? `Several interfaces have an address in the network of the VIP "${vip.address}": ${near.join(', ')}; ` +
        `name one as "interface" of node "${name}"`
      : `No interface has an address in the network of the VIP "${vip.address}": this machine has ` +
        `${describeLocal(local)}; correct "vip", or name the "interface" of node "${name}"`;
  // A check may run elsewhere, with the node only named.
  if (here) report.error(place, 'vip-outside-network', text);
  else report.warning(place, 'vip-outside-network', text);
  return null;
}

/** Warns of a prefix length that is not the network's, which would bend routes. */
function checkPrefixLength(draft: Draft, vips: readonly Vip[], interfaceName: string): void {
  for (const [index, { address, prefixLength }] of vips.entries()) {
    const on = draft.context.localAddresses.filter(
      (each) =>
        each.interface === interfaceName &&
        each.address !== address &&
        isWithin(address, each.address, each.prefixLength),
    );
    const [first] = on;
    if (first === undefined || prefixLength === 32) continue;
    if (on.some((each) => each.prefixLength === prefixLength)) continue;
    const text =
      `The VIP has prefix length ${prefixLength}, its network on "${interfaceName}" ${first.prefixLength}; ` +
      `write it as ${address}/${first.prefixLength}`;
    draft.report.warning(draft.itemPlace(['vip'], index), 'vip-outside-network', text);
  }
}

/** Nobody is notified and nothing but the balancer is tracked: what a native file has no keys for. */
const NOTHING_MORE = {
  excludedAddresses: [],
  routes: [],
  trackScripts: [],
  trackInterfaces: [],
  trackProcesses: [],
  trackFiles: [],
  answersLower: true,
  saysFarewell: true,
  notify: { master: null, backup: null, fault: null, stop: null, any: null },
} as const;

function toTransport(draft: Draft, name: string): VrrpInstanceConfig['transport'] {
  const { nodes, vrrp } = draft.file;
  if (vrrp.transport === 'multicast') return { kind: 'multicast', group: MULTICAST_GROUP };
  const others = Object.entries(nodes).filter(([other]) => other !== name);
  return { kind: 'unicast', peers: others.map(([, { address }]) => address) };
}

/** Whether the node's address is known to be on another interface. */
function isElsewhere(draft: Draft, { name, entry }: FoundNode, interfaceName: string): boolean {
  const homes = draft.context.localAddresses.filter(({ address }) => address === entry.address);
  const [home] = homes;
  if (home === undefined || homes.some((each) => each.interface === interfaceName)) return false;
  if (draft.file.vrrp.transport === 'unicast') {
    const text =
      `Node "${name}" has its address ${entry.address} on "${home.interface}", the VIP goes to ` +
      `"${interfaceName}"; use "transport: multicast" in "vrrp", or the nodes' addresses there`;
    draft.report.error(draft.place(['nodes', name]), 'vip-outside-network', text);
  }
  return true;
}

function toInstance(
  draft: Draft,
  { name, entry }: FoundNode,
  place: { readonly interface: string; readonly sourceAddress: string | null },
  vips: readonly Vip[],
): VrrpInstanceConfig {
  const { vrrp, listen } = draft.file;
  const { garp } = vrrp;
  return {
    name: INSTANCE_NAME,
    version: 3,
    ...place,
    virtualRouterId: vrrp['router-id'] ?? routerIdOf(vips[0]?.address ?? entry.address),
    priority: priorities(draft).get(name) ?? 1,
    initialState: 'backup',
    advertIntervalMs: vrrp.interval,
    password: null,
    ...(vrrp.key !== undefined && {
      signature: {
        keys: [{ id: KEY_ID, path: vrrp.key, secret: null }],
        activeKey: KEY_ID,
        toleranceMs: vrrp['clock-tolerance'],
        mode: vrrp['key-mode'],
      },
    }),
    preempt: vrrp.preempt,
    preemptDelayMs: vrrp.preempt ? vrrp['preempt-delay'] : 0,
    addresses: vips.map((each) => ({
      ...each,
      interface: null,
      label: null,
      scope: SCOPE_GLOBAL,
      broadcast: null,
    })),
    transport: toTransport(draft, name),
    garp: {
      ...GARP_DEFAULTS,
      repeat: garp.repeat,
      delayMs: garp.delay,
      refreshMs: garp.refresh,
      rivalRepeat: garp.repeat,
      rivalDelayMs: garp.delay,
    },
    ...NOTHING_MORE,
    trackBalancer: listen === undefined ? null : { weight: 0 },
  };
}

/** null without a VIP, and after a diagnosis. */
export function buildVrrp(draft: Draft, node: FoundNode): VrrpConfig | null {
  const { vip: vips = [] } = draft.file;
  const [vip] = vips;
  if (vip === undefined) return null;
  const interfaceName = chooseInterface(draft, node, vip);
  if (interfaceName === null) return null;
  checkPrefixLength(draft, vips, interfaceName);
  const sourceAddress = isElsewhere(draft, node, interfaceName) ? null : node.entry.address;
  return {
    routerId: node.name,
    scripts: [],
    processes: [],
    files: [],
    syncGroups: [],
    notifyFifos: [],
    instances: [toInstance(draft, node, { interface: interfaceName, sourceAddress }, vips)],
  };
}
