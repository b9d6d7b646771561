/**
 * Ends single sessions of a server that has too many, so that their clients come back and find another
 * (balance/rebalance.ts decides how many and when).
 *
 * Both sockets are closed with FIN, not RST. What is in the kernel's queues still arrives, and a client
 * that is idle sees an ordinary end of the connection, at once: HTTP/2 clients of Kubernetes open a new
 * one and resume their watches from the version they have. A reset would throw away bytes on their way and
 * shows up as an error in logs.
 */

import type { RelayContext } from '../relay-context.ts';
import type { Server } from '../routes/routes.ts';
import { backendOf, serverOf } from './session-routes.ts';
import type { Sessions } from './sessions.ts';
import { ENDED, FINISHED, PHASE_OPEN, ROLE_CLIENT, ROLE_NONE } from './socket-table.ts';

/**
 * A session in which neither side has said anything for so long is between requests, as far as anybody can
 * tell without reading TLS.
 */
const QUIET_MS = 1000;

export class Shedder {
  readonly #context: RelayContext;
  readonly #sessions: Sessions;
  /** Where the last search ended: over many searches each descriptor is looked at once. */
  #cursor = 0;

  constructor(context: RelayContext, sessions: Sessions) {
    this.#context = context;
    this.#sessions = sessions;
  }

  /** Ends one quiet session of `server` accepted before `acceptedBefore` (ms); false: there is none. */
  shed(backend: number, server: Server, acceptedBefore: number): boolean {
    const { table } = this.#context;
    const sessions = this.#sessions;
    const count = table.highest + 1;
    for (let looked = 0; looked < count; looked++) {
      this.#cursor = (this.#cursor + 1) % count;
      const fd = this.#cursor;
      if (table.role[fd] !== ROLE_CLIENT || (table.acceptedAt[fd] ?? 0) >= acceptedBefore) continue;
      if (backendOf(this.#context, fd).index !== backend || serverOf(this.#context, fd) !== server)
        continue;
      if (!this.#isQuiet(fd)) continue;
      sessions.close(fd, 'KD', 'finish');
      return true;
    }
    return false;
  }

  #isQuiet(session: number): boolean {
    const { table } = this.#context;
    const socket = table.peer[session] ?? 0;
    if (table.phase[session] !== PHASE_OPEN || table.role[socket] === ROLE_NONE) return false;
    const flags = (table.flags[session] ?? 0) | (table.flags[socket] ?? 0);
    if (table.tunnel[session] === 0 || (flags & (ENDED | FINISHED)) !== 0) return false;
    if ((table.held[session] ?? 0) > 0 || (table.held[socket] ?? 0) > 0) return false;
    const last = Math.max(table.activeAt[session] ?? 0, table.activeAt[socket] ?? 0);
    return this.#context.clock.now - last >= QUIET_MS;
  }
}
