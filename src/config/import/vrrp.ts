/** The VRRP instances of the old nodes as `vip`, `nodes` and `vrrp`. */

import { bareAddress } from '../../core/ip-address.ts';
import { routerIdOf } from '../evergate-yaml/defaults.ts';
import { FAMILY_BITS, familyOf } from '../evergate-yaml/networks.ts';
import type { VirtualAddressConfig } from '../model/addresses.ts';
import type { Machine, Old, OldNode } from './cluster.ts';
import {
  type Block,
  block,
  durationText,
  type ImportDraft,
  type Setting,
  type Value,
} from './draft.ts';
import { placeOf } from './keepalived-lines.ts';
import { writeNotify } from './notify.ts';
import type { Place } from './remarks.ts';
import { isSame } from './same.ts';

const HOUR_MS = 3_600_000;
/** A native node is no owner of the address (RFC 9568 section 6.1). */
const PRIORITY_MAX = 254;
const GROUPS = { ipv4: '224.0.0.18', ipv6: 'ff02::12' } as const;

function allInstances(nodes: readonly OldNode[]): readonly Old[] {
  return nodes.flatMap((node) => node.config.instances.map((instance) => ({ instance, node })));
}

function placeIn({ node, instance }: Old, directives: readonly string[]): Place | null {
  return node.lines.find(instance.name, directives);
}

/** The line of one address in its block. */
function addressPlace({ node, instance }: Old, address: string): Place | null {
  const blocks = node.lines.instance(instance.name)?.children ?? [];
  const entries = blocks
    .filter(({ name }) => name.text === 'virtual_ipaddress')
    .flatMap(({ children }) => children ?? []);
  const found = entries.find(({ name }) => bareAddress(name.text) === address) ?? entries[0];
  return found === undefined ? null : placeOf(found);
}

function vipText({ address, prefixLength }: VirtualAddressConfig): string {
  return prefixLength === FAMILY_BITS[familyOf(address)] ? address : `${address}/${prefixLength}`;
}

function remarkAddress(draft: ImportDraft, old: Old, virtual: VirtualAddressConfig): void {
  const { interface: on, label, scope, broadcast } = virtual;
  const extra = [
    on === null || on === old.instance.interface ? null : `dev ${on}`,
    label === null ? null : `label ${label}`,
    scope === 0 ? null : 'its scope',
    broadcast === null ? null : `brd ${broadcast}`,
  ].filter((each) => each !== null);
  if (extra.length === 0) return;
  const text = `VIP ${virtual.address} without ${extra.join(', ')}: "vip" has the address and its prefix length`;
  draft.remark('left-out', 'vip', addressPlace(old, virtual.address), text);
}

/** VIPs of all files, and what is different between the nodes about them. */
function writeVips(draft: ImportDraft, all: readonly Old[]): readonly string[] {
  const vips = new Map<string, string>();
  for (const old of all) {
    for (const virtual of old.instance.addresses) {
      remarkAddress(draft, old, virtual);
      if (!vips.has(virtual.address)) vips.set(virtual.address, vipText(virtual));
    }
  }
  const texts = [...vips.values()];
  const [only] = texts;
  draft.set(['vip'], texts.length === 1 && only !== undefined ? only : texts);
  return [...vips.keys()];
}

/** One instance stands for all of its family; the others lose what is different. */
function remarkSecondInstances(draft: ImportDraft, all: readonly Old[]): void {
  for (const node of new Set(all.map((old) => old.node))) {
    const own = all.filter((old) => old.node === node);
    for (const family of ['ipv4', 'ipv6'] as const) {
      const [first, ...others] = own.filter(
        ({ instance }) => familyOf(instance.addresses[0]?.address ?? '') === family,
      );
      for (const other of others) {
        const text = `Instance "${other.instance.name}": its VIPs go where those of "${first?.instance.name}" are, as those of one family have one owner`;
        const block = node.lines.instance(other.instance.name);
        draft.remark('changed', 'instances', block === null ? null : placeOf(block), text);
        if (other.instance.interface === first?.instance.interface) continue;
        const where = `The VIPs of "${other.instance.name}" are on ${first?.instance.interface}, as all of the node`;
        draft.remark('changed', 'vrrp.interface', placeIn(other, ['interface']), where);
      }
    }
  }
}

