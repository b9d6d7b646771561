/**
 * One balancer at work: data plane, health checks, stats page, runtime socket, log. Built from one 'start'
 * message; everything it changes by itself it tells through the events.
 */

import { flushCompileCache } from 'node:module';
import type { BalancerConfig } from '../config/model/config.ts';
import type { DataPlane, DataPlaneEvent, StartDataPlane } from '../contracts/data-plane.ts';
import type { InheritedListener } from '../contracts/listeners.ts';
import type { GuardianToBalancer } from '../contracts/protocol.ts';
import { assert } from '../core/assert.ts';
import { BEAT_INTERVAL_MS, BEAT_PAGE_BYTES, MAIN_BEAT_SLOT, TID_SLOT } from '../core/beats.ts';
import { LEVEL_EMERGENCY, LEVEL_WARNING, type ServerMessage } from '../health/server-events.ts';
import type { AdminState, ServerStateRecord } from '../health/server-state.ts';
import { receiveDescriptors } from '../linux/descriptor-channel.ts';
import { closeFd, gettid, mapSharedMemory, raiseFileLimit } from '../linux/files.ts';
import { connectionsLimit } from '../planes/relay/capacity.ts';
import type { ServerCounter } from '../stats/layout.ts';
import type { NodeFacts } from '../stats/node-facts.ts';
import type { BalancerReport } from '../stats/status.ts';
import { AdminSurface } from './admin/admin-surface.ts';
import type { AdminContext } from './admin/context.ts';
import { Checker } from './checks/checker.ts';
import { EventLogWriter } from './event-log-writer.ts';
import { dropPrivileges } from './privileges.ts';
import { Rebalancer } from './rebalancer.ts';
import { ServerTable } from './servers/server-table.ts';
import { collectInfo } from './statistics/collect-info.ts';
import { collectRows } from './statistics/collect-rows.ts';
import { collectTotals } from './statistics/collect-totals.ts';
import { frontendCounter, serverCounter } from './statistics/counters.ts';
import { type Limited, LimitWatch } from './statistics/limit-watch.ts';
import { RATE_INTERVAL_MS, Rates } from './statistics/rates.ts';
import { collectReport } from './statistics/report.ts';

/** What the guardian told is old then: it hangs or is gone, and the VIP perhaps elsewhere. */
const FACTS_MS_MAX = 5000;

/** How often a finishing balancer looks whether connections are left. */
const DRAIN_LOOK_MS = 20;

export type StartMessage = Extract<GuardianToBalancer, { readonly kind: 'start' }>;

export type ReloadMessage = Extract<GuardianToBalancer, { readonly kind: 'reload' }>;

export type BalancerEvents = {
  /** Every change of the servers, for a successor. */
  servers(records: readonly ServerStateRecord[]): void;
  log(level: 'info' | 'warning' | 'error', text: string): void;
  /** Told once; the balancer is of no use any more. */
  failed(text: string): void;
  /** Has the configuration read again; resolves with what came of it, in lines. */
  askReload(): Promise<string>;
};

export class Balancer {
  #config: BalancerConfig;
  #listeners: readonly InheritedListener[];
  readonly #message: StartMessage;
  readonly #events: BalancerEvents;
  readonly #filesMax: number;
  readonly #table: ServerTable;
  readonly #checker: Checker;
  readonly #eventLog = new EventLogWriter();
  readonly #rates = new Rates();
  readonly #limits = new LimitWatch();
  readonly #admin: AdminSurface;
  readonly #startedAt = performance.now();
  readonly #timers: NodeJS.Timeout[] = [];
  #plane: DataPlane | null = null;
  #rebalancer: Rebalancer | null = null;
  #facts: { readonly told: NodeFacts; readonly at: number } | null = null;
  #active = false;
  #stopping = false;

