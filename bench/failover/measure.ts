/** One run of one fault: wait until the cluster is quiet, break it, watch, make it whole again. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientReport } from '../../src/lab/client/messages.ts';
import type { Cluster } from '../../src/lab/cluster.ts';
import { LabError } from '../../src/lab/lab-error.ts';
import { clientNamespace } from '../../src/lab/network.ts';
import type { Topology } from '../../src/lab/topology.ts';
import { commonNow, SilentClients } from '../../test/kit/clients/silent-clients.ts';
import type { Fault, FaultContext } from './faults.ts';
import type { OwnerWatch } from './owner-watch.ts';
import type { Stack } from './stacks.ts';

export type Run = {
  /** From the fault to the start of the last attempt that failed; 0: none failed. */
  readonly outageMs: number;
  /** Attempts still failed at the end of the watched time. */
  readonly endless: boolean;
  readonly failed: number;
  readonly longestGapMs: number;
  readonly watchesCut: number;
  /** Connections that were silent from before the fault on; absent: measured before there were any. */
  readonly silent?: Silent;
  readonly ownersAtEnd: readonly string[];
  readonly severalOwnersMs: number;
  readonly noOwnerMs: number;
};

export type Silent = {
  /** Of SILENT, those that still worked when they were asked at the end. */
  readonly kept: number;
  /** From the fault until the last of the others knew; 0: there are none. */
  readonly stallMs: number;
  /** Those that did not know until they were asked: the stall is longer. */
  readonly hung: number;
};

export type Bench = {
  readonly cluster: Cluster;
  readonly topology: Topology;
  readonly stack: Stack;
  readonly owners: OwnerWatch;
  /** Its user wants no more of it. */
  readonly signal: AbortSignal;
};

/** Long-lived connections beside the new ones. */
export const WATCHES = 20;
/** Connections on which nothing is said after the hello. */
const SILENT = 20;
const SILENT_MS = 1000;
/** ms; an answer to one of them that is asked in the end. */
const ASK_BOUND_MS = 2000;
/** One that says nothing for so long is cut; an event comes every second. */
export const WATCH_SILENCE_MS = 2500;

const QUIET_MS = 3000;
const QUIET_BOUND_MS = 40_000;
/** The longest period in the stacks: the article's check script. */
const PERIOD_MS = 5000;
const POLL_MS = 100;
const RESYNC_MS = 1000;
/** Without a failure for so long the outage is over. */
const OVER_MS = 2000;
const WATCH_BOUND_MS = 15_000;

/** Of each daemon, with a cluster that does not become quiet. */
const LOG_LINES = 12;

/** Of one run; preparations and repairs included, in ms. */
export const RUN_BOUND_MS = 2 * QUIET_BOUND_MS + PERIOD_MS + WATCH_BOUND_MS + 20_000;

/**
 * `phase`, 0 to 1: where in the period of what runs by itself the fault falls. null: the stack cannot do
 * this. LabError: the cluster did not become whole (again).
 */
export async function measure(bench: Bench, fault: Fault, phase: number): Promise<Run | null> {
  const { cluster, topology, stack, owners } = bench;
  await waitUntilQuiet(bench, topology.nodes.length);
  const [owner] = owners.owners;
  const name = topology.nodes
    .map((node) => node.name)
    .find((one) => (one === owner) === (fault.target === 'owner'));
  if (name === undefined) throw new LabError(`There is no ${fault.target} node`);
  const node = cluster.node(name);
  const context: FaultContext = { cluster, topology, stack, node, ignored: owners.pids };
  if (fault.setUp !== undefined) {
    await fault.setUp(context);
    await waitUntilQuiet(bench, topology.nodes.length - 1);
  }
  const fire = await fault.prepare(context);
  if (fire === null) return null;
  const { vip: host, vipPort: port, clientAddresses } = topology;
  const from = clientNamespace(cluster.id);
  const silent = await SilentClients.open(from, SILENT, { host, port }, clientAddresses);
  try {
    // One that has just been opened is not what waits for a word.
    await sleep(SILENT_MS + phase * PERIOD_MS);
    await cluster.parts.client.mark();
    const before = cluster.requests().watches.broken;
    owners.begin();
    const [firedAt, firedAtCommon] = [performance.now(), commonNow()];
    await fire();
    await watch(bench, firedAt, fault.watchMs);
    return { ...(await figures(bench, before)), silent: await lookAt(silent, firedAtCommon) };
  } finally {
    silent.close();
    await fault.repair(context);
  }
}

