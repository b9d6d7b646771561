/**
 * A speaker alone in a process, for bench/speaker/run.ts: `node --trace-gc --expose-gc subject.ts CONFIG FILE`
 * with a VrrpConfig as JSON and its mastership file. For each line on its input it prints what is on the
 * heap of the speaker's thread; it ends with its input.
 */

import assert from 'node:assert/strict';
import { subscribe } from 'node:diagnostics_channel';
import { createInterface } from 'node:readline';
import type { Worker } from 'node:worker_threads';
import { startVrrp } from '../../src/election/vrrp/speaker.ts';

export type SubjectLine =
  | { readonly kind: 'ready' }
  | { readonly kind: 'heap'; readonly usedBytes: number }
  | { readonly kind: 'event'; readonly event: object };

function print(line: SubjectLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

// Asks the runtime for the thread, so that the product needs no door for measurements.
const workers: Worker[] = [];
subscribe('worker_threads', (message) => {
  if (isNews(message)) workers.push(message.worker);
});

function isNews(message: unknown): message is { readonly worker: Worker } {
  return typeof message === 'object' && message !== null && 'worker' in message;
}

const [, , config = '', file = ''] = process.argv;
// --trace-gc tells threads apart by their heaps: a collection that was asked for is the main thread's.
globalThis.gc?.();
const election = await startVrrp(JSON.parse(config), file, (event) =>
  print({ kind: 'event', event }),
);
print({ kind: 'ready' });
for await (const _ of createInterface({ input: process.stdin })) {
  const [speaker] = workers;
  assert.ok(speaker, 'the runtime tells of the thread');
  const { used_heap_size: usedBytes } = await speaker.getHeapStatistics();
  print({ kind: 'heap', usedBytes });
}
await election.stop();
