/** The way to a first evergate.yaml: what is known, what has to be asked, and what is to be said about the answers. */

import { NODES_MAX } from '../config/evergate-yaml/defaults.ts';
import { addressWithPort, bareAddress } from '../core/ip-address.ts';
import type { ClusterNode } from './kubernetes-files.ts';
import {
  knownNodes,
  likelyPort,
  likelyVip,
  networkOf,
  type Plan,
  parseNode,
  type Surroundings,
  vipProblem,
  withPrefix,
} from './proposal.ts';
import { whoAnswers } from './who-answers.ts';

/** null: not given. */
export type Wishes = {
  readonly vip: string | null;
  readonly listen: number | null;
  readonly nodes: readonly ClusterNode[] | null;
};

/** Asks somebody; null: nobody answered. */
export type Ask = (
  question: string,
  usual: string | null,
  problem: (answer: string) => string | null,
) => Promise<string | null>;

export type Planned = { readonly plan: Plan } | { readonly missing: string };

const NOT_ANSWERED = 'Nothing was answered, and nothing is written';

/** What was found, a line each. */
export function describeSurroundings(around: Surroundings): readonly string[] {
  const { local, kubernetes, key } = around;
  const { distribution, read, unread, apiserverPort, nodes } = kubernetes;
  const usual = local.filter(({ address }) => !/^(127\.|::1$|fe[89ab])/.test(address));
  const lines = usual.map(
    (each) => `address   ${each.address}/${each.prefixLength} on "${each.interface}"`,
  );
  if (distribution === null) lines.push('cluster   no files of kubeadm, k3s or RKE2 here (yet)');
  else lines.push(`cluster   ${distribution}, apiserver on port ${apiserverPort}`);
  lines.push(...nodes.map(({ name, address }) => `node      ${name} ${address}`));
  lines.push(...read.map((path) => `read      ${path}`));
  lines.push(...unread.map((text) => `not read  ${text}`));
  if (key !== null) lines.push(`key       ${key}`);
  return lines;
}

/** `ask`: null where nobody can be asked. */
export async function planCluster(
  around: Surroundings,
  wishes: Wishes,
  ask: Ask | null,
): Promise<Planned> {
  const found = likelyVip(around)?.address ?? null;
  const vip = wishes.vip ?? (await askVip(found, ask));
  if (vip === null) {
    const hint = found === null ? '' : ` (clients ask ${found} today)`;
    return {
      missing: ask === null ? `Give --vip ADDRESS${hint}: nobody can be asked here` : NOT_ANSWERED,
    };
  }
  const known = knownNodes(around, vip);
  const nodes = wishes.nodes ?? (ask === null ? complete(known) : await askNodes(known, ask));
  if (nodes === null) {
    const text = `Give --node NAME=ADDRESS for every control-plane node: the files here tell of ${known.length}`;
    return { missing: ask === null ? `${text}, and nobody can be asked` : NOT_ANSWERED };
  }
  const usual = likelyPort(around, vip);
  const listen = wishes.listen ?? (ask === null ? usual : await askPort(usual, ask));
  if (listen === null) return { missing: NOT_ANSWERED };
  return { plan: { vip: withPrefix(around, vip), listen, nodes } };
}

/** One node alone may be all that its files know of. */
function complete(known: readonly ClusterNode[]): readonly ClusterNode[] | null {
  return known.length > 1 ? known : null;
}

async function askVip(found: string | null, ask: Ask | null): Promise<string | null> {
  if (ask === null) return null;
  return await ask("The VIP, a free address of the nodes' network", found, vipProblem);
}

async function askPort(usual: number, ask: Ask): Promise<number | null> {
  const answer = await ask('The port that clients ask', String(usual), portProblem);
  return answer === null ? null : Number(answer);
}

export function portProblem(text: string): string | null {
  const isPort = /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
  return isPort ? null : `"${text}" is no port; give a number from 1 to 65535`;
}

async function askNodes(
  known: readonly ClusterNode[],
  ask: Ask,
): Promise<readonly ClusterNode[] | null> {
  const usual = known.map(({ name, address }) => `${name}=${address}`).join(' ');
  const question = 'All control-plane nodes, as NAME=ADDRESS, the preferred one first';
  const answer = await ask(question, usual === '' ? null : usual, (text) =>
    nodesProblem(words(text)),
  );
  return answer === null ? null : words(answer).flatMap((word) => parseNode(word) ?? []);
}

function words(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((word) => word !== '');
}

/** What is wrong with a list of NAME=ADDRESS; null: nothing. */
export function nodesProblem(list: readonly string[]): string | null {
  if (list.length > NODES_MAX)
    return `${list.length} nodes are too many; ${NODES_MAX} are possible`;
  const wrong = list.find((word) => parseNode(word) === null);
  if (wrong !== undefined) return `"${wrong}" is no node; write it as k8s-master=192.168.1.92`;
  const names = list.map((word) => parseNode(word)?.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined ? null : `The node "${twice}" is given twice`;
}

/** What a look at the network says about the VIP, a sentence each. */
export async function doubtsAboutVip(
  { local }: Surroundings,
  { vip, listen }: Plan,
): Promise<readonly string[]> {
  const address = bareAddress(vip);
  const here = local.find((each) => each.address === address);
  if (here !== undefined) {
    return [
      `The VIP ${address} is an address of this machine, on "${here.interface}": if keepalived or kube-vip holds it, ` +
        'stop that before Evergate starts',
    ];
  }
  const near = networkOf(local, address);
  if (near === null) {
    return [
      `The VIP ${address} lies in no network of this machine: clients' neighbours will not find it here`,
    ];
  }
  const answer = await whoAnswers(address, near.interface);
  if (answer.kind === 'nobody') return [];
  if (answer.kind === 'unknown') {
    return [`Whether somebody has ${address} already could not be asked: ${answer.why}`];
  }
  return [
    `${address} answers already: ${answer.mac} on "${near.interface}" has it. Choose a free address, unless that is ` +
      `another node of this Evergate, or the keepalived or kube-vip that ${addressWithPort(address, listen)} shall go on without`,
  ];
}
