/**
 * Puts another configuration in the place of the one that runs, without anything that both have noticing. All
 * that may fail comes first, and each step has its way back: what is refused has changed nothing.
 */

import type { ConfigDiff } from '../config/diff.ts';
import { diffConfigs } from '../config/diff.ts';
import type { Config } from '../config/model/config.ts';
import type { Election, ElectionSection } from '../contracts/election.ts';
import { assert } from '../core/assert.ts';
import { OperationalError } from '../core/errors.ts';
import type { Listeners } from './listeners.ts';
import type { Notifier } from './notifier.ts';
import type { Redirects } from './redirects/redirects.ts';
import type { StatusSocket } from './status-socket.ts';
import type { Supervisor } from './supervision/supervisor.ts';
import type { Tracking } from './tracking.ts';

/** What of a node is there; null where its configuration has no use for it. */
export type NodeParts = {
  readonly listeners: Listeners | null;
  readonly redirects: Redirects;
  readonly supervisor: Supervisor | null;
  readonly election: Election | null;
  readonly notifier: Notifier | null;
  readonly tracking: Tracking | null;
  readonly statusSocket: StatusSocket | null;
};

/** A configuration, and what of it is the election's. */
export type NodeConfig = { readonly config: Config; readonly section: ElectionSection | null };

export type Applied = Pick<ConfigDiff, 'changes' | 'waiting'> & {
  /** Sessions that were reset because the new configuration does not allow them. */
  readonly ended: number;
};

/** Ways forward and back of the steps done so far. */
type Step = { commit?(): void; abandon(): void | Promise<void> };

/** Rejects with OperationalError, with nothing changed, when the new configuration cannot take over. */
export async function applyConfig(
  parts: NodeParts,
  before: NodeConfig,
  after: NodeConfig,
): Promise<Applied> {
  const { changes, waiting, refusal } = diffConfigs(before.config, after.config);
  if (refusal !== null) throw new OperationalError('needs-restart', refusal);
  if (changes.length + waiting.length === 0) return { changes, waiting, ended: 0 };
  const steps: Step[] = [];
  try {
    const sockets = await openListeners(parts, after.config, steps);
    const statusSocket = await parts.statusSocket?.change(after.config.statusGroup);
    if (statusSocket !== undefined) steps.push(statusSocket);
    const restore = await parts.redirects.change(after.config.redirects ?? []);
    steps.push({ abandon: restore });
    await changeElection(parts, before, after, steps);
    const ended = await changeBalancer(parts, after.config, sockets);
    for (const step of steps) step.commit?.();
    return { changes, waiting, ended };
  } catch (error) {
    for (const step of steps.toReversed()) await step.abandon();
    throw error;
  }
}

async function openListeners({ listeners }: NodeParts, { balancer }: Config, steps: Step[]) {
  if (listeners === null || balancer === null) return [];
  const change = await listeners.change(balancer);
  steps.push(change);
  return change.sockets;
}

async function changeElection(
  { election, notifier, tracking }: NodeParts,
  { section: old }: NodeConfig,
  { section }: NodeConfig,
  steps: Step[],
): Promise<void> {
  assert((section === null) === (old === null), 'a reload neither begins nor ends an election');
  if (section === null || old === null) return;
  if (notifier !== null) steps.push(notifier.change(section.config));
  if (tracking !== null) steps.push(tracking.change(section.config));
  if (election === null) return;
  await election.reload(section);
  steps.push({ abandon: () => election.reload(old) });
}

async function changeBalancer(
  { supervisor }: NodeParts,
  { balancer }: Config,
  sockets: Awaited<ReturnType<typeof openListeners>>,
): Promise<number> {
  if (supervisor === null || balancer === null) return 0;
  const { error, ended } = await supervisor.reload(balancer, sockets);
  if (error !== null) throw new OperationalError('balancer-failed', error);
  return ended;
}
