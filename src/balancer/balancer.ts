/**
 * One balancer at work: data plane, health checks, stats page, runtime socket, log. Built from one 'start'
 * message; everything it changes by itself it tells through the events.
 */

import { flushCompileCache } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StartDataPlane } from '../contracts/data-plane.ts';
import { assert } from '../core/assert.ts';
import type { AdminState, CheckResult, ServerStateRecord } from '../health/server-state.ts';
import { SystemError } from '../linux/errno.ts';
import { raiseFileLimit } from '../linux/files.ts';
import { becomeIdentity } from '../linux/identity.ts';
import type { NodeFacts } from '../stats/node-facts.ts';
import type { BalancerReport } from '../stats/status.ts';
import { AdminSurface } from './admin/admin-surface.ts';
import type { AdminContext } from './admin/context.ts';
import { startBeating } from './beat.ts';
import type { ReloadMessage, StartMessage } from './lifecycle.ts';
import { ListeningSockets } from './listening-sockets.ts';
import { ServerControl, type ServerControlEvents } from './servers/server-control.ts';
import { RATE_INTERVAL_MS } from './statistics/rates.ts';
import { Statistics } from './statistics/statistics.ts';
import type { Traffic } from './traffic.ts';

/** What the guardian told is old then: it hangs or is gone, and the VIP perhaps elsewhere. */
const FACTS_MS_MAX = 5000;

/** How often a finishing balancer looks whether connections are left. */
const DRAIN_LOOK_MS = 20;
/** A relay that takes longer than this to stop accepting is not waited for. */
const PAUSE_MS_MAX = 5000;

export type BalancerEvents = ServerControlEvents & {
  /** Told once; the balancer is of no use any more. */
  failed(text: string): void;
  /** Has the configuration read again; resolves with what came of it, in lines. */
  askReload(): Promise<string>;
};

export type ReloadOutcome = {
  /** null: done; otherwise nothing has changed. */
  readonly error: string | null;
  /** Sessions that were reset because the new configuration does not allow them. */
  readonly ended: number;
};

export class Balancer {
  readonly #message: StartMessage;
  readonly #events: BalancerEvents;
  readonly #traffic: Traffic;
  readonly #filesMax: number;
  readonly #sockets: ListeningSockets;
  readonly #servers: ServerControl;
  readonly #statistics: Statistics;
  readonly #admin: AdminSurface;
  readonly #timers: NodeJS.Timeout[] = [];
  #facts: { readonly told: NodeFacts; readonly at: number } | null = null;
  #active = false;
  #stopping = false;

