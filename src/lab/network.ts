/**
 * The lab's network: a namespace per node, one with a bridge for a switch, one for the clients
 * (ip-netns(8), ip-link(8)). Everything is made inside the namespaces, nothing in the host's own.
 */

import { runCommand } from './run-command.ts';
import type { Topology } from './topology.ts';

const NAMESPACE_PREFIX = 'eg-';

const SWITCH = 'switch';
const CLIENT = 'client';
const BRIDGE = 'bridge';

/** Namespace of a node, "switch" or "client" of a lab. */
export function namespaceOf(labId: string, host: string): string {
  return `${NAMESPACE_PREFIX}${labId}-${host}`;
}

export function clientNamespace(labId: string): string {
  return namespaceOf(labId, CLIENT);
}

/** All namespaces of a lab, in the order in which they are made. */
function namespacesOf(labId: string, topology: Topology): string[] {
  const hosts = [SWITCH, ...topology.nodes.map((node) => node.name), CLIENT];
  return hosts.map((host) => namespaceOf(labId, host));
}

/** Makes the namespaces and the cables; LabError when ip(8) fails, whoever called removes what was made. */
export async function buildNetwork(labId: string, topology: Topology): Promise<void> {
  for (const namespace of namespacesOf(labId, topology)) {
    await runCommand('ip', ['netns', 'add', namespace]);
  }
  await configure(namespaceOf(labId, SWITCH), [
    // Snooping would hold back multicast of a group that nobody has asked for yet.
    `link add ${BRIDGE} type bridge mcast_snooping 0`,
    `link set ${BRIDGE} up`,
  ]);
  for (const node of topology.nodes) {
    await plug(labId, topology, node.name, [node.address]);
  }
  await plug(labId, topology, CLIENT, topology.clientAddresses);
}

async function plug(
  labId: string,
  topology: Topology,
  host: string,
  addresses: readonly string[],
): Promise<void> {
  const namespace = namespaceOf(labId, host);
  const switchNamespace = namespaceOf(labId, SWITCH);
  const near = [topology.interface, 'netns', namespace];
  const far = ['peer', 'name', host, 'netns', switchNamespace];
  await runCommand('ip', ['link', 'add', ...near, 'type', 'veth', ...far]);
  await configure(switchNamespace, [`link set ${host} master ${BRIDGE}`, `link set ${host} up`]);
  await configure(namespace, ['link set lo up', ...interfaceUp(topology, addresses)]);
}

function interfaceUp(topology: Topology, addresses: readonly string[]): string[] {
  const device = `dev ${topology.interface}`;
  return [
    ...addresses.map(
      (address) => `address replace ${address}/${topology.prefixLength} brd + ${device}`,
    ),
    `link set ${topology.interface} up`,
  ];
}

/** Cuts the nodes off from each other, or joins them again; clients reach each of them throughout. */
export async function setNodesApart(
  labId: string,
  topology: Topology,
  apart: boolean,
): Promise<void> {
  // An isolated port of a bridge exchanges nothing with other isolated ports (bridge(8)).
  const flag = apart ? 'on' : 'off';
  const lines = topology.nodes.map(
    ({ name }) => `link set ${name} type bridge_slave isolated ${flag}`,
  );
  await configure(namespaceOf(labId, SWITCH), lines);
}

/** A machine that loses its power falls silent first; then end its processes, and forgetAddresses(). */
export async function cutPower(labId: string, topology: Topology, host: string): Promise<void> {
  await configure(namespaceOf(labId, host), [`link set ${topology.interface} down`]);
}

/** Its kernel knows nothing any more. Processes that are still there would put addresses back. */
export async function forgetAddresses(
  labId: string,
  topology: Topology,
  host: string,
): Promise<void> {
  await configure(namespaceOf(labId, host), [`address flush dev ${topology.interface}`]);
}

/** The interface as it is after a boot; harmless on one that is up. */
export async function restorePower(
  labId: string,
  topology: Topology,
  host: string,
  address: string,
): Promise<void> {
  await configure(namespaceOf(labId, host), interfaceUp(topology, [address]));
}

/** Addresses the kernel of this host answers for now, read from the kernel. */
export async function addressesOf(
  labId: string,
  topology: Topology,
  host: string,
): Promise<string[]> {
  const args = ['-n', namespaceOf(labId, host), '-j', '-4', 'address', 'show'];
  const output = await runCommand('ip', [...args, 'dev', topology.interface]);
  const links: readonly { addr_info?: readonly { local?: string }[] }[] = JSON.parse(output);
  return links.flatMap((link) => (link.addr_info ?? []).map((info) => info.local ?? ''));
}

/** Pids of every process in a namespace; none when the namespace is gone. */
export async function pidsIn(namespace: string): Promise<number[]> {
  const output = await runCommand('ip', ['netns', 'pids', namespace]).catch(() => '');
  return output.split('\n').filter(Boolean).map(Number);
}

/** Names of the namespaces that exist now and belong to the lab. */
export async function existingNamespaces(labId: string): Promise<string[]> {
  const output = await runCommand('ip', ['-j', 'netns', 'list']);
  const namespaces: readonly { name: string }[] = output.trim() === '' ? [] : JSON.parse(output);
  const prefix = namespaceOf(labId, '');
  return namespaces.map((entry) => entry.name).filter((name) => name.startsWith(prefix));
}

/** Removes a namespace whose processes have ended; its interfaces go with it. */
export async function removeNamespace(namespace: string): Promise<void> {
  await runCommand('ip', ['netns', 'delete', namespace]);
}

async function configure(namespace: string, lines: readonly string[]): Promise<void> {
  await runCommand('ip', ['-n', namespace, '-batch', '-'], `${lines.join('\n')}\n`);
}
