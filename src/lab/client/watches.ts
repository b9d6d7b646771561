/** Some long-lived watches, as controllers hold them: opened again when they break, and counted. */

import { open, type RequestTarget } from './request.ts';
import type { WatchTally } from './watch-tally.ts';

const PATH = '/api/v1/events?watch=true';
const RETRY_MS = 500;
/** One event is one line of JSON; the stand-in's begin with its type. */
const EVENT = /\{"type"/g;

/** Opens one watch and keeps it open for the life of the process; one that is silent is broken. */
export function keepWatch(tally: WatchTally, target: RequestTarget, silenceMaxMs: number): void {
  const index = tally.add();
  const openAgain = (): void => {
    const socket = open(target, PATH, 'keep-alive');
    socket.setTimeout(silenceMaxMs, () => socket.destroy());
    socket.on('data', (chunk) => {
      tally.hear(index, chunk.toString('utf8').match(EVENT)?.length ?? 0, performance.now());
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      tally.close(index);
      setTimeout(openAgain, RETRY_MS);
    });
  };
  openAgain();
}
