/**
 * Sessions whose bytes flow: moves what an event says can be moved, comes back in the next turn to those that
 * used up their share, and ends them as their sides do.
 */

import { EPOLLERR, EPOLLOUT } from '../../../linux/epoll.ts';
import type { RelayContext } from '../relay-context.ts';
import type { Sessions } from '../sessions/sessions.ts';
import {
  ENDED,
  HUNG_UP,
  PHASE_OPEN,
  READABLE,
  ROLE_CLIENT,
  ROLE_NONE,
  ROLE_SERVER,
} from '../sessions/socket-table.ts';
import { COMPLETE, IDLE, MORE, type MoveResult, Mover, SOURCE_LOST } from './mover.ts';

/** Turns given to the last bytes of a connection that was reset. */
const LAST_WORDS_TURNS = 4;

export class Streams {
  readonly #context: RelayContext;
  readonly #sessions: Sessions;
  readonly #mover: Mover;
  // Ring of directions that used up their share: sources to come back to in the next turn.
  readonly #ready: Int32Array;
  #readyStart = 0;
  #readyCount = 0;

  constructor(context: RelayContext, sessions: Sessions) {
    this.#context = context;
    this.#sessions = sessions;
    this.#mover = new Mover(context, sessions);
    this.#ready = new Int32Array(context.table.size);
  }

  /** Whether directions wait for the next turn. */
  get hasLeftOver(): boolean {
    return this.#readyCount > 0;
  }

  /** What is left over from before gets its share, once per turn. */
  resumeLeftOver(): void {
    for (let left = this.#readyCount; left > 0; left--) this.#resumeNext();
  }

  /** An event of a session whose bytes flow; its flags are up to date. */
  event(fd: number, events: number): void {
    const { table } = this.#context;
    if ((events & EPOLLERR) !== 0) {
      this.#lost(fd);
      return;
    }
    if ((events & EPOLLOUT) !== 0) {
      const peer = table.peer[fd] ?? 0;
      if ((table.held[peer] ?? 0) > 0 && table.queued[peer] === 0 && !this.#serve(peer)) return;
    }
    // What waits in the ready ring has had its share of this turn.
    const readable = ((table.flags[fd] ?? 0) & READABLE) !== 0;
    if (readable && table.queued[fd] === 0) this.#serve(fd);
  }

  /** Bytes flow from now on: moves what is there. */
  begin(session: number): void {
    const { table } = this.#context;
    const socket = table.peer[session] ?? 0;
    // What a first flight left over comes before anything new, and so does the client's end.
    const left = (table.held[session] ?? 0) > 0;
    const flags = table.flags[session] ?? 0;
    if ((left || (flags & (READABLE | ENDED)) !== 0) && !this.#serve(session)) return;
    if (((table.flags[socket] ?? 0) & READABLE) !== 0) this.#serve(socket);
  }

  /** Moves what it can from `source`; false when that ended the session. */
  #serve(source: number): boolean {
    return this.#settle(source, this.#mover.move(source));
  }

  #settle(source: number, result: MoveResult): boolean {
    switch (result) {
      case IDLE:
        return true;
      case MORE:
        this.#comeBack(source);
        return true;
      case COMPLETE:
        this.#sessions.close(this.#context.table.sessionOf(source), '--', 'finish');
        return false;
      case SOURCE_LOST:
        this.#abort(source);
        return false;
      default:
        this.#lost(this.#context.table.peer[source] ?? 0);
        return false;
    }
  }

  /**
   * A connection is gone. What its peer said before still goes out as far as the other side takes it at
   * once, then both end: a reset on one side is a reset on the other.
   */
  #lost(fd: number): void {
    const { table } = this.#context;
    table.flags[fd] = (table.flags[fd] ?? 0) | READABLE | HUNG_UP;
    let result: MoveResult = MORE;
    for (let turn = 0; turn < LAST_WORDS_TURNS && result === MORE; turn++) {
      result = this.#mover.move(fd);
    }
    if (result === COMPLETE) this.#sessions.close(table.sessionOf(fd), '--', 'finish');
    else this.#abort(fd);
  }

  #abort(fd: number): void {
    const { table } = this.#context;
    const client = table.role[fd] === ROLE_CLIENT;
    this.#sessions.close(table.sessionOf(fd), client ? 'CD' : 'SD', 'reset');
  }

  #comeBack(source: number): void {
    const { table } = this.#context;
    const ready = this.#ready;
    if (table.queued[source] === 1) return;
    table.queued[source] = 1;
    ready[(this.#readyStart + this.#readyCount) % ready.length] = source;
    this.#readyCount++;
  }

  /** Goes on with the direction that has waited longest. */
  #resumeNext(): void {
    const { table } = this.#context;
    const ready = this.#ready;
    const source = ready[this.#readyStart] ?? 0;
    this.#readyStart = (this.#readyStart + 1) % ready.length;
    this.#readyCount--;
    table.queued[source] = 0;
    // The descriptor may have been closed, or even reused, since.
    const role = table.role[source];
    if (role === ROLE_NONE || (role !== ROLE_CLIENT && role !== ROLE_SERVER)) return;
    if (table.phase[table.sessionOf(source)] === PHASE_OPEN) this.#serve(source);
  }
}
