/** What a first evergate.yaml should say, from what flags, files and the machine tell; and its text. Pure. */

import { isIP } from 'node:net';
import type { LocalAddress } from '../config/evergate-yaml/draft.ts';
import { FAMILY_BITS, familyOf, isWithin } from '../config/evergate-yaml/networks.ts';
import { isName } from '../config/evergate-yaml/schema.ts';
import { bareAddress } from '../core/ip-address.ts';
import type { ClusterNode, KubernetesFacts } from './kubernetes-files.ts';

/** What is known of this machine. */
export type Surroundings = {
  readonly hostName: string;
  readonly local: readonly LocalAddress[];
  readonly kubernetes: KubernetesFacts;
  /** A key that signs advertisements and is there already; null: there is none. */
  readonly key: string | null;
  /** Whether ports that the apiserver has can be led to others. */
  readonly canRedirect: boolean;
};

export type Plan = {
  /** With the prefix length of its network, where it is known. */
  readonly vip: string;
  readonly listen: number;
  readonly nodes: readonly ClusterNode[];
};

const LISTEN_DEFAULT = 8443;
/** RKE2's nodes register there. */
const SUPERVISOR_PORT = 9345;

/** Of no network that clients are in. */
const NOBODYS = /^(127\.|169\.254\.|::1$|fe[89ab])/;

/** Its interface, where one has an address in the network of `address`; null: none. */
export function networkOf(local: readonly LocalAddress[], address: string): LocalAddress | null {
  return (
    local.find(
      (each) =>
        each.address !== address &&
        each.prefixLength < FAMILY_BITS[familyOf(each.address)] &&
        isWithin(address, each.address, each.prefixLength),
    ) ?? null
  );
}

/** The address that other nodes know this one by: what the files say, or the first of `vip`'s network, or of any. */
function ownAddress({ local, kubernetes }: Surroundings, vip: string | null): string | null {
  const usual = local.filter(({ address }) => !NOBODYS.test(address));
  if (usual.some(({ address }) => address === kubernetes.address)) return kubernetes.address;
  const listedHere = kubernetes.nodes.find((node) =>
    usual.some(({ address }) => address === node.address),
  );
  if (listedHere !== undefined) return listedHere.address;
  const near = vip === null ? null : networkOf(usual, bareAddress(vip));
  return near?.address ?? (vip === null ? (usual[0]?.address ?? null) : null);
}

/** The nodes that files tell of, with this one. */
export function knownNodes(around: Surroundings, vip: string | null): readonly ClusterNode[] {
  const own = ownAddress(around, vip);
  const { nodes } = around.kubernetes;
  if (own === null || nodes.some(({ address }) => address === own)) return nodes;
  return [...nodes, { name: around.hostName, address: own }];
}

/** An address that clients use already and no node has: the VIP of today, most likely. */
export function likelyVip(around: Surroundings): KubernetesFacts['endpoints'][number] | null {
  const nodes = new Set(knownNodes(around, null).map(({ address }) => address));
  const candidates = around.kubernetes.endpoints.filter(
    ({ address }) => !nodes.has(address) && networkOf(around.local, address) !== null,
  );
  return candidates[0] ?? null;
}

/** Clients of today go on with their port, unless it is the apiserver's own and cannot be led elsewhere. */
export function likelyPort(around: Surroundings, vip: string): number {
  const { endpoints, apiserverPort } = around.kubernetes;
  const same = endpoints.find(({ address }) => address === bareAddress(vip));
  const port = same?.port ?? null;
  if (port === null || (port === apiserverPort && !around.canRedirect)) return LISTEN_DEFAULT;
  return port;
}

/** With the prefix length of the network that the machine has there; as it is where it has none. */
export function withPrefix({ local }: Surroundings, vip: string): string {
  const near = networkOf(local, vip);
  return vip.includes('/') || near === null ? vip : `${vip}/${near.prefixLength}`;
}

/** What is wrong with an answer, for a sentence; null: nothing. */
export function vipProblem(text: string): string | null {
  const [address = '', length, rest] = text.split('/');
  const family = isIP(address);
  const longest = family === 4 ? 32 : 128;
  const fits = length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= longest);
  if (family !== 0 && fits && rest === undefined) return null;
  return `"${text}" is no address; write it as 192.168.1.94 or 192.168.1.94/24`;
}

/** "NAME=ADDRESS" */
export function parseNode(text: string): ClusterNode | null {
  const [name = '', address = '', rest] = text.split('=').map((part) => part.trim());
  return isName(name) && isIP(address) !== 0 && rest === undefined ? { name, address } : null;
}

/** The whole file. */
export function composeFile({ vip, listen, nodes }: Plan, around: Surroundings): string {
  const { kubernetes, key } = around;
  const { distribution, apiserverPort, authority } = kubernetes;
  const lines = [
    '# Made by "evergate init": the same file on every control-plane node. evergate.yaml(5) has every key.',
    '',
    '# The address that clients ask; it moves to a node that can serve.',
    `vip: ${quoted(vip)}`,
    '# The port that clients ask.',
    `listen: ${listen}`,
    '# Every control-plane node; the first one is preferred when they all start.',
    'nodes:',
    ...nodes.map(({ name, address }) => `  ${quoted(name)}: ${quoted(address)}`),
  ];
  if (apiserverPort !== 6443) {
    lines.push('# Where the apiservers listen.', `apiserver-port: ${apiserverPort}`);
  }
  if (authority !== null) {
    lines.push(
      `# Who signs the certificates of ${distribution}'s apiservers.`,
      'check:',
      `  ca: ${authority}`,
    );
  }
  if (distribution === 'RKE2' && around.canRedirect) {
    lines.push(
      '# Nodes of RKE2 register with its supervisor.',
      'services:',
      '  supervisor:',
      `    listen: ${SUPERVISOR_PORT}`,
      '    check: kube-apiserver',
    );
  }
  if (key !== null && nodes.length > 1) {
    lines.push(
      '# Who signs with it is one of the nodes; the same key on each.',
      'vrrp:',
      `  key: ${key}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** A plain word stays one; what YAML could take for something else gets quotes. */
function quoted(text: string): string {
  return /^[A-Za-z][\w.-]*$/.test(text) && !/^(y|n|yes|no|on|off|true|false|null)$/i.test(text)
    ? text
    : /^\d+\.\d+\.\d+\.\d+(\/\d+)?$/.test(text)
      ? text
      : JSON.stringify(text);
}
