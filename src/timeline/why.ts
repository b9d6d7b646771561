/**
 * Why a VIP moved: each change of owner that a node took part in, with the facts that it went by, out of its timeline. What
 * led to it stands before it there: a balancer that ended, a drain, a guardian that was killed.
 */

import type { NodeEvent, VipDetail } from '../contracts/events.ts';
import { bareAddress } from '../core/ip-address.ts';

type VipEvent = Extract<NodeEvent, VipDetail>;

export type Fact = { readonly name: string; readonly text: string };

export type Move = {
  /** ms since 1970, when this node decided, or noticed. */
  readonly at: number;
  readonly node: string;
  readonly instance: string;
  readonly addresses: readonly string[];
  readonly what: 'took' | 'kept' | 'gave-up' | 'lost';
  readonly facts: readonly Fact[];
  /** What happened on the node shortly before, oldest first. */
  readonly before: readonly NodeEvent[];
};

/** Of what comes before a move: longer ago it is no cause, and more of it nobody reads. */
const BEFORE_MS = 60_000;
const BEFORE_MAX = 8;

/** Oldest first. `vip`: an address, with or without its prefix, or the name of an instance; null: all. */
export function movesOf(events: readonly NodeEvent[], vip: string | null): readonly Move[] {
  const last = new Map<string, VipEvent>();
  return events.flatMap((event, index) => {
    if (event.kind !== 'vip') return [];
    const earlier = last.get(event.instance);
    last.set(event.instance, event);
    const what = whatHappened(event, earlier);
    if (what === null || !concerns(event, vip)) return [];
    const { at, node, instance, addresses } = event;
    const before = leadingTo(event, events.slice(0, index));
    return [{ at, node, instance, addresses, what, facts: factsOf(event, what), before }];
  });
}

/** Virtual addresses that moves are known of. */
export function vipsOf(events: readonly NodeEvent[]): readonly string[] {
  return [...new Set(events.flatMap((event) => (event.kind === 'vip' ? event.addresses : [])))];
}

function concerns({ instance, addresses }: VipEvent, vip: string | null): boolean {
  return (
    vip === null ||
    instance === vip ||
    addresses.some((one) => one === vip || bareAddress(one) === vip)
  );
}

/** null: the address stayed where it was. */
function whatHappened({ from, to }: VipEvent, earlier: VipEvent | undefined): Move['what'] | null {
  // A process that ended without a word has told of no end of its mastership.
  const wasOwner = from === 'initialize' && earlier?.to === 'master';
  if (to === 'master') return wasOwner ? 'kept' : 'took';
  if (from === 'master') return 'gave-up';
  return wasOwner ? 'lost' : null;
}

function factsOf(event: VipEvent, what: Move['what']): readonly Fact[] {
  const { why, serving, priority, patienceMs, gapMs, faults = [], drained = false } = event;
  const facts = [
    { name: 'decision', text: `${event.from} -> ${event.to}: ${why}` },
    { name: 'last advertisement', text: lastAdvert(event) },
  ];
  if (patienceMs !== undefined) {
    facts.push({ name: 'waited', text: `an owner may be silent for ${patienceMs} ms` });
  }
  const drain = drained ? ', the node is drained' : '';
  facts.push({ name: 'priority', text: `${priority}${drain}` });
  if (serving !== undefined) {
    facts.push({ name: 'balancer', text: serving ? 'serves' : 'does not serve' });
  }
  if (faults.length > 0) facts.push({ name: 'faults', text: faults.join(', ') });
  if (what === 'took' || what === 'kept') facts.push({ name: 'gap', text: gapText(gapMs, event) });
  return facts;
}

function lastAdvert({ heardFrom, heardAgoMs, heardPriority, from }: VipEvent): string {
  if (heardFrom === undefined || heardAgoMs === undefined) {
    return from === 'master' ? 'none of a better one' : 'nobody was heard';
  }
  const when = heardAgoMs === 0 ? 'just then' : `${heardAgoMs} ms before`;
  if (heardPriority === 0) return `${when}, from ${heardFrom}: it left (priority 0)`;
  const priority = heardPriority === undefined ? '' : `, priority ${heardPriority}`;
  return `${when}, from ${heardFrom}${priority}`;
}

function gapText(gapMs: number | undefined, { heardPriority }: VipEvent): string {
  if (gapMs !== undefined) return `${gapMs} ms at most, from its last word to our first`;
  if (heardPriority === 0) return 'none: who leaves serves on until the next one speaks';
  if (heardPriority !== undefined) return 'none: the owner before it spoke until then';
  return 'not known: no owner was heard before';
}

/** Without what is told of the instance's other states in the same breath. */
function leadingTo({ at, instance }: VipEvent, events: readonly NodeEvent[]): readonly NodeEvent[] {
  const near = events.filter((event) => event.at >= at - BEFORE_MS);
  const since = near.findLastIndex(
    (event) => event.kind === 'vip' && event.instance === instance && movesOwner(event),
  );
  return near.slice(since + 1).slice(-BEFORE_MAX);
}

function movesOwner({ from, to }: VipEvent): boolean {
  return from === 'master' || to === 'master';
}
