/**
 * How long a session may go on as it is: for each phase the moment at which its patience ends, from the
 * timeouts of its frontend and backend and from when each side was last heard of.
 */

import type { TerminationCode } from '../../../stats/connection-log.ts';
import type { RelayContext } from '../relay-context.ts';
import type { Backend } from '../routes/routes.ts';
import { backendOf, frontendOf } from './session-routes.ts';
import {
  FINISHED,
  PHASE_CONNECTING,
  PHASE_GREETING,
  PHASE_INSPECTING,
  PHASE_OPEN,
  PHASE_QUEUED,
  PHASE_SILENT,
} from './socket-table.ts';

/** A header in front of a connection is sent at once: whoever waits longer sends none. */
const GREETING_MS_MAX = 10_000;
/** So is a TLS hello, within a round trip; who waits longer waits for the server to speak first, and may not be kept. */
const SILENCE_MS_MAX = 250;

export class Deadlines {
  readonly #context: Pick<RelayContext, 'table' | 'routes' | 'wheel' | 'clock'>;
  /** Sessions whose race may begin soon: the loop must look at its clock often. */
  hedgesArmed = 0;

  constructor(context: Pick<RelayContext, 'table' | 'routes' | 'wheel' | 'clock'>) {
    this.#context = context;
  }

  /** To be called whenever something that its deadline hangs on may have brought it nearer. */
  rearm(session: number): void {
    this.#context.wheel.arm(session, this.of(session));
  }

  /** Lets a second server join at `at`, ms, unless the first has answered. */
  setHedge(session: number, at: number): void {
    const { table } = this.#context;
    if (table.hedgeAt[session] === 0) this.hedgesArmed++;
    table.hedgeAt[session] = at;
  }

  clearHedge(session: number): void {
    const { table } = this.#context;
    if (table.hedgeAt[session] === 0) return;
    this.hedgesArmed--;
    table.hedgeAt[session] = 0;
  }

  /** Whether it is time for a second server. */
  hedgeDue(session: number): boolean {
    const at = this.#context.table.hedgeAt[session] ?? 0;
    return at !== 0 && at <= this.#context.clock.now;
  }

  /** ms; Infinity: none. */
  of(session: number): number {
    const { table } = this.#context;
    switch (table.phase[session]) {
      case PHASE_OPEN:
        return Math.min(this.#clientDeadline(session), this.#serverDeadline(session));
      case PHASE_GREETING: {
        const patience = Math.min(
          GREETING_MS_MAX,
          frontendOf(this.#context, session).clientTimeoutMs,
        );
        return (table.acceptedAt[session] ?? 0) + patience;
      }
      case PHASE_INSPECTING: {
        const { clientTimeoutMs } = frontendOf(this.#context, session);
        const silence = (table.activeAt[session] ?? 0) + clientTimeoutMs;
        return Math.min(table.inspectUntil[session] ?? 0, silence);
      }
      case PHASE_SILENT:
        return (table.activeAt[session] ?? 0) + SILENCE_MS_MAX;
      case PHASE_QUEUED:
        return (table.queuedAt[session] ?? 0) + backendOf(this.#context, session).queueTimeoutMs;
      case PHASE_CONNECTING:
        return Math.min(this.#connectDeadline(session), this.#hedgeTime(session));
      default:
        return Math.min(
          this.#clientDeadline(session),
          this.#serverDeadline(session),
          this.#hedgeTime(session),
        );
    }
  }

  /** When the first server has had its time to answer the connect. */
  #connectDeadline(session: number): number {
    const socket = this.#context.table.peer[session] ?? 0;
    return (
      (this.#context.table.activeAt[socket] ?? 0) +
      backendOf(this.#context, session).connectTimeoutMs
    );
  }

  #hedgeTime(session: number): number {
    return this.#context.table.hedgeAt[session] || Number.POSITIVE_INFINITY;
  }

  /** Which side's silence a passed deadline is. */
  timedOut(session: number): TerminationCode {
    return this.#clientDeadline(session) <= this.#serverDeadline(session) ? 'cD' : 'sD';
  }

  #clientDeadline(session: number): number {
    const { table } = this.#context;
    // While the server alone does not take its bytes, the client has nothing to prove.
    if (this.#waitsOnlyFor(table.peer[session] ?? 0)) return Number.POSITIVE_INFINITY;
    const frontend = frontendOf(this.#context, session);
    const timeout =
      ((table.flags[session] ?? 0) & FINISHED) !== 0
        ? frontend.clientFinTimeoutMs
        : this.#tunnelOr(session, backendOf(this.#context, session), frontend.clientTimeoutMs);
    return (table.activeAt[session] ?? 0) + timeout;
  }

  #serverDeadline(session: number): number {
    const { table } = this.#context;
    if (this.#waitsOnlyFor(session)) return Number.POSITIVE_INFINITY;
    const backend = backendOf(this.#context, session);
    const socket = table.peer[session] ?? 0;
    const timeout =
      ((table.flags[socket] ?? 0) & FINISHED) !== 0
        ? backend.serverFinTimeoutMs
        : this.#tunnelOr(session, backend, backend.serverTimeoutMs);
    return (table.activeAt[socket] ?? 0) + timeout;
  }

  /** Bytes wait for this socket, and none for its peer. */
  #waitsOnlyFor(fd: number): boolean {
    const { table } = this.#context;
    const peer = table.peer[fd] ?? 0;
    return (table.held[peer] ?? 0) > 0 && (table.held[fd] ?? 0) === 0;
  }

  #tunnelOr(session: number, backend: Backend, timeoutMs: number): number {
    const tunnel =
      this.#context.table.tunnel[session] === 1 && !Number.isNaN(backend.tunnelTimeoutMs);
    return tunnel ? backend.tunnelTimeoutMs : timeoutMs;
  }
}
