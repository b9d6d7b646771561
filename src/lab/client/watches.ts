/** Some long-lived watches, as controllers hold them: opened again when they break, and counted. */

import type { WatchReport } from './messages.ts';
import { open, type RequestTarget } from './request.ts';

const PATH = '/api/v1/events?watch=true';
const RETRY_MS = 500;

export class Watches {
  #open = 0;
  #events = 0;
  #broken = 0;

  /** Opens one watch and keeps it open for the life of the process; one that is silent is broken. */
  keepOpen(target: RequestTarget, silenceMaxMs: number): void {
    const socket = open(target, PATH, 'keep-alive');
    let flowing = false;
    socket.setTimeout(silenceMaxMs, () => socket.destroy());
    socket.on('data', (chunk) => {
      if (!flowing) this.#open += 1;
      flowing = true;
      // One event is one line of JSON; the stand-in's begin with its type.
      if (chunk.includes('{"type"')) this.#events += 1;
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      if (flowing) {
        this.#open -= 1;
        this.#broken += 1;
      }
      setTimeout(() => this.keepOpen(target, silenceMaxMs), RETRY_MS);
    });
  }

  report(): WatchReport {
    return { open: this.#open, events: this.#events, broken: this.#broken };
  }
}
