/** The VRRP half of evergate.yaml, as one node of the file sees it. */

import type { VrrpConfig, VrrpInstanceConfig } from '../model/vrrp.ts';
import { GARP_DEFAULTS } from '../vrrp-defaults.ts';
import { INSTANCE_NAMES, priorityOf, routerIdOf } from './defaults.ts';
import type { Draft, LocalAddress } from './draft.ts';
import { describeLocal, type FoundNode } from './find-node.ts';
import {
  FAMILIES,
  FAMILY_BITS,
  FAMILY_NAMES,
  type Family,
  familyOf,
  isWithin,
  networkText,
} from './networks.ts';
import { toNotify } from './notify.ts';
import type { NodeEntry } from './schema.ts';
import type { Vip } from './values.ts';

/** RFC 9568 sections 5.1.1.2 and 5.1.2.2. */
const MULTICAST_GROUPS = { ipv4: '224.0.0.18', ipv6: 'ff02::12' } as const;
const INTERVAL_STEP_MS = 10;
/** A master may advertise so many times faster or slower than this node would; beyond, it counts as this. */
const INTERVAL_FACTOR = 5;
/** So much is believed in any case of one who signs. */
const SIGNED_INTERVAL_MS = 3000;
/** Of the one key a file names. */
const KEY_ID = 1;
/** rtnetlink(7): RT_SCOPE_UNIVERSE. */
const SCOPE_GLOBAL = 0;

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
    draft.report.warning(draft.keyPlace(['nodes', name]), 'equal-priorities', text);
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
      const own = node.address.find((each) => familyOf(each) === familyOf(address));
      if (own === address) {
        const text = `The VIP "${address}" is the address of node "${name}"; choose a free one of its network`;
        report.error(place, 'address-conflict', text);
      } else if (
        own !== undefined &&
        prefixLength < FAMILY_BITS[familyOf(address)] &&
        !hasInterface(draft, node) &&
        !isWithin(own, address, prefixLength)
      ) {
        const text =
          `Node "${name}" at ${own} lies outside the network of the VIP, ` +
          `${networkText(address, prefixLength)}; correct either, or name its "interface"`;
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
  checkFamilies(draft, vip);
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
  const place = draft.itemPlace(['vip'], draft.file.vip?.indexOf(vip) ?? 0);
  if (named !== undefined) {
    const family = familyOf(vip.address);
    const own = local.filter(
      (each) => each.interface === named && familyOf(each.address) === family,
    );
    if (own.length === 0) {
      const text =
        `The interface "${named}" has no ${FAMILY_NAMES[family]} address here, or does not exist; this machine has ` +
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
  const home = local.find(({ address }) => entry.address.includes(address))?.interface;
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
  for (const { address, prefixLength } of vips) {
    const index = draft.file.vip?.findIndex((each) => each.address === address) ?? 0;
    const on = draft.context.localAddresses.filter(
      (each) =>
        each.interface === interfaceName &&
        each.address !== address &&
        isWithin(address, each.address, each.prefixLength),
    );
    const [first] = on;
    if (first === undefined || prefixLength === FAMILY_BITS[familyOf(address)]) continue;
    if (on.some((each) => each.prefixLength === prefixLength)) continue;
    const text =
      `The VIP has prefix length ${prefixLength}, its network on "${interfaceName}" ${first.prefixLength}; ` +
      `write it as ${address}/${first.prefixLength}`;
    draft.report.warning(draft.itemPlace(['vip'], index), 'vip-outside-network', text);
  }
}

/** Nothing but the balancer is tracked: what a native file has no keys for. */
const NOTHING_MORE = {
  excludedAddresses: [],
  routes: [],
  trackScripts: [],
  trackInterfaces: [],
  trackProcesses: [],
  trackFiles: [],
  answersLower: true,
  saysFarewell: true,
} as const;

/** The node's address of a family. */
function addressOf({ address }: NodeEntry, family: Family): string | null {
  return address.find((each) => familyOf(each) === family) ?? null;
}

function toTransport(draft: Draft, name: string, family: Family): VrrpInstanceConfig['transport'] {
  const { nodes, vrrp } = draft.file;
  if (vrrp.transport === 'multicast') return { kind: 'multicast', group: MULTICAST_GROUPS[family] };
  const others = Object.entries(nodes).filter(([other]) => other !== name);
  const peers = others.flatMap(([, node]) => addressOf(node, family) ?? []);
  const awaits = others
    .filter(([, node]) => addressOf(node, family) === null && node.lost.length > 0)
    .map(([other, { lost }]) => ({ node: other, host: lost[0] ?? '' }));
  return { kind: 'unicast', peers, ...(awaits.length === 0 ? {} : { awaits }) };
}

/** Nodes speak to each other in the family of the VIP. */
function checkFamilies(draft: Draft, vips: readonly Vip[]): void {
  if (draft.file.vrrp.transport === 'multicast') return;
  for (const family of new Set(vips.map(({ address }) => familyOf(address)))) {
    for (const [name, node] of Object.entries(draft.file.nodes)) {
      // Of a name that leads nowhere nobody knows the families.
      if (addressOf(node, family) !== null || node.lost.length > 0) continue;
      const what = FAMILY_NAMES[family];
      const text =
        `Node "${name}" has no ${what} address, and the nodes speak ${what} about a VIP of ${what}; ` +
        `write "address: [${node.address[0]}, ...]" with one of each, or use "transport: multicast" in "vrrp"`;
      draft.report.error(draft.place(['nodes', name]), 'missing-value', text);
    }
  }
}

/** Whether the node's address is known to be on another interface. */
function isElsewhere(draft: Draft, name: string, address: string, interfaceName: string): boolean {
  const homes = draft.context.localAddresses.filter((each) => each.address === address);
  const [home] = homes;
  if (home === undefined || homes.some((each) => each.interface === interfaceName)) return false;
  if (draft.file.vrrp.transport === 'unicast') {
    const text =
      `Node "${name}" has its address ${address} on "${home.interface}", the VIP goes to ` +
      `"${interfaceName}"; use "transport: multicast" in "vrrp", or the nodes' addresses there`;
    draft.report.error(draft.place(['nodes', name]), 'vip-outside-network', text);
  }
  return true;
}

/** null: the interface's own. Multicast of IPv6 comes from the link-local address (RFC 9568, 5.1.2.1). */
function toSource(
  draft: Draft,
  { name, entry }: FoundNode,
  family: Family,
  interfaceName: string,
): string | null {
  const own = addressOf(entry, family);
  if (own === null || isElsewhere(draft, name, own, interfaceName)) return null;
  return family === 'ipv6' && draft.file.vrrp.transport === 'multicast' ? null : own;
}

/**
 * One packet of somebody who says that he advertises every 40 s must not keep backups waiting for two minutes. Who has
 * the key is one of the nodes, and may ask for the time of a restart.
 */
function believedIntervals(
  ownMs: number,
  isSigned: boolean,
): Pick<VrrpInstanceConfig, 'believedIntervals'> {
  const minMs = Math.ceil(ownMs / INTERVAL_FACTOR / INTERVAL_STEP_MS) * INTERVAL_STEP_MS;
  const maxMs = Math.max(ownMs * INTERVAL_FACTOR, isSigned ? SIGNED_INTERVAL_MS : 0);
  return { believedIntervals: { minMs, maxMs } };
}

function toInstance(
  draft: Draft,
  node: FoundNode,
  family: Family,
  interfaceName: string,
  vips: readonly Vip[],
): VrrpInstanceConfig {
  const { vrrp, listen, services } = draft.file;
  const { garp } = vrrp;
  return {
    name: INSTANCE_NAMES[family],
    version: 3,
    interface: interfaceName,
    sourceAddress: toSource(draft, node, family, interfaceName),
    virtualRouterId: vrrp['router-id'] ?? routerIdOf(vips[0]?.address ?? ''),
    priority: priorities(draft).get(node.name) ?? 1,
    initialState: 'backup',
    advertIntervalMs: vrrp.interval,
    ...believedIntervals(vrrp.interval, vrrp.key !== undefined && vrrp['key-mode'] === 'enforce'),
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
    transport: toTransport(draft, node.name, family),
    garp: {
      ...GARP_DEFAULTS,
      repeat: garp.repeat,
      delayMs: garp.delay,
      refreshMs: garp.refresh,
      rivalRepeat: garp.repeat,
      rivalDelayMs: garp.delay,
    },
    ...NOTHING_MORE,
    notify: toNotify(draft, node.here),
    trackBalancer: listen === undefined && services === undefined ? null : { weight: 0 },
  };
}

/**
 * One instance for the VIPs of each family: an advertisement carries one family only (RFC 9568 section
 * 5.2.9). They move apart from each other: a VIP works wherever it is, and one more move resets connections
 * for nothing. null without a VIP, and after a diagnosis.
 */
export function buildVrrp(draft: Draft, node: FoundNode): VrrpConfig | null {
  const { vip: all = [] } = draft.file;
  const instances = FAMILIES.flatMap((family) => {
    const vips = all.filter(({ address }) => familyOf(address) === family);
    const [vip] = vips;
    if (vip === undefined) return [];
    const interfaceName = chooseInterface(draft, node, vip);
    if (interfaceName === null) return [];
    checkPrefixLength(draft, vips, interfaceName);
    return [toInstance(draft, node, family, interfaceName, vips)];
  });
  if (instances.length === 0) return null;
  return {
    routerId: node.name,
    scripts: [],
    processes: [],
    files: [],
    syncGroups: [],
    awaitsInterfaces: true,
    notifyFifos: [],
    instances,
  };
}
