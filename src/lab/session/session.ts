/**
 * A lab from its start to its end: builds it, tells a line a second, takes faults from the keyboard and
 * the control socket, and removes everything whatever happens.
 */

import type { Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientReport } from '../client/messages.ts';
import type { Cluster } from '../cluster.ts';
import { type ControlAnswer, type ControlQuestion, serveControl } from '../control.ts';
import type { FaultName } from '../faults.ts';
import { readKeys } from './keys.ts';
import { labStatus } from './lab-status.ts';
import type { Reporter, Second } from './reporter.ts';
import { Verdicts } from './verdicts.ts';

export type SessionOptions = {
  readonly reporter: Reporter;
  /** Builds the lab; must remove what it made when it fails or when the signal aborts it. */
  readonly start: (signal: AbortSignal) => Promise<Cluster>;
  /** Ends by itself after this time; null: when told to. */
  readonly durationMs: number | null;
  /** The terminal to read keys from, if there is one. */
  readonly keyboard: typeof process.stdin | null;
  /** Ends the session. */
  readonly signal: AbortSignal;
  /** Called by "q" and Ctrl-C in the terminal. */
  readonly quit: () => void;
};

const SECOND_MS = 1000;

/** Resolves, when everything is removed, with whether the lab was healthy in its last second. */
export async function runSession(options: SessionOptions): Promise<boolean> {
  const { reporter } = options;
  const cluster = await options.start(options.signal);
  const verdicts = new Verdicts(cluster, reporter);
  let control: Server | null = null;
  let stopKeys = (): void => undefined;
  try {
    cluster.onEvent = (event) => reporter.problem(event.text);
    control = await serveControl(cluster.directory, (question) =>
      answer(cluster, reporter, verdicts, question),
    );
    reporter.built(cluster);
    if (options.keyboard !== null)
      stopKeys = startKeys(options.keyboard, cluster, verdicts, options);
    return await tellSeconds(cluster, verdicts, options);
  } finally {
    stopKeys();
    verdicts.close();
    control?.close();
    reporter.progress('Removing everything');
    reporter.removed(await cluster.stop());
  }
}

async function tellSeconds(
  cluster: Cluster,
  verdicts: Verdicts,
  options: SessionOptions,
): Promise<boolean> {
  const end = options.durationMs === null ? Infinity : performance.now() + options.durationMs;
  let before = cluster.requests();
  let healthy = false;
  let next = performance.now() + SECOND_MS;
  while (performance.now() < end) {
    try {
      await sleep(Math.max(0, next - performance.now()), undefined, { signal: options.signal });
    } catch {
      break;
    }
    next += SECOND_MS;
    const now = cluster.requests();
    const owners = await cluster.owners();
    const second = difference(before, now, owners);
    before = now;
    const owned = cluster.parts.topology === null || owners.length === 1;
    healthy = owned && second.ok > 0 && second.failed === 0;
    options.reporter.second(second);
    verdicts.second();
  }
  return healthy;
}

function difference(before: ClientReport, now: ClientReport, owners: readonly string[]): Second {
  const nodes = Object.entries(now.nodes).map(([name, count]) => [
    name,
    count - (before.nodes[name] ?? 0),
  ]);
  return {
    at: new Date(),
    owners,
    ok: now.ok - before.ok,
    failed: now.failed - before.failed,
    nodes: Object.fromEntries(nodes),
    total: now,
  };
}

function startKeys(
  keyboard: typeof process.stdin,
  cluster: Cluster,
  verdicts: Verdicts,
  { reporter, quit }: SessionOptions,
): () => void {
  const inject = async (name: FaultName, node: string | null): Promise<void> => {
    try {
      const report = await cluster.fault(name, node);
      reporter.fault(report);
      verdicts.watch(report);
    } catch (error) {
      reporter.problem(error instanceof Error ? error.message : String(error));
    }
  };
  return readKeys(keyboard, cluster, {
    fault: (name, node) => void inject(name, node),
    selected: (node) => reporter.progress(`The next fault is for ${node ?? 'the usual node'}`),
    help: () => reporter.built(cluster),
    unknown: (key) => reporter.progress(`The key "${key}" does nothing; "?" lists those that do`),
    quit,
  });
}

async function answer(
  cluster: Cluster,
  reporter: Reporter,
  verdicts: Verdicts,
  question: ControlQuestion,
): Promise<ControlAnswer> {
  switch (question.ask) {
    case 'fault': {
      const report = await cluster.fault(question.name, question.node);
      reporter.fault(report);
      verdicts.watch(report);
      return { kind: 'fault', report };
    }
    case 'status':
      return { kind: 'status', status: await labStatus(cluster) };
    case 'logs':
      return { kind: 'logs', lines: cluster.node(question.node).logs(question.only) };
    case 'verdict':
      return { kind: 'verdict', verdict: await verdicts.next() };
  }
}
