/** Which node of the file this machine is: by its own addresses, or by the name it is told. */

import { didYouMean } from '../suggest.ts';
import type { Draft, LocalAddress } from './draft.ts';
import type { NodeEntry } from './schema.ts';

export type FoundNode = {
  readonly name: string;
  readonly entry: NodeEntry;
  /** Whether it is this machine: a check may name a node that is another. */
  readonly here: boolean;
};

/** Items of a list that a sentence names; the rest is counted. */
const NAMED_MAX = 8;

function listed(items: readonly string[]): string {
  const named = items.slice(0, NAMED_MAX).join(', ');
  const rest = items.length - NAMED_MAX;
  return rest > 0 ? `${named} and ${rest} more` : named;
}

/** Loopback and link-local addresses: every machine has them. */
const NOBODYS = /^(127\.|::1$|fe[89ab])/;

export function describeLocal(local: readonly LocalAddress[]): string {
  const usual = local.filter(({ address }) => !NOBODYS.test(address));
  const shown = usual.length > 0 ? usual : local;
  const texts = shown.map((each) => `${each.address}/${each.prefixLength} on "${each.interface}"`);
  return texts.length === 0 ? 'no address' : listed(texts);
}

/**
 * Name of the node that this machine is by its host name, whole or up to the first dot, or may be because that is given by
 * a name that leads nowhere, while it has none of the nodes' addresses; null: it has one, or there is no such node. Its
 * addresses may come later, as at boot.
 */
export function awaitedNode({ file, context }: Draft): string | null {
  const { hostName, localAddresses, mustBeNode, node } = context;
  if (node !== null || !mustBeNode || hostName === null) return null;
  const own = new Set(localAddresses.map(({ address }) => address));
  const nodes = Object.entries(file.nodes);
  if (nodes.some(([, { address }]) => address.some((each) => own.has(each)))) return null;
  const names = [hostName, hostName.split('.')[0] ?? ''];
  const called = nodes.map(([name]) => name).find((name) => names.includes(name));
  // Nobody answers for its name yet, as at boot: it may be this machine.
  const nameless = nodes.find(([, { lost }]) => lost.length > 0)?.[0];
  return called ?? nameless ?? null;
}

/** null after a diagnosis: an error, or a warning where the machine need not be a node. */
export function findNode(draft: Draft): FoundNode | null {
  const { report, file, context } = draft;
  const nodes = Object.entries(file.nodes);
  const place = draft.keyPlace(['nodes']);
  const own = new Set(context.localAddresses.map(({ address }) => address));
  if (context.node !== null) {
    const entry = Object.hasOwn(file.nodes, context.node) ? file.nodes[context.node] : undefined;
    if (entry !== undefined) {
      const here = context.mustBeNode || entry.address.some((each) => own.has(each));
      return { name: context.node, entry, here };
    }
    const names = nodes.map(([name]) => name);
    const hint = didYouMean(context.node, names) || `; the nodes are ${listed(names)}`;
    report.error(place, 'unknown-node', `No node is called "${context.node}"${hint}`);
    return null;
  }
  const matches = nodes.filter(([, { address }]) => address.some((each) => own.has(each)));
  const [match] = matches;
  if (match !== undefined && matches.length === 1)
    return { name: match[0], entry: match[1], here: true };
  // Said before: no nodes, or several with one address.
  if (
    nodes.length === 0 ||
    new Set(matches.map(([, { address }]) => address.join())).size < matches.length
  ) {
    return null;
  }
  const known = listed(
    (matches.length > 1 ? matches : nodes).map(
      ([name, { address }]) => `${name} ${address.join(' ') || '(no address)'}`,
    ),
  );
  const local = describeLocal(context.localAddresses);
  const text =
    matches.length > 1
      ? `This machine is several nodes at once: ${known} are all its addresses; say which with --node NAME`
      : `This machine is none of the nodes: it has ${local}, the nodes are ${known}; ` +
        'correct "nodes", or say which one it is with --node NAME';
  if (context.mustBeNode) report.error(place, 'unknown-node', text);
  else report.warning(place, 'unknown-node', text);
  return null;
}
