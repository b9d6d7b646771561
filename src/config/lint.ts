/**
 * Lints that need the nodes of a cluster side by side: several keepalived.conf files given to one check.
 * From a single file they say only what a single file can tell.
 */

import type { Diagnostic, DiagnosticCode } from './diagnostics.ts';
import { type ComparedInstance, lintNodesDiffer } from './lint-nodes-differ.ts';
import { lintSplitBrain } from './lint-split-brain.ts';
import type { Place } from './place.ts';

/** What one node's keepalived.conf says, as written: before scripts are replaced, and with places. */
export type NodeFacts = {
  readonly routerId: (Place & { readonly value: string }) | null;
  readonly instances: readonly InstanceFacts[];
  /** Commands that will run here, without replaced scripts. */
  readonly scripts: readonly {
    readonly name: string;
    readonly argv: readonly string[];
    /** null: nothing is said about it. */
    readonly user: string | null;
    readonly group: string | null;
    readonly place: Place;
  }[];
  readonly interfaces: readonly { readonly name: string; readonly place: Place }[];
  /** Unicast peers, without those that the file itself calls this node. */
  readonly peers: readonly { readonly address: string; readonly place: Place }[];
};

export type InstanceFacts = ComparedInstance & {
  /** The interface of the addresses that name none; null: there is none. */
  readonly interface: (Place & { readonly name: string }) | null;
  /** Where an effective nopreempt stands; null: the instance preempts. */
  readonly nopreempt: Place | null;
  /** Scripts with a weight other than 0. */
  readonly weights: readonly WeightFacts[];
};

export type WeightFacts = {
  readonly script: string;
  readonly weight: number;
  readonly place: Place;
};

type Ranked = InstanceFacts & { readonly priority: number };

function isRanked(instance: InstanceFacts): instance is Ranked {
  return instance.priority !== null;
}

/** Priorities of nodes usually differ by this much; a smaller weight rarely bridges the gap. */
const USUAL_STEP = 10;

function warning(place: Place, code: DiagnosticCode, text: string): Diagnostic {
  const { file, line, column } = place;
  return { file, line, column, severity: 'warning', text, code };
}

/** keepalived clamps to 1..254 and never moves 255, the address owner's. */
function effectivePriority(base: number, delta: number): number {
  return base === 255 ? 255 : Math.min(Math.max(base + delta, 1), 254);
}

/** Every sum that results of these scripts can add up to. */
function possibleDeltas(weights: readonly WeightFacts[]): ReadonlySet<number> {
  let sums = new Set([0]);
  for (const { weight } of weights) {
    sums = new Set([...sums, ...[...sums].map((sum) => sum + weight)]);
  }
  return sums;
}

/** Whether some result of the script, the others being as they may, puts `here` above or below `peer`. */
function decides(here: Ranked, script: WeightFacts, peer: Ranked): boolean {
  const others = here.weights.filter((candidate) => candidate !== script);
  const deltas = [...possibleDeltas(peer.weights)];
  const peers = [...new Set(deltas.map((delta) => effectivePriority(peer.priority, delta)))];
  for (const delta of possibleDeltas(others)) {
    const low = effectivePriority(here.priority, delta + Math.min(0, script.weight));
    const high = effectivePriority(here.priority, delta + Math.max(0, script.weight));
    if (low < high && peers.some((priority) => priority >= low && priority <= high)) return true;
  }
  return false;
}

