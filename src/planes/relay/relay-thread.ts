/** A relay thread as the main thread holds it: its start, what it is told, its answers, its end. */

import { Worker } from 'node:worker_threads';
import type { DataPlaneEvent } from '../../contracts/data-plane.ts';
import { wake } from '../../linux/epoll.ts';
import { closeFd } from '../../linux/files.ts';
import { THREAD_ENTRY } from './late-threads.ts';
import type { MainToRelay, RelayStart, RelayToMain } from './messages.ts';

const STOP_MS_MAX = 1000;

export type RelayThread = {
  /** Its number. */
  readonly relay: number;
  /** Resolves when the thread is gone. */
  readonly gone: Promise<void>;
  alive(): boolean;
  /** What is said to one that still starts, it hears when it has. */
  send(message: MainToRelay): void;
  /** Resolves with the answer to the next 'reconfigure'; with 0 when the thread ends before. */
  reconfigured(): Promise<number>;
  /** Resolves with the answer to the next 'clear-counters', or when the thread ends before. */
  cleared(): Promise<void>;
  /** Resolves with the answer to 'settle-rights', or when the thread ends before. */
  settled(): Promise<void>;
  /** Resolves with the answer to the first 'pause', or when the thread ends before. */
  paused(): Promise<void>;
  /** Ends it from outside. */
  terminate(): void;
};

/** It loads its code and waits: for startRelayThread(), or the end of the process. */
export function openRelayThread(relay: number): Worker {
  return new Worker(THREAD_ENTRY, { name: `relay-${relay}` });
}

/**
 * `ready` rejects when it cannot start, or ends before its loop turns. `report` hears of every end that nobody wanted.
 * `worker`: one that waits.
 */
export function startRelayThread(
  start: RelayStart,
  report: (event: DataPlaneEvent) => void,
  worker: Worker = openRelayThread(start.relay),
): { readonly thread: RelayThread; readonly ready: Promise<void> } {
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
      else if (message.kind === 'reconfigured') answer(message.ended);
      else if (message.kind === 'counters-cleared') clearings.shift()?.();
      else if (message.kind === 'rights-settled') settled.resolve();
      else if (message.kind === 'paused') paused.resolve();
      else report(message);
    });
  });
  let answer = (_ended: number): void => {};
  const settled = Promise.withResolvers<void>();
  const paused = Promise.withResolvers<void>();
  // Answers come in the order of the questions.
  const clearings: (() => void)[] = [];
  const thread: RelayThread = {
    relay: start.relay,
    gone,
    alive: () => alive,
    send(message) {
      if (!alive) return;
      worker.postMessage(message);
      wake(start.wakeFd);
    },
    reconfigured: () =>
      new Promise((resolve) => {
        answer = resolve;
        void gone.then(() => resolve(0));
      }),
    cleared: () =>
      new Promise((resolve) => {
        clearings.push(resolve);
        void gone.then(resolve);
      }),
    settled: () => Promise.race([settled.promise, gone]),
    paused: () => Promise.race([paused.promise, gone]),
    terminate: () => void worker.terminate(),
  };
  worker.postMessage(start);
  return { thread, ready };
}

/** Resolves when they are gone, at most a second later. */
export async function endRelayThreads(threads: readonly RelayThread[]): Promise<void> {
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
  for (const thread of threads) thread.terminate();
}