/** Settings of one instance that are those of the file. */
function settings(first: Old): readonly Setting[] {
  const { instance } = first;
  const row = (
    path: readonly string[],
    value: Setting['value'],
    isDuration: boolean,
    directives: readonly string[],
    why: string,
  ): Setting => {
    return { path: ['vrrp', ...path], value, isDuration, place: placeIn(first, directives), why };
  };
  const { garp } = instance;
  return [
    row(
      ['interval'],
      instance.advertIntervalMs,
      true,
      ['advert_int'],
      'three missed advertisements are a failure, so the VIP is back after 0.3 s',
    ),
    row(
      ['preempt'],
      instance.preempt,
      false,
      ['preempt', 'nopreempt', 'state'],
      'each move of the VIP resets connections, and the node that has it serves as well',
    ),
    row(
      ['preempt-delay'],
      instance.preempt ? Math.min(instance.preemptDelayMs, HOUR_MS) : 0,
      true,
      ['preempt_delay'],
      'nothing is taken back',
    ),
    row(
      ['transport'],
      instance.transport.kind,
      false,
      ['unicast_peer', 'interface'],
      'the nodes are known, and no switch has to carry multicast',
    ),
    row(
      ['garp', 'repeat'],
      Math.max(1, Math.min(garp.repeat, 100)),
      false,
      ['garp_master_repeat', 'vrrp_garp_master_repeat'],
      'five are enough',
    ),
    row(
      ['garp', 'delay'],
      Math.min(garp.delayMs, 60_000),
      true,
      ['garp_master_delay', 'vrrp_garp_master_delay'],
      'a late round pulls clients over where two nodes hold the VIP',
    ),
    row(
      ['garp', 'refresh'],
      Math.min(garp.refreshMs, HOUR_MS),
      true,
      ['garp_master_refresh', 'vrrp_garp_master_refresh'],
      'neighbours know it by then',
    ),
  ];
}

/** Of an instance, what the file says once for all nodes. */
function shared({ instance }: Old) {
  const { virtualRouterId, advertIntervalMs, preempt, preemptDelayMs, transport, garp } = instance;
  return {
    virtual_router_id: virtualRouterId,
    advert_int: advertIntervalMs,
    preempt: [preempt, preempt ? preemptDelayMs : 0],
    unicast_peer: transport.kind,
    garp_master_delay: [garp.repeat, garp.delayMs, garp.refreshMs],
  };
}

const KEYS: Readonly<Record<keyof ReturnType<typeof shared>, string>> = {
  virtual_router_id: 'vrrp.router-id',
  advert_int: 'vrrp.interval',
  preempt: 'vrrp.preempt',
  unicast_peer: 'vrrp.transport',
  garp_master_delay: 'vrrp.garp',
};

function remarkDifferences(draft: ImportDraft, [first, ...others]: readonly Old[]): void {
  if (first === undefined) return;
  const expected = shared(first);
  for (const other of others) {
    for (const [name, value] of Object.entries(shared(other))) {
      const key = name as keyof typeof expected;
      if (isSame(value, expected[key])) continue;
      if (draft.modern && key !== 'virtual_router_id') continue;
      const place = placeIn(other, [key, `no${key}`]) ?? placeIn(other, ['interface']);
      const text = `"${name}" of "${other.instance.name}" is another one than that of "${first.instance.name}" in ${first.node.file}, which counts for all`;
      draft.remark('left-out', KEYS[key], place, text);
    }
  }
}

/** Version, password and signatures. */
function writeAuthentication(draft: ImportDraft, all: readonly Old[]): void {
  for (const old of all) {
    const { version, password, signature, transport, priority, addresses } = old.instance;
    if (version === 2) {
      const text =
        'VRRP is spoken in version 3, which nodes of version 2 do not hear: change all nodes together, with keepalived stopped on every one of them before Evergate starts on the first';
      draft.remark(
        'changed',
        'version',
        placeIn(old, ['version', 'vrrp_version']) ?? placeIn(old, ['virtual_router_id']),
        text,
      );
    }
    if (password !== null) {
      const text =
        '"auth_pass" is not carried over: evergate.yaml has no password; "evergate key" makes a key that signs advertisements, and "vrrp.key" names it';
      draft.remark('left-out', 'vrrp.key', placeIn(old, ['authentication']), text);
    }
    if (
      transport.kind === 'multicast' &&
      transport.group !== GROUPS[familyOf(addresses[0]?.address ?? '')]
    ) {
      const text = `Multicast goes to the group of RFC 9568, not to ${transport.group}`;
      draft.remark('changed', 'vrrp.transport', placeIn(old, ['mcast_dst_ip']), text);
    }
    if (priority > PRIORITY_MAX) {
      const text = `Priority ${priority} is that of the address's own host; the node has ${PRIORITY_MAX}`;
      draft.remark('changed', 'priority', placeIn(old, ['priority']), text);
    }
    if (signature === undefined) continue;
    const [key] = signature.keys;
    const place = placeIn(old, ['auth_hmac']);
    if (signature.keys.length !== 1 || key?.id !== 1 || key.path === null) {
      const text =
        '"auth_hmac": "vrrp.key" names one file with one key, whose id is 1; "evergate key" makes one';
      draft.remark('left-out', 'vrrp.key', place, text);
      continue;
    }
    draft.set(['vrrp', 'key'], key.path);
    if (signature.mode !== 'enforce') draft.set(['vrrp', 'key-mode'], signature.mode);
    const toleranceMs = signature.toleranceMs ?? 30_000;
    if (toleranceMs !== 30_000) {
      draft.set(
        ['vrrp', 'clock-tolerance'],
        durationText(Math.min(Math.max(toleranceMs, 1000), 300_000)),
      );
    }
  }
}

