/** What the guardian answers an operator whose order concerns other nodes, too; `evergate drain` prints it. */

import { setTimeout } from 'node:timers/promises';
import type { Config } from '../config/model/config.ts';
import type { Election } from '../contracts/election.ts';
import { OperationalError } from '../core/errors.ts';
import type { InstanceStatus } from '../stats/status.ts';
import type { Log } from './log.ts';
import type { PeerOutcome } from './peers/peer-channel.ts';

export type ClusterAnswer = {
  /** This node first. */
  readonly nodes: readonly PeerOutcome[];
  /** Who has the VIP, where that is not this node and the others were not asked. */
  readonly owners: readonly string[];
  /** Other nodes that were not asked, as far as the files name them; null: all were. */
  readonly unasked: readonly string[] | null;
};

export type DrainAnswer = {
  /** From the order until another node had the VIPs, ms; null: this one had none. */
  readonly tookMs: number | null;
  /** Who has the VIPs now, by name and address as far as known. */
  readonly owners: readonly string[];
};

/** The speaker tells its news a moment after what they are about. */
const NEWS_MS_MAX = 1000;
const NEWS_LOOK_MS = 10;

/** Owners of the VIPs that this node does not have. */
export function ownersElsewhere(instances: readonly InstanceStatus[]): readonly string[] {
  const names = instances.flatMap(({ state, master, masterName }) => {
    if (state === 'master' || master === null) return [];
    return [masterName === undefined ? master : `${masterName} (${master})`];
  });
  return [...new Set(names)];
}

/** The other nodes by name, or by address where the files have no more; empty: the files do not say. */
export function otherNodes({ nodes, vrrp }: Config, node: string): readonly string[] {
  if (nodes !== undefined) return nodes.map(({ name }) => name).filter((name) => name !== node);
  const peers = (vrrp?.instances ?? []).flatMap(({ transport }) =>
    transport.kind === 'unicast' ? transport.peers : [],
  );
  return [...new Set(peers)];
}

/**
 * Drains the node, or makes it ready again, and says in the log what came of it. Throws OperationalError, with the node as
 * it was.
 */
export async function setDrained(
  election: Election | null,
  drained: boolean,
  ownership: () => readonly InstanceStatus[],
  log: Log,
): Promise<DrainAnswer> {
  if (election === null) {
    throw new OperationalError('refused', 'This node runs no VRRP: it has no VIP to give away');
  }
  try {
    const answer = await drainAndTell(() => election.setDrained(drained), ownership);
    const text = drained ? 'The node is drained' : 'The node is ready to take the VIP';
    log('info', text, { kind: 'node', to: drained ? 'drained' : 'ready' });
    return answer;
  } catch (error) {
    if (error instanceof OperationalError) {
      const { message: why } = error;
      log('warning', `Drain refused: ${why}`, { kind: 'node', to: 'drain-refused', why });
    }
    throw error;
  }
}

/** Drains by `drain`, which rejects where nobody follows, and says who did and after how long. */
async function drainAndTell(
  drain: () => Promise<void>,
  ownership: () => readonly InstanceStatus[],
): Promise<DrainAnswer> {
  const had = new Set(
    ownership()
      .filter(({ state }) => state === 'master')
      .map(({ name }) => name),
  );
  const from = performance.now();
  await drain();
  const tookMs = Math.round(performance.now() - from);
  const deadline = from + tookMs + NEWS_MS_MAX;
  const isKnown = (): boolean =>
    ownership().every(({ name, state, master }) => {
      return !had.has(name) || (state !== 'master' && master !== null);
    });
  while (!isKnown() && performance.now() < deadline) await setTimeout(NEWS_LOOK_MS);
  return { tookMs: had.size === 0 ? null : tookMs, owners: ownersElsewhere(ownership()) };
}
