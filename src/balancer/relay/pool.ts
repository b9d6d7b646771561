/** The data plane made of relay threads: starts them, publishes to them, counts with them, ends them. */

import { Worker } from 'node:worker_threads';
import { assert } from '../../core/assert.ts';
import { RELAYS_MAX } from '../../core/beats.ts';
import { openWakeup, wake } from '../../linux/epoll.ts';
import { closeFd } from '../../linux/files.ts';
import { counterLayout } from '../../stats/layout.ts';
import type { DataPlane, DataPlaneEvent, DataPlaneOptions, StartDataPlane } from '../data-plane.ts';
import type { MainToRelay, RelayListener, RelayStart, RelayToMain } from './messages.ts';

const STOP_MS_MAX = 1000;

type Thread = {
  readonly worker: Worker;
  readonly wakeFd: number;
  /** Resolves when the thread is gone. */
  readonly gone: Promise<void>;
  send(message: MainToRelay): void;
};

/**
 * Resolves when every relay's loop turns. Rejects, with all threads ended, when one cannot start. The
 * listeners and the beat page's descriptor stay the caller's: they are used, never closed.
 */
export const startDataPlane: StartDataPlane = async (options, onEvent) => {
  const { config, relays } = options;
  assert(relays >= 1 && relays <= RELAYS_MAX, 'the number of relays is within the beat page');
  const layout = counterLayout(config);
  const counters = Array.from(
    { length: relays },
    () => new Float64Array(new SharedArrayBuffer(layout.length * 8)),
  );
  let over = false;
  const report = (event: DataPlaneEvent): void => {
    if (over) return;
    if (event.kind === 'failed') over = true;
    onEvent(event);
  };
  const threads: Thread[] = [];
  const started: Promise<void>[] = [];
  for (let relay = 0; relay < relays; relay++) {
    const wakeFd = openWakeup();
    const start: RelayStart = {
      config,
      relay,
      listeners: listenersOf(options, relay),
      accepting: options.accepting,
      snapshot: options.snapshot,
      beatFd: options.beatFd,
      filesMax: options.filesMax,
      counters,
      wakeFd,
      timeOrigin: performance.timeOrigin,
    };
    const { thread, ready } = startThread(start, report);
    threads.push(thread);
    started.push(ready);
  }
  try {
    await Promise.all(started);
  } catch (error) {
    over = true;
    await endThreads(threads);
    throw error;
  }
  return dataPlane(options, layout, counters, threads, () => {
    over = true;
  });
};

function dataPlane(
  { config }: DataPlaneOptions,
  layout: DataPlane['layout'],
  counters: readonly Float64Array[],
  threads: readonly Thread[],
  silence: () => void,
): DataPlane {
  const tellAll = (message: MainToRelay): void => {
    for (const thread of threads) thread.send(message);
  };
  let stopped: Promise<void> | null = null;
  return {
    layout,
    counters,
    apply: (snapshot) => tellAll({ kind: 'snapshot', snapshot }),
    shutdownSessions(backendName, serverName) {
      const backend = config.backends.findIndex(({ name }) => name === backendName);
      const servers = config.backends[backend]?.servers ?? [];
      const server = servers.findIndex(({ name }) => name === serverName);
      assert(server >= 0, `server ${backendName}/${serverName} exists`);
      tellAll({ kind: 'shutdown-sessions', backend, server });
    },
    moveSession({ relay, ...order }) {
      threads[relay]?.send({ kind: 'move-session', ...order });
    },
    accept: () => tellAll({ kind: 'accept' }),
    pause: () => tellAll({ kind: 'pause' }),
    stop() {
      silence();
      stopped ??= endThreads(threads);
      return stopped;
    },
  };
}

function listenersOf({ config, listeners }: DataPlaneOptions, relay: number): RelayListener[] {
  return listeners.flatMap(({ fd, purpose }) => {
    if (purpose.kind !== 'frontend' || purpose.relay !== relay) return [];
    const frontend = config.frontends.findIndex(({ name }) => name === purpose.frontend);
    assert(frontend >= 0, `frontend "${purpose.frontend}" exists`);
    return [{ fd, frontend }];
  });
}

function startThread(
  start: RelayStart,
  report: (event: DataPlaneEvent) => void,
): { readonly thread: Thread; readonly ready: Promise<void> } {
  const worker = new Worker(new URL('./thread.ts', import.meta.url), {
    workerData: start,
    name: `relay-${start.relay}`,
  });
  let alive = true;
  const gone = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      alive = false;
      closeFd(start.wakeFd);
      resolve();
    });
  });
  const ready = new Promise<void>((resolve, reject) => {
    const fail = (message: string): void => {
      reject(new Error(message));
      report({ kind: 'failed', message });
    };
    worker.on('error', (error) => fail(`Relay ${start.relay} failed: ${String(error)}`));
    worker.once('exit', (code) => fail(`Relay ${start.relay} ended with code ${code}`));
    worker.on('message', (message: RelayToMain) => {
      if (message.kind === 'ready') resolve();
      else report(named(start, message));
    });
  });
  const thread: Thread = {
    worker,
    wakeFd: start.wakeFd,
    gone,
    send(message) {
      if (!alive) return;
      worker.postMessage(message);
      wake(start.wakeFd);
    },
  };
  return { thread, ready };
}

/** The event with the names that the indexes stand for. */
function named(
  { config }: RelayStart,
  message: Extract<RelayToMain, { kind: 'connect-failed' }>,
): DataPlaneEvent {
  const backend = config.backends[message.backend];
  const server = backend?.servers[message.server];
  assert(backend !== undefined && server !== undefined, 'a relay names servers it was given');
  return {
    kind: 'connect-failed',
    backend: backend.name,
    server: server.name,
    reason: message.reason,
  };
}

async function endThreads(threads: readonly Thread[]): Promise<void> {
  for (const thread of threads) thread.send({ kind: 'stop' });
  const patience = new AbortController();
  const late = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, STOP_MS_MAX);
    patience.signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
  await Promise.race([Promise.all(threads.map(({ gone }) => gone)), late]);
  patience.abort();
  // A thread that did not listen is ended from outside; it has nothing left to lose.
  for (const { worker } of threads) void worker.terminate();
}
