/**
 * A session from its client's arrival until it is led to a backend: what rules ask of it, at once or as its client
 * says more, and the routes.
 */

import type { RelayContext } from '../relay-context.ts';
import type { Backend, Frontend } from '../routes/routes.ts';
import { chosenBackend, frontendOf } from '../sessions/session-routes.ts';
import type { Sessions } from '../sessions/sessions.ts';
import { PHASE_INSPECTING } from '../sessions/socket-table.ts';
import type { Admission } from './admission.ts';

export class Entrance {
  readonly #context: RelayContext;
  readonly #sessions: Sessions;
  readonly #admission: Admission;
  readonly #seekServer: (session: number, backend: Backend) => void;

  /** `seekServer`: what comes next. */
  constructor(
    context: RelayContext,
    sessions: Sessions,
    admission: Admission,
    seekServer: (session: number, backend: Backend) => void,
  ) {
    this.#context = context;
    this.#sessions = sessions;
    this.#admission = admission;
    this.#seekServer = seekServer;
  }

  /** It is known whose connection it is. */
  enter(session: number, frontend: Frontend): void {
    const { counters, table } = this.#context;
    if (!this.#admission.opens(session, frontend)) {
      counters.add(frontend.counters.sessionsDenied, 1);
      this.#sessions.dismiss(session);
      return;
    }
    this.#sessions.admit(session);
    if (frontend.inspection === null) this.#route(session, frontend);
    else {
      table.phase[session] = PHASE_INSPECTING;
      this.inspect(session, false);
    }
  }

  /** Asks the rules of the frontend, or of the backend it was led to, as far as they can tell by now. */
  inspect(session: number, isLast: boolean): void {
    const { table, clock } = this.#context;
    const frontend = frontendOf(this.#context, session);
    const backend = chosenBackend(this.#context, session);
    const inspection = (backend ?? frontend).inspection;
    const until = table.inspectUntil[session] ?? 0;
    const over = isLast || (until !== 0 && until <= clock.now);
    const verdict =
      inspection === null ? 'accept' : this.#admission.inspect(session, inspection, over);
    if (verdict === 'wait') {
      if (until === 0) table.inspectUntil[session] = clock.now + (inspection?.delayMs ?? 0);
      this.#sessions.deadlines.rearm(session);
    } else if (verdict === 'reject') this.#turnAway(session, frontend);
    else if (backend === null) this.#route(session, frontend);
    else this.#leave(session, backend);
  }

  /** The client is gone: its rules say the last word, as in HAProxy, but no server is asked for it. */
  lost(session: number): void {
    const frontend = frontendOf(this.#context, session);
    const inspection = (chosenBackend(this.#context, session) ?? frontend).inspection;
    const verdict =
      inspection === null ? 'accept' : this.#admission.inspect(session, inspection, true);
    if (verdict === 'reject') this.#turnAway(session, frontend);
    else this.#sessions.close(session, 'CR', 'reset');
  }

  #turnAway(session: number, frontend: Frontend): void {
    this.#context.counters.add(frontend.counters.requestsDenied, 1);
    this.#admission.discardWords(session);
    this.#sessions.countDiscarded(session);
    this.#sessions.close(session, 'PR', 'finish');
  }

  #route(session: number, frontend: Frontend): void {
    const { table } = this.#context;
    const backend = this.#admission.backendFor(session, frontend);
    this.#sessions.assign(session, backend);
    // A `listen` has the same rules on both sides, and asks them once.
    const asked = backend.config.listen && backend.config.name === frontend.config.name;
    if (backend.inspection === null || asked) {
      this.#leave(session, backend);
      return;
    }
    table.phase[session] = PHASE_INSPECTING;
    table.inspectUntil[session] = 0;
    this.inspect(session, false);
  }

  #leave(session: number, backend: Backend): void {
    const { table, clock } = this.#context;
    if (table.phase[session] === PHASE_INSPECTING) {
      table.waitedMs[session] = clock.now - (table.acceptedAt[session] ?? 0);
      table.activeAt[session] = clock.now;
    }
    this.#seekServer(session, backend);
  }
}