  constructor(message: StartMessage, events: BalancerEvents) {
    this.#message = message;
    this.#config = message.config;
    this.#listeners = message.listeners;
    this.#events = events;
    this.#filesMax = raiseFileLimit();
    this.#beat(message.beatFd);
    this.#table = new ServerTable({
      backends: this.#config.backends,
      records: message.servers,
      now: () => performance.now(),
      sessions: (backend, server) => this.#sessions(backend, server),
      connects: (backend, server) => this.#counter(backend, server, 'connects'),
      onDown: (backend, server) => this.#onServerDown(backend, server),
      onUp: (backend, server) => this.#onServerUp(backend, server),
      log: (backend, line) => this.#logEvent(backend, line),
      onChange: () => this.#publish(),
    });
    this.#checker = new Checker(this.#config.backends, this.#table);
    this.#admin = new AdminSurface(this.#config, this.#context());
  }

  /** Gets relays ready and drops privileges; rejects when that fails. Nothing is accepted or checked yet. */
  async prepare(startDataPlane: StartDataPlane): Promise<void> {
    const { config, relays, listeners, beatFd } = this.#message;
    this.#eventLog.retarget(config.backends.flatMap(({ logs }) => logs));
    this.#plane = await startDataPlane(
      {
        config,
        relays,
        listeners,
        beatFd,
        accepting: false,
        snapshot: this.#table.snapshot(),
        filesMax: this.#filesMax,
      },
      (event) => this.#onDataPlaneEvent(event),
    );
    this.#rebalancer = new Rebalancer({
      table: this.#table,
      plane: this.#plane,
      now: () => performance.now(),
      random: Math.random,
      log: (backend, line) => this.#logEvent(backend, line),
    });
    // The next start is faster by it; the account below may not write there (docs/adr/0005).
    flushCompileCache();
    for (const { level, text } of dropPrivileges(config.process)) this.#events.log(level, text);
  }

  /** Takes the traffic, with the servers as another balancer left them; rejects when that fails. */
  async activate(servers: readonly ServerStateRecord[]): Promise<void> {
    this.#table.restore(servers);
    // Clients wait in the kernel's queue: they come before everything else.
    this.#plane?.accept();
    await this.#admin.listen(this.#listeners);
    this.#active = true;
    this.#tick();
    this.#timers.push(setInterval(() => this.#tick(), RATE_INTERVAL_MS));
    this.#checker.start();
  }

  /**
   * Takes what a reload's channel brought. Throws SystemError with nothing kept: it can be done without, but
   * not in part.
   */
  takeListeners({ listeners, fresh }: ReloadMessage): readonly InheritedListener[] {
    const received = receiveDescriptors(this.#message.channelFd, fresh.length);
    const known = new Map(this.#listeners.map(({ id, fd }) => [id, fd]));
    for (const [index, id] of fresh.entries()) known.set(id, received[index] ?? -1);
    return listeners.map(({ id, purpose }) => {
      const fd = known.get(id) ?? -1;
      assert(fd >= 0, `listener ${id} is known or was sent`);
      return { id, fd, purpose };
    });
  }

  /**
   * Goes on by another configuration with these listeners. Resolves with the number of sessions that were
   * reset because it does not allow them.
   */
  async reload(config: BalancerConfig, listeners: readonly InheritedListener[]): Promise<number> {
    const plane = this.#plane;
    assert(plane !== null, 'a balancer is prepared before it is told of changes');
    const snapshot = this.#table.preview(config.backends);
    const ended = await plane.reconfigure({ config, listeners, snapshot });
    // From here on in one go: indexes and counters are those of the new configuration.
    const kept = new Set(listeners.map(({ fd }) => fd));
    const gone = this.#listeners.filter(({ fd }) => !kept.has(fd));
    const before = this.#config.backends;
    this.#config = config;
    this.#listeners = listeners;
    this.#eventLog.retarget(config.backends.flatMap(({ logs }) => logs));
    this.#table.reconfigure(config.backends);
    this.#checker.reconfigure(config.backends);
    this.#rebalancer?.reconfigure(before);
    this.#admin.reconfigure(config);
    if (this.#active) {
      await this.#admin.listen(listeners).catch((error: Error) => {
        this.#events.log('error', `A stats page or runtime socket is not served: ${error.message}`);
      });
    }
    for (const { fd } of gone) closeFd(fd);
    return ended;
  }

  report(): BalancerReport | null {
    const plane = this.#plane;
    if (plane === null) return null;
    const uptimeMs = performance.now() - this.#startedAt;
    return collectReport({ config: this.#config, table: this.#table, plane, uptimeMs });
  }

  /** What the guardian knows now. */
  keepFacts(facts: NodeFacts): void {
    this.#facts = { told: facts, at: performance.now() };
  }

  /** null: done; otherwise what is wrong. */
  setServer(backend: string, server: string, admin: AdminState): string | null {
    const place = this.#table.find(backend, server);
    if (place === null) return `There is no server "${backend}/${server}"`;
    this.#setAdmin(place.backend, place.server, admin, '');
    return null;
  }

  /** Stops accepting, lets open connections finish for `graceMs`, then closes everything. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    const deadline = performance.now() + graceMs;
    this.#plane?.pause();
    while (this.#connections() > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN_LOOK_MS));
    }
    this.#checker.stop();
    this.#rebalancer?.stop();
    this.#admin.close();
    await this.#plane?.stop();
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    this.#eventLog.close();
  }

  /** Stops accepting and answering operators; ends with its last connection, whenever that is. */
  retire(): Promise<void> {
    this.#admin.close();
    return this.stop(Number.POSITIVE_INFINITY);
  }

  #beat(beatFd: number): void {
    const beats = new Uint32Array(mapSharedMemory(beatFd, BEAT_PAGE_BYTES));
    beats[TID_SLOT + MAIN_BEAT_SLOT] = gettid();
    const beat = (): void => {
      beats[MAIN_BEAT_SLOT] = ((beats[MAIN_BEAT_SLOT] ?? 0) + 1) >>> 0;
    };
    beat();
    this.#timers.push(setInterval(beat, BEAT_INTERVAL_MS));
  }

  #tick(): void {
    const plane = this.#plane;
    if (plane === null) return;
    if (this.#table.warms()) plane.apply(this.#table.snapshot());
    this.#rebalancer?.findReturned();
    for (const text of this.#limits.warnings(this.#limited(plane)))
      this.#events.log('warning', text);
    const http = this.#admin.counts;
    this.#rates.update(collectTotals({ config: this.#config, plane, http }), performance.now());
  }

  #connectionsMax(): number {
    return connectionsLimit(this.#config, this.#filesMax, this.#message.relays);
  }

  /** The limits whose nearness is told. */
  #limited(plane: DataPlane): readonly Limited[] {
    const current = (index: number) => frontendCounter(plane, index, 'connectionsCurrent');
    const frontends = this.#config.frontends.map(({ name, connectionsMax: limit }, index) => {
      return { name: `Frontend "${name}"`, current: current(index), limit };
    });
    const all = frontends.reduce((sum, one) => sum + one.current, 0);
    return [{ name: 'The balancer', current: all, limit: this.#connectionsMax() }, ...frontends];
  }

  #publish(): void {
    this.#plane?.apply(this.#table.snapshot());
    this.#events.servers(this.#table.records());
  }

  #onDataPlaneEvent(event: DataPlaneEvent): void {
    if (event.kind === 'failed') {
      this.#events.failed(event.message);
      return;
    }
    const place = this.#table.find(event.backend, event.server);
    if (place === null) return;
    this.#table.recordConnectFailure(place.backend, place.server);
    this.#checker.checkSoon(place.backend, place.server);
  }

  #setAdmin(backend: number, server: number, admin: AdminState, cause: string): void {
    this.#table.setAdmin(backend, server, admin, cause);
    // What was known before a maintenance is stale.
    if (admin !== 'maint') this.#checker.checkSoon(backend, server);
  }

  #logEvent(backend: number, { level, text }: ServerMessage): void {
    this.#eventLog.write(this.#config.backends[backend]?.logs ?? [], level, text);
    const severity =
      level <= LEVEL_EMERGENCY ? 'error' : level <= LEVEL_WARNING ? 'warning' : 'info';
    this.#events.log(severity, text);
  }

  #sessions(backend: number, server: number): number {
    return this.#counter(backend, server, 'sessionsCurrent');
  }

  #counter(backend: number, server: number, name: ServerCounter): number {
    const plane = this.#plane;
    return plane === null ? 0 : serverCounter(plane, backend, server, name);
  }

  #onServerDown(backend: number, server: number): void {
    const config = this.#config.backends[backend]?.servers[server];
    if (config?.shutdownSessionsOnDown === true) this.#shutdownSessions(backend, server);
  }

  #onServerUp(backend: number, server: number): void {
    const servers = this.#config.backends[backend]?.servers ?? [];
    if (servers[server]?.shutdownBackupsOnUp !== true) return;
    for (const [index, { backup }] of servers.entries()) {
      if (backup) this.#shutdownSessions(backend, index);
    }
  }

  #shutdownSessions(backend: number, server: number): void {
    const config = this.#config.backends[backend];
    const name = config?.servers[server]?.name;
    if (config !== undefined && name !== undefined) {
      this.#plane?.shutdownSessions(config.name, name);
    }
  }

  #connections(): number {
    const plane = this.#plane;
    if (plane === null) return 0;
    let connections = 0;
    for (const index of this.#config.frontends.keys()) {
      connections += frontendCounter(plane, index, 'connectionsCurrent');
    }
    return connections;
  }

  #context(): AdminContext {
    const current = () => this.#config;
    return {
      get config() {
        return current();
      },
      table: this.#table,
      now: () => performance.now(),
      reload: () => this.#events.askReload(),
      rows: () => {
        const plane = this.#plane;
        if (plane === null) return [];
        return collectRows({
          config: this.#config,
          table: this.#table,
          plane,
          rates: this.#rates,
          http: this.#admin.counts,
          now: performance.now(),
          startedAt: this.#startedAt,
        });
      },
      info: () =>
        collectInfo({
          config: this.#config,
          plane: this.#plane,
          http: this.#admin.counts,
          rates: this.#rates,
          uptimeMs: performance.now() - this.#startedAt,
          relays: this.#message.relays,
          listeners: this.#listeners.length,
          filesMax: this.#filesMax,
          connectionsMax: this.#connectionsMax(),
          stopping: this.#stopping,
          ownLogsDropped: this.#eventLog.dropped,
        }),
      facts: () => {
        const fresh = this.#facts !== null && performance.now() - this.#facts.at < FACTS_MS_MAX;
        return fresh ? (this.#facts?.told ?? null) : null;
      },
      setAdmin: (backend, server, admin, cause) => this.#setAdmin(backend, server, admin, cause),
      shutdownSessions: (backend, server) => this.#shutdownSessions(backend, server),
    };
  }
}
