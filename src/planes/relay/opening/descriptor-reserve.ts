/**
 * One descriptor held back for the server of a client that was already accepted. Without it the last free
 * descriptor would go to a client, none be left for its server, and the client be turned away instead of
 * waiting in the kernel's queue.
 */

import { AF_INET } from '../../../linux/sockets.ts';
import { closeStream, openStream } from '../../../linux/stream-calls.ts';

export class DescriptorReserve {
  /** -1: given away. */
  #held = -1;

  /** Holds one back again where none is; false when there is none to be had. */
  refill(): boolean {
    if (this.#held < 0) this.#held = openStream(AF_INET);
    return this.#held >= 0;
  }

  /** Frees the descriptor for the next call that needs one; false when it was given away before. */
  give(): boolean {
    if (this.#held < 0) return false;
    closeStream(this.#held);
    this.#held = -1;
    return true;
  }
}