  constructor(message: StartMessage, events: BalancerEvents) {
    const { config, listeners, channelFd, beatFd, servers } = message;
    this.#message = message;
    this.#events = events;
    this.#traffic = { config, plane: null };
    this.#filesMax = raiseFileLimit();
    this.#timers.push(startBeating(beatFd));
    this.#sockets = new ListeningSockets(listeners, channelFd);
    this.#servers = new ServerControl(this.#traffic, servers, events);
    this.#statistics = new Statistics({
      traffic: this.#traffic,
      table: this.#servers.table,
      filesMax: this.#filesMax,
    });
    this.#admin = new AdminSurface(config, this.#context());
  }

  /** Gets relays ready and drops privileges; rejects when that fails. Nothing is accepted or checked yet. */
  async prepare(startDataPlane: StartDataPlane): Promise<void> {
    const { config, grant, identity } = this.#message;
    this.#servers.openLogs(config);
    const plane = await startDataPlane(
      {
        config,
        grant,
        listeners: this.#sockets.all,
        accepting: false,
        standby: this.#message.standby,
        snapshot: this.#servers.table.snapshot(),
        filesMax: this.#filesMax,
      },
      (event) => {
        if (event.kind === 'failed') this.#events.failed(event.message);
        else if (event.kind === 'short-handed') this.#events.log('error', event.message);
        else this.#servers.noteConnectFailure(event);
      },
    );
    this.#traffic.plane = plane;
    this.#servers.attach(plane);
    // The next start is faster by it; the account below may not write there (docs/adr/0005).
    flushCompileCache();
    // After this nothing may be loaded from the source folder: the account may not be able to read it.
    if (identity === null) return;
    becomeIdentity(identity);
    await plane.settleRights?.();
  }

  /** Settles when the threads are there that are left for activate(); null: none is. */
  get lateThreads(): Promise<void> | null {
    return this.#traffic.plane?.lateThreads ?? null;
  }

  /** Takes the traffic, with the servers as another balancer left them; rejects when that fails. */
  async activate(servers: readonly ServerStateRecord[]): Promise<void> {
    this.#servers.restore(servers);
    // Clients wait in the kernel's queue: they come before everything else.
    this.#traffic.plane?.accept();
    await this.#admin.listen(this.#sockets.all);
    this.#active = true;
    this.#tick();
    this.#timers.push(setInterval(() => this.#tick(), RATE_INTERVAL_MS));
    this.#servers.startWatching();
  }

  /** Goes on by another configuration with the listeners it names. */
  async reload(message: ReloadMessage): Promise<ReloadOutcome> {
    const { plane } = this.#traffic;
    assert(plane !== null, 'a balancer is prepared before it is told of changes');
    const { config } = message;
    let listeners: ListeningSockets['all'];
    try {
      listeners = this.#sockets.receive(message);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      return { error: error.message, ended: 0 };
    }
    const snapshot = this.#servers.table.preview(config.backends);
    const ended = await plane.reconfigure({ config, listeners, snapshot });
    // From here on in one go: indexes and counters are those of the new configuration.
    const closeGone = this.#sockets.replace(listeners);
    const before = this.#traffic.config.backends;
    this.#traffic.config = config;
    this.#servers.reconfigure(before);
    this.#admin.reconfigure(config);
    if (this.#active) {
      await this.#admin.listen(listeners).catch((error: Error) => {
        this.#events.log('error', `A stats page or runtime socket is not served: ${error.message}`);
      });
    }
    closeGone();
    return { error: null, ended };
  }

  /** null: there is nothing to report yet. */
  report(): BalancerReport | null {
    return this.#statistics.report();
  }

  /** What the guardian knows now, for those who ask within the next seconds. */
  keepFacts(facts: NodeFacts): void {
    this.#facts = { told: facts, at: performance.now() };
  }

  /** What came of a check that needs a secret; null: nobody could run it. */
  noteChecked(id: number, result: CheckResult | null): void {
    this.#servers.noteChecked(id, result);
  }

  /** null: done; otherwise what is wrong. */
  setServer(backend: string, server: string, admin: AdminState): string | null {
    const place = this.#servers.table.find(backend, server);
    if (place === null) return `There is no server "${backend}/${server}"`;
    this.#servers.setAdmin(place.backend, place.server, admin, '');
    return null;
  }

  /** Stops accepting, lets open connections finish for `graceMs`, then closes everything. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    const deadline = performance.now() + graceMs;
    // One that is accepted just now is not among the connections yet.
    const paused = this.#traffic.plane?.pause();
    const patience = sleep(Math.min(graceMs, PAUSE_MS_MAX), undefined, { ref: false });
    await Promise.race([paused, patience]);
    while (this.#statistics.connections() > 0 && performance.now() < deadline) {
      await sleep(DRAIN_LOOK_MS);
    }
    const left = this.#statistics.connections();
    if (left > 0) this.#events.log('warning', `${left} connections are ended with the balancer`);
    this.#servers.stop();
    this.#admin.close();
    await this.#traffic.plane?.stop();
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    this.#servers.closeLogs();
  }

  /**
   * Stops accepting and answering operators; ends with its last connection, or when its time is over. `closes`: what listens
   * is let go of, so that nobody comes to a port of which only this process knows.
   */
  async retire(closes: boolean): Promise<void> {
    this.#admin.close();
    if (closes) await this.#letGo();
    const { hardStopAfterMs = Number.POSITIVE_INFINITY } = this.#traffic.config.process;
    return this.stop(hardStopAfterMs);
  }

  async #letGo(): Promise<void> {
    const { config, plane } = this.#traffic;
    const snapshot = this.#servers.table.preview(config.backends);
    await plane?.reconfigure({ config, listeners: [], snapshot });
    this.#sockets.replace([])();
  }

  /** About once a second. */
  #tick(): void {
    this.#servers.tick();
    const warnings = this.#statistics.tick(this.#admin.counts);
    for (const text of warnings) this.#events.log('warning', text);
  }

  async #clearCounters(all: boolean): Promise<boolean> {
    const { plane } = this.#traffic;
    if (plane?.clearCounters === undefined) return false;
    const forget = this.#statistics.beginClearing(all);
    await plane.clearCounters(all);
    forget();
    this.#admin.clearCounts(all);
    if (all) this.#servers.table.clearCounts();
    return true;
  }

  #context(): AdminContext {
    const traffic = this.#traffic;
    const servers = this.#servers;
    return {
      get config() {
        return traffic.config;
      },
      table: servers.table,
      now: () => performance.now(),
      reload: () => this.#events.askReload(),
      rows: () => this.#statistics.rows(this.#admin.counts),
      info: () =>
        this.#statistics.info({
          http: this.#admin.counts,
          listeners: this.#sockets.all.length,
          stopping: this.#stopping,
          ownLogsDropped: servers.logsDropped,
        }),
      facts: () => {
        const fresh = this.#facts !== null && performance.now() - this.#facts.at < FACTS_MS_MAX;
        return fresh ? (this.#facts?.told ?? null) : null;
      },
      setAdmin: (backend, server, admin, cause) => servers.setAdmin(backend, server, admin, cause),
      clearCounters: (all) => this.#clearCounters(all),
      shutdownSessions: (backend, server) => servers.shutdownSessions(backend, server),
    };
  }
}
