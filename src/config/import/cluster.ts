/** Which machines the nodes are, from what the files say: a keepalived.conf names its own machine only now and then. */

import { parseIpAddress } from '../../core/ip-address.ts';
import { isName } from '../evergate-yaml/schema.ts';
import type { ServerConfig } from '../model/traffic.ts';
import type { VrrpConfig, VrrpInstanceConfig } from '../model/vrrp.ts';
import type { ImportDraft } from './draft.ts';
import type { KeepalivedLines } from './keepalived-lines.ts';

/** A keepalived.conf that was read. */
export type OldNode = {
  readonly file: string;
  readonly config: VrrpConfig;
  readonly lines: KeepalivedLines;
};

/** An instance, and whose it is. */
export type Old = { readonly instance: VrrpInstanceConfig; readonly node: OldNode };

export type Machine = {
  readonly name: string;
  readonly addresses: readonly string[];
  /** null: none of the files given is its own. */
  readonly node: OldNode | null;
};

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}

function sources({ config }: OldNode): readonly string[] {
  return unique(config.instances.flatMap(({ sourceAddress }) => sourceAddress ?? []));
}

function peersOf({ config }: OldNode): readonly string[] {
  return unique(
    config.instances.flatMap(({ transport }) =>
      transport.kind === 'unicast' ? transport.peers : [],
    ),
  );
}

/** Of addresses that the files name for each other, the one that a file does not name. */
function missingPeer(node: OldNode, nodes: readonly OldNode[]): readonly string[] {
  const own = peersOf(node);
  if (own.length === 0) return [];
  const all = unique(nodes.flatMap((each) => [...peersOf(each), ...sources(each)]));
  const elsewhere = nodes.filter((each) => each !== node).flatMap(sources);
  const rest = all.filter((address) => !own.includes(address) && !elsewhere.includes(address));
  return rest.length === 1 ? rest : [];
}

/** A server whose name is a part of the file's path, or the router_id. */
function namesake(
  { file, config }: OldNode,
  servers: readonly ServerConfig[],
): ServerConfig | null {
  const parts = file.split('/').flatMap((part) => [part, ...part.split('.')]);
  const inPath = servers.filter(({ name }) => parts.includes(name));
  const [only] = inPath;
  if (inPath.length === 1 && only !== undefined) return only;
  return servers.find(({ name }) => name === config.routerId) ?? null;
}

function ownName(node: OldNode, nodes: readonly OldNode[], taken: readonly string[]): string {
  const { routerId } = node.config;
  const shared = nodes.filter(({ config }) => config.routerId === routerId).length > 1;
  const parts = (node.file.split('/').at(-1) ?? '')
    .split('.')
    .filter((part) => !['keepalived', 'conf', ''].includes(part));
  const candidates = [shared ? null : routerId, parts.join('.')];
  const fit = candidates.find((name) => name !== null && isName(name) && !taken.includes(name));
  return fit ?? `node${taken.length + 1}`;
}

/** The file's own machine, where files and servers tell which. */
function locate(
  node: OldNode,
  nodes: readonly OldNode[],
  servers: readonly ServerConfig[],
): (Omit<Machine, 'name' | 'node'> & { readonly name: string | null }) | null {
  const own = sources(node);
  const addresses = own.length > 0 ? own : missingPeer(node, nodes);
  if (addresses.length > 0) {
    const name = servers.find(({ host }) => addresses.includes(host))?.name ?? null;
    return { name, addresses };
  }
  const server = namesake(node, servers);
  return server === null ? null : { name: server.name, addresses: [server.host] };
}

/** A name leads anywhere; what is an address is taken. */
function numeric({ host }: ServerConfig): boolean {
  return parseIpAddress(host).ok;
}

export type Surroundings = {
  /** Those of the apiservers. */
  readonly servers: readonly ServerConfig[];
  /** They cannot be on machines that balance. */
  readonly areElsewhere: boolean;
  /** The machine that it is run on; null: nobody knows. */
  readonly here: { readonly name: string; readonly address: string } | null;
};

/**
 * The nodes in the order of the files, then those that no file was given for. Empty: nothing tells an address.
 */
export function findMachines(
  draft: ImportDraft,
  nodes: readonly OldNode[],
  { servers, areElsewhere, here }: Surroundings,
): readonly Machine[] {
  const machines: Machine[] = [];
  const lost: OldNode[] = [];
  const add = (name: string | null, addresses: readonly string[], node: OldNode | null): void => {
    if (machines.some((each) => each.addresses.some((one) => addresses.includes(one)))) return;
    const taken = machines.map((each) => each.name);
    const fits = name !== null && isName(name) && !taken.includes(name);
    const own = node === null ? `node${taken.length + 1}` : ownName(node, nodes, taken);
    machines.push({ name: fits ? name : own, addresses, node });
  };
  for (const node of nodes) {
    const located = locate(node, nodes, servers);
    if (located === null) lost.push(node);
    else add(located.name, located.addresses, node);
  }
  for (const node of nodes) {
    for (const peer of peersOf(node)) {
      add(servers.find(({ host }) => host === peer)?.name ?? null, [peer], null);
    }
  }
  const isShort = nodes.length > machines.length || machines.length <= 1;
  if (isShort && !areElsewhere) assume(draft, servers, machines, add);
  if (machines.length === 0 && nodes.length <= 1 && here !== null) {
    add(here.name, [here.address], nodes[0] ?? null);
    const text = `That this machine, ${here.address}, is the one node: name those that run Evergate under "nodes"`;
    draft.remark('assumed', 'nodes', null, text);
    return machines;
  }
  for (const { file } of lost) {
    const place = { file, line: 0, column: 0 };
    const text =
      'Which node this file is of is not said: put the name of a server of haproxy.cfg into the name of the file, such as keepalived.NAME.conf; its priority is left out';
    draft.remark('assumed', 'priority', place, text);
  }
  return machines;
}

/** That the servers are the nodes, as they are where a control plane is stacked. */
function assume(
  draft: ImportDraft,
  servers: readonly ServerConfig[],
  machines: readonly Machine[],
  add: (name: string, addresses: readonly string[], node: null) => void,
): void {
  const rest = servers.filter(
    (server) =>
      numeric(server) && !machines.some(({ addresses }) => addresses.includes(server.host)),
  );
  if (rest.length === 0) return;
  for (const { name, host } of rest) add(name, [host], null);
  const names = rest.map(({ name }) => `"${name}"`).join(', ');
  const text = `That ${names} are nodes that run Evergate, as they are servers; correct "nodes" where that is not so`;
  draft.remark('assumed', 'nodes', null, text);
}