function enumerate(words: readonly (number | string)[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

/** With the other nodes known: exact. */
function lintKnownWeights(here: Ranked, peers: readonly Ranked[]): Diagnostic[] {
  const priorities = enumerate([here, ...peers].map(({ priority }) => priority));
  const gap = Math.min(...peers.map(({ priority }) => Math.abs(priority - here.priority)));
  return here.weights
    .filter((script) => !peers.some((peer) => decides(here, script, peer)))
    .map(({ script, weight, place }) => {
      const text =
        `Weight ${weight} of script "${script}" never decides: with priorities ${priorities} no result ` +
        `of it changes who is master; use weight 0 (failing gives up the VIP) or more than ${gap}`;
      return warning(place, 'weight-never-decides', text);
    });
}

/** With one node known: only what holds whatever the others are. */
function lintLoneWeights(here: Ranked): Diagnostic[] {
  const counted = here.weights.length > 1 ? ' with the other weights counted' : '';
  return here.weights
    .filter(({ weight }) => Math.abs(weight) < USUAL_STEP || here.priority === 255)
    .map(({ script, weight, place }) => {
      const text =
        here.priority === 255
          ? `Weight ${weight} of script "${script}" never decides: priority 255 is not changed by scripts; ` +
            'lower the priority or use weight 0'
          : `Weight ${weight} of script "${script}" never changes who is master, unless another node's ` +
            `priority lies within ${Math.abs(weight)} of ${here.priority}${counted}; use weight 0 (failing gives up ` +
            'the VIP) or more than the difference';
      return warning(place, 'weight-never-decides', text);
    });
}

function lintWeights(here: InstanceFacts, peers: readonly InstanceFacts[]): Diagnostic[] {
  if (!isRanked(here) || !peers.every(isRanked)) return [];
  return peers.length > 0 ? lintKnownWeights(here, peers) : lintLoneWeights(here);
}

function lintNopreempt(here: InstanceFacts, peers: readonly InstanceFacts[]): Diagnostic[] {
  const { nopreempt, weights } = here;
  if (nopreempt === null) return [];
  if (weights.length === 0) return lintNopreemptBesidePeers(nopreempt, peers);
  const names = enumerate(weights.map(({ script }) => `"${script}"`));
  const text =
    `"nopreempt" beside a weight (script ${names}) never fails over: a backup does not take over from a ` +
    'master that still advertises; use weight 0';
  return [warning(nopreempt, 'weight-never-decides', text)];
}

/** A weight on another node is meant to have this one take over, which it does not. */
function lintNopreemptBesidePeers(nopreempt: Place, peers: readonly InstanceFacts[]): Diagnostic[] {
  const [weighted] = peers.flatMap((peer) => peer.weights);
  if (weighted === undefined) return [];
  const { script, place } = weighted;
  const text =
    `With "nopreempt" this node does not take over when the weight of script "${script}" ` +
    `(${place.file}:${place.line}) lowers a master that still advertises; use weight 0 there, or preempt here`;
  return [warning(nopreempt, 'weight-never-decides', text)];
}

function sameGroup(one: InstanceFacts, other: InstanceFacts): boolean {
  return (
    one.virtualRouterId === other.virtualRouterId &&
    one.addresses.some((address) => other.addresses.includes(address))
  );
}

function lintRouterIds(nodes: readonly NodeFacts[]): Diagnostic[] {
  const first = new Map<string, Place>();
  const diagnostics: Diagnostic[] = [];
  for (const { routerId } of nodes) {
    if (routerId === null) continue;
    const earlier = first.get(routerId.value);
    if (earlier === undefined) {
      first.set(routerId.value, routerId);
      continue;
    }
    const text =
      `The router_id "${routerId.value}" is also that of ${earlier.file}:${earlier.line}; ` +
      "give each node its own, such as its host name, or the nodes' messages cannot be told apart";
    diagnostics.push(warning(routerId, 'shared-router-id', text));
  }
  return diagnostics;
}

/** `nodes`: one element for each file, in the order given. */
export function lintNodes(nodes: readonly NodeFacts[]): readonly Diagnostic[] {
  const wired = nodes.map(({ instances }) => instances);
  const diagnostics = [
    ...lintRouterIds(nodes),
    ...lintSplitBrain(wired),
    ...lintNodesDiffer(wired),
  ];
  for (const node of nodes) {
    const others = nodes.filter((other) => other !== node).flatMap((other) => other.instances);
    for (const instance of node.instances) {
      const peers = others.filter((other) => sameGroup(instance, other));
      diagnostics.push(...lintWeights(instance, peers), ...lintNopreempt(instance, peers));
    }
  }
  return diagnostics;
}
