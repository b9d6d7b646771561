/**
 * Who is let in, and where to: asks the configuration's rules about a client, as far as its connection is known.
 * What a client says is looked at where it is, in the kernel: whatever becomes of the session finds it there.
 */

import { ABSENT, type Absent } from '../../../balance/conditions/facts.ts';
import {
  allowsStill,
  type CompiledInspection,
  type CompiledRule,
  judge,
  routeOf,
  type Verdict,
} from '../../../balance/conditions/rules.ts';
import type { TrackPlace } from '../../../config/model/conditions.ts';
import { EAGAIN } from '../../../linux/errno.ts';
import { peek, peerAddress, receive } from '../../../linux/stream-calls.ts';
import type { RelayContext } from '../relay-context.ts';
import type { Backend, Frontend } from '../routes/routes.ts';
import type { Sessions } from '../sessions/sessions.ts';
import { HUNG_UP, TRACK_PLACES } from '../sessions/socket-table.ts';
import { ClientFacts, FIRST_WORDS_BYTES, firstWords } from './client-facts.ts';

export class Admission {
  readonly #context: RelayContext;
  readonly #sessions: Sessions;
  readonly #facts: ClientFacts;
  #client = 0;

  constructor(context: RelayContext, sessions: Sessions) {
    this.#context = context;
    this.#sessions = sessions;
    this.#facts = new ClientFacts(context);
  }

  /** Of a client that was just accepted, whose address is in lastAddress: before and after. */
  welcomes(client: number, frontend: Frontend): boolean {
    const { connectionRules, rate } = frontend;
    const facts = this.#facts;
    facts.accepted(client);
    let welcome = this.#judge(client, connectionRules) !== 'reject';
    const source = rate === null ? ABSENT : facts.source();
    if (welcome && rate !== null && source !== ABSENT) {
      welcome = rate.admits(source, this.#context.clock.now);
    }
    if (!welcome) this.#sessions.forgetTracked(client);
    else if (facts.hasAskedKernel) peerAddress(client);
    return welcome;
  }

  /** Once it is known whose connection it is. */
  opens(session: number, frontend: Frontend): boolean {
    if (frontend.sessionRules.length === 0) return true;
    this.#facts.known(session);
    return this.#judge(session, frontend.sessionRules) !== 'reject';
  }

  /** By the addresses alone, for a session that came under other rules. */
  allowsStill(session: number, rules: readonly CompiledRule[]): boolean {
    if (peerAddress(session) !== 0) return true;
    this.#facts.accepted(session);
    return allowsStill(rules, this.#facts);
  }

  /** `isLast`: nothing more is waited for. */
  inspect(
    session: number,
    { rules, delayMs, listens }: CompiledInspection,
    isLast: boolean,
  ): Verdict {
    this.#facts.known(session);
    const goesOn = listens && this.#listen(session) && !isLast && delayMs > 0;
    if (!goesOn) this.#facts.nothingMoreComes();
    return this.#judge(session, rules);
  }

  /** Where a session is led by what is known of it. */
  backendFor(session: number, frontend: Frontend): Backend {
    const { routes, routesListen, backend } = frontend;
    if (routes.length === 0) return backend;
    this.#facts.known(session);
    if (routesListen) this.#listen(session);
    this.#facts.nothingMoreComes();
    return this.#context.routes.backends[routeOf(routes, this.#facts)] ?? backend;
  }

  /** Takes what the client has said from the kernel, which would reset a connection that is closed over it. */
  discardWords(session: number): void {
    const { inspected } = this.#context.table;
    const bytes = receive(session, firstWords.address, FIRST_WORDS_BYTES);
    inspected[session] = Math.max(inspected[session] ?? 0, bytes);
  }

  /** Looks at what the client has said; false: that was all. */
  #listen(session: number): boolean {
    const { table } = this.#context;
    const count = peek(session, firstWords.address, FIRST_WORDS_BYTES);
    const length = Math.max(0, count);
    this.#facts.heard(length);
    if (length > (table.inspected[session] ?? 0)) {
      table.inspected[session] = length;
      table.activeAt[session] = this.#context.clock.now;
    }
    if (count === -EAGAIN) return true;
    const over = ((table.flags[session] ?? 0) & HUNG_UP) !== 0;
    return count > 0 && count < FIRST_WORDS_BYTES && !over;
  }

  #judge(client: number, rules: readonly CompiledRule[]): Verdict {
    this.#client = client;
    return judge(rules, this.#facts, this.#track);
  }

  readonly #track = (place: TrackPlace, table: number): void => {
    const { table: sockets, routes, clock } = this.#context;
    const at = this.#client * TRACK_PLACES + place;
    if (sockets.tracked[at] !== 0) return;
    const source: Uint8Array | Absent = this.#facts.source();
    if (source === ABSENT) return;
    const entry = routes.tables[table]?.enter(source, clock.now) ?? -1;
    if (entry === -1) return;
    sockets.tracked[at] = entry + 1;
    sockets.trackedTable[at] = table;
  };
}