function priorityOf(machine: Machine): number | null {
  const [instance] = machine.node?.config.instances ?? [];
  return instance === undefined ? null : Math.min(instance.priority, PRIORITY_MAX);
}

/**
 * Without priorities their order says which node is preferred. With them it is that of the servers, as "balance: source"
 * goes by it.
 */
function inOrder(
  draft: ImportDraft,
  machines: readonly Machine[],
  servers: readonly string[],
): readonly Machine[] {
  const rank = draft.modern
    ? (machine: Machine): number => -(priorityOf(machine) ?? 0)
    : ({ name }: Machine): number => servers.indexOf(name);
  return machines.toSorted((a, b) => rank(a) - rank(b));
}

/** Priorities of all nodes or of none: those of the file's own order lie in between. */
function writesPriorities(draft: ImportDraft, machines: readonly Machine[]): boolean {
  const known = machines.filter((machine) => priorityOf(machine) !== null);
  if (known.length === 0) return false;
  if (draft.modern) {
    draft.modernise(
      'priority',
      'by the order of the nodes, the preferred one first, in steps that keep two backups from taking over at once',
    );
    return false;
  }
  if (known.length === machines.length) return true;
  for (const { node } of known) {
    const [instance] = node?.config.instances ?? [];
    if (node === null || instance === undefined) continue;
    const text = `Priority ${instance.priority}: those of the other nodes are not known; give --keepalived of every node`;
    draft.remark('left-out', 'priority', node.lines.find(instance.name, ['priority']), text);
  }
  return false;
}

/** Writes `nodes`. `servers`: what each says about its apiserver, by name. */
export function writeNodes(
  draft: ImportDraft,
  nodes: readonly OldNode[],
  machines: readonly Machine[],
  servers: ReadonlyMap<string, Block>,
): void {
  const hasPriorities = writesPriorities(draft, machines);
  const interfaces = new Set(nodes.flatMap(({ config }) => config.instances[0]?.interface ?? []));
  const [common] = interfaces;
  if (interfaces.size === 1 && common !== undefined) draft.set(['vrrp', 'interface'], common);
  for (const machine of inOrder(draft, machines, [...servers.keys()])) {
    const { name, addresses, node } = machine;
    const [instance] = node?.config.instances ?? [];
    const [address = ''] = addresses;
    const pairs: [string, Value][] = [['address', addresses.length === 1 ? address : addresses]];
    if (interfaces.size > 1 && instance !== undefined)
      pairs.push(['interface', instance.interface]);
    const priority = priorityOf(machine);
    if (hasPriorities && priority !== null) pairs.push(['priority', priority]);
    const server = servers.get(name);
    if (server !== undefined && server.size > 0) pairs.push(['server', server]);
    const isShort = pairs.length === 1 && addresses.length === 1;
    const place = node === null || instance === undefined ? null : node.file;
    draft.set(['nodes', name], isShort ? address : block(pairs), {
      flow: true,
      origin: place ?? '',
    });
  }
}

/** Writes `vip`, `vrrp` and `notify`. Returns the VIPs. */
export function writeVrrp(draft: ImportDraft, nodes: readonly OldNode[]): readonly string[] {
  const all = allInstances(nodes);
  const [first] = all;
  if (first === undefined) return [];
  const vips = writeVips(draft, all);
  const { virtualRouterId } = first.instance;
  if (virtualRouterId !== routerIdOf(vips[0] ?? '')) {
    const place = placeIn(first, ['virtual_router_id']);
    draft.set(['vrrp', 'router-id'], virtualRouterId, {
      origin: place === null ? '' : `${place.file}:${place.line}`,
    });
  }
  for (const setting of settings(first)) draft.setting(setting);
  remarkDifferences(draft, all);
  remarkSecondInstances(draft, all);
  writeAuthentication(draft, all);
  writeNotify(draft, all);
  return vips;
}
