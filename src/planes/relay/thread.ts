/**
 * Entry of a relay thread. It never returns to Node's own event loop while it serves: messages are
 * fetched when the eventfd says so, and every turn beats.
 */

import { flushCompileCache } from 'node:module';
import { type MessagePort, parentPort, receiveMessageOnPort } from 'node:worker_threads';
import { assert } from '../../core/assert.ts';
import { BEAT_INTERVAL_MS, BEAT_PAGE_BYTES, LOOP_BEAT_SLOT, TID_SLOT } from '../../core/beats.ts';
import { gettid, mapSharedMemory } from '../../linux/files.ts';
import { dropGarbageNow } from '../../start-garbage.ts';
import type { MainToRelay, RelayStart, RelayToMain } from './messages.ts';
import { Relay } from './relay.ts';
import { ThreadRights } from './thread-rights.ts';

/** Messages handled per turn. */
const MESSAGES_MAX = 1024;

function main(port: MessagePort, start: RelayStart): void {
  const tell = (message: RelayToMain): void => port.postMessage(message);
  const clockOffset = performance.timeOrigin - start.timeOrigin;
  const clock = (): number => performance.now() + clockOffset;
  const beats = new Uint32Array(mapSharedMemory(start.beatFd, BEAT_PAGE_BYTES));
  const slot = LOOP_BEAT_SLOT + start.relay;
  beats[TID_SLOT + slot] = gettid();
  const beat = (): void => {
    beats[slot] = (beats[slot] ?? 0) + 1;
  };
  const relay = new Relay(start, clock(), {
    connectFailed: (backend, server, reason) =>
      tell({ kind: 'connect-failed', backend, server, reason }),
    beat,
  });
  const rights = new ThreadRights(start.config);
  // Node would keep this thread's compiled code at its end, which never comes (docs/adr/0005).
  flushCompileCache();
  // Not later: a collection waits for threads of the engine, and a loop that waits does not beat (docs/adr/0029).
  if (start.standby) dropGarbageNow();
  beat();
  tell({ kind: 'ready' });
  for (;;) {
    const count = relay.wait(relay.patience(BEAT_INTERVAL_MS));
    beats[slot] = (beats[slot] ?? 0) + 1;
    if (!relay.turn(count, clock())) continue;
    for (let taken = 0; taken < MESSAGES_MAX; taken++) {
      const received = receiveMessageOnPort(port);
      if (received === undefined) break;
      const message: MainToRelay = received.message;
      if (message.kind === 'stop') {
        relay.close();
        // Ends this thread only.
        process.exit(0);
      }
      if (message.kind === 'settle-rights') {
        rights.settle();
        tell({ kind: 'rights-settled' });
        continue;
      }
      const ended = relay.handle(message);
      if (message.kind === 'reconfigure') {
        rights.follow(message.config);
        tell({ kind: 'reconfigured', ended });
      }
      if (message.kind === 'clear-counters') tell({ kind: 'counters-cleared' });
      if (message.kind === 'pause') tell({ kind: 'paused' });
    }
  }
}

const port = parentPort;
assert(port !== null, 'a relay runs in a worker thread');
// It may be there long before anybody knows what it is to do.
port.once('message', (start: RelayStart) => main(port, start));