async function watch(bench: Bench, firedAt: number, atLeastMs: number): Promise<void> {
  const { cluster, owners, signal } = bench;
  for (;;) {
    await sleep(POLL_MS);
    signal.throwIfAborted();
    const elapsedMs = performance.now() - firedAt;
    const { lastFailureMs } = cluster.requests().sinceMark;
    const over = lastFailureMs === null || elapsedMs - lastFailureMs > OVER_MS;
    if (elapsedMs > atLeastMs && over && owners.owners.length === 1) return;
    if (elapsedMs > WATCH_BOUND_MS) return;
  }
}

async function figures({ cluster, owners }: Bench, brokenBefore: number): Promise<Run> {
  await nextReport(cluster);
  const { sinceMark, watches } = cluster.requests();
  const { severalMs, noneMs } = owners.span();
  const lastMs = sinceMark.lastFailureMs ?? Number.NEGATIVE_INFINITY;
  return {
    outageMs: sinceMark.lastFailedStartMs ?? 0,
    endless: lastMs > WATCH_BOUND_MS - OVER_MS,
    failed: sinceMark.failed,
    longestGapMs: sinceMark.longestGapMs,
    watchesCut: watches.broken - brokenBefore,
    ownersAtEnd: await cluster.owners(),
    severalOwnersMs: Math.round(severalMs),
    noOwnerMs: Math.round(noneMs),
  };
}

/** `firedAt`: on the common clock. */
async function lookAt(silent: SilentClients, firedAt: number): Promise<Silent> {
  const askedAt = commonNow();
  const known = silent.closed.filter(({ at }) => at < askedAt);
  const kept = await silent.ask(ASK_BOUND_MS);
  const hung = SILENT - known.length - kept;
  const last = hung > 0 ? askedAt : Math.max(firedAt, ...known.map(({ at }) => at));
  return { kept, hung, stallMs: Math.round(last - firedAt) };
}

async function nextReport(cluster: Cluster): Promise<void> {
  const known = cluster.requests();
  for (let round = 0; cluster.requests() === known && round < 50; round++) await sleep(20);
}

/**
 * One owner, no failure, every watch open, and answers of that many apiservers: for three seconds. Where
 * connections do not spread three seconds are enough for every check to find its server again.
 */
async function waitUntilQuiet(bench: Bench, apiservers: number): Promise<void> {
  const { cluster, topology, stack, owners, signal } = bench;
  const start = performance.now();
  let since = start;
  let first = cluster.requests();
  let owner = '';
  let resyncedAt = 0;
  for (;;) {
    await sleep(POLL_MS);
    signal.throwIfAborted();
    const now = performance.now();
    const report = cluster.requests();
    if (now - resyncedAt > RESYNC_MS) {
      await owners.resync();
      resyncedAt = now;
    }
    const whole = apiservers === topology.nodes.length;
    const rightOwner =
      owners.owners.length === 1 &&
      (!stack.preempts || !whole || owners.owners[0] === topology.nodes[0]?.name);
    const steady =
      rightOwner &&
      owners.owners[0] === owner &&
      report.failed === first.failed &&
      report.watches.broken === first.watches.broken &&
      report.watches.open === WATCHES;
    if (!steady) {
      since = now;
      first = report;
      owner = owners.owners[0] ?? '';
    } else if (now - since > QUIET_MS && (!stack.spreads || answering(first, report) >= apiservers))
      return;
    if (now - start > QUIET_BOUND_MS) {
      const logs = cluster.nodes.map(({ name, parts }) => {
        return `\n  ${name}: ${parts.daemon?.tail(LOG_LINES).join('\n    ')}`;
      });
      const seen = `owners [${owners.owners}], ${JSON.stringify(report)}${logs.join('')}`;
      throw new LabError(`The cluster did not become quiet in ${QUIET_BOUND_MS} ms: ${seen}`);
    }
  }
}

function answering(before: ClientReport, now: ClientReport): number {
  return Object.entries(now.nodes).filter(([name, count]) => count > (before.nodes[name] ?? 0))
    .length;
}
