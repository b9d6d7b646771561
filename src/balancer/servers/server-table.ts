/**
 * The one owner of what is true about the servers: what checks found, what operators asked for, and the
 * weights in force. Everything else reads it, and the relays get snapshots of it.
 */

import type { ServerAddress, TrafficSnapshot } from '../../balance/snapshot.ts';
import type { BackendConfig } from '../../config/model/traffic.ts';
import { assert } from '../../core/assert.ts';
import { HeldWarnings } from '../../health/held-warnings.ts';
import { settleCondition } from '../../health/http-verdict.ts';
import { stepPassive } from '../../health/passive.ts';
import { stepHealth } from '../../health/rise-fall.ts';
import {
  adminChanged,
  beganStopping,
  checkLogged,
  checkWarning,
  noServerLeft,
  remainsInDrain,
  remainsInMaintenance,
  type ServerMessage,
  type Standing,
  staysUnresolved,
  wentDown,
  wentUp,
} from '../../health/server-events.ts';
import type { AdminState, CheckResult, ServerStateRecord } from '../../health/server-state.ts';
import { addressMessages } from './address-messages.ts';
import { type BackendEntry, countUsable, linked } from './backend-entry.ts';
import { type Follower, followedMessage, standOf } from './followers.ts';
import {
  adminOf,
  beginAnew,
  checkStateOf,
  healthPlace,
  isInMaintenance,
  isServing,
  isUp,
  newEntry,
  nextEntry,
  type ServerEntry,
  throttleOf,
} from './server-entry.ts';
import { snapshotBackend } from './snapshot-backend.ts';

export type ServerTableOptions = {
  readonly backends: readonly BackendConfig[];
  /** Where the previous balancer left the servers. */
  readonly records: readonly ServerStateRecord[];
  /** Monotonic, ms. */
  readonly now: () => number;
  /** Sessions a server carries, for the log lines. */
  readonly sessions: (backend: number, server: number) => number;
  /** Connects of traffic to a server that worked, since the start. */
  readonly connects: (backend: number, server: number) => number;
  /** A server went down, or into maintenance. */
  readonly onDown: (backend: number, server: number) => void;
  /** A server came up again by its checks, or back from a maintenance. */
  readonly onUp: (backend: number, server: number) => void;
  readonly log: (backend: number, message: ServerMessage) => void;
  /** After every change of a state, a counter of the checks, or a weight. */
  readonly onChange: () => void;
};

/** Heavier is not possible (HAProxy: 256). */
export const WEIGHT_MAX = 256;

export class ServerTable {
  #backends: readonly BackendEntry[];
  readonly #options: ServerTableOptions;
  readonly #warnings = new HeldWarnings();
  #generation = 0;

  constructor(options: ServerTableOptions) {
    this.#options = options;
    this.#backends = this.#build(options.backends, options.records);
  }

  get backends(): readonly BackendEntry[] {
    return this.#backends;
  }

  /** Starts over where another balancer left the servers. */
  restore(records: readonly ServerStateRecord[]): void {
    const backends = this.#backends.map(({ config }) => config);
    this.#backends = this.#build(backends, records);
    this.#options.onChange();
  }

  #build(
    backends: readonly BackendConfig[],
    list: readonly ServerStateRecord[],
  ): readonly BackendEntry[] {
    const now = this.#options.now();
    const records = new Map(list.map((one) => [`${one.backend}/${one.server}`, one]));
    const entries = backends.map((config) => {
      const servers = config.servers.map((server) =>
        newEntry(server, records.get(`${config.name}/${server.name}`), now),
      );
      const counters = { changedAtMs: now, downtimeMs: 0, downTransitions: 0 };
      return { config, servers, ...counters, usableActive: 0, usableBackup: 0 };
    });
    return linked(entries);
  }

  /** What relays are to know when these backends take the place of those of now; nothing changes yet. */
  preview(backends: readonly BackendConfig[]): TrafficSnapshot {
    return this.#snapshotOf(this.#succeed(backends));
  }

  /** Goes on with other backends: servers that stay keep what is known of them and what operators asked for. */
  reconfigure(backends: readonly BackendConfig[]): void {
    this.#backends = this.#succeed(backends);
    this.#options.onChange();
  }

  #succeed(backends: readonly BackendConfig[]): readonly BackendEntry[] {
    const now = this.#options.now();
    const entries = backends.map((config) => {
      const before = this.#backends.find((one) => one.config.name === config.name);
      const servers = config.servers.map((server) => {
        const known = before?.servers.find((one) => one.config.name === server.name);
        return known === undefined
          ? newEntry(server, undefined, now)
          : nextEntry(known, server, now);
      });
      const { changedAtMs = now, downtimeMs = 0, downTransitions = 0 } = before ?? {};
      const counters = { changedAtMs, downtimeMs, downTransitions };
      return { config, servers, ...counters, usableActive: 0, usableBackup: 0 };
    });
    return linked(entries);
  }

  /** null: no such backend or server. */
  find(backend: string, server: string): { backend: number; server: number } | null {
    const backendIndex = this.backends.findIndex(({ config }) => config.name === backend);
    const servers = this.backends[backendIndex]?.servers ?? [];
    const serverIndex = servers.findIndex(({ config }) => config.name === server);
    return serverIndex === -1 ? null : { backend: backendIndex, server: serverIndex };
  }

  entry(backend: number, server: number): ServerEntry {
    const entry = this.backends[backend]?.servers[server];
    assert(entry !== undefined, `server ${backend}/${server} exists`);
    return entry;
  }

  health(backend: number, server: number): number {
    return this.entry(backend, server).health;
  }

  inMaintenance(backend: number, server: number): boolean {
    return isInMaintenance(this.entry(backend, server));
  }

  /** null: nowhere. */
  address(backend: number, server: number): ServerAddress | null {
    return this.entry(backend, server).address;
  }

  recordCheck(backend: number, server: number, found: CheckResult): void {
    const entry = this.entry(backend, server);
    const result = settleCondition(found, isUp(entry));
    const limits = entry.config.check;
    assert(limits !== null, 'only a server with a check gets results');
    assert(!isInMaintenance(entry), 'a server in maintenance is not checked');
    if (result.inconclusive === true) {
      this.#noteInconclusive(backend, server, result);
      return;
    }
    const before = entry.health;
    const previous = entry.result.status;
    const step = stepHealth(limits, before, result.passed);
    if (!result.passed && before >= limits.rise) entry.failedChecks++;
    const wasStopping = entry.stopping;
    const up = step.health >= limits.rise;
    const stopping = up && (result.status === 'L7OKC' || (wasStopping && !result.passed));
    const turned = step.transition !== 'none' || stopping !== wasStopping;
    const followers = turned ? this.#followersOf(entry) : [];
    if (turned) this.#stamp(entry);
    if (step.transition === 'went-down') entry.downTransitions++;
    entry.health = step.health;
    if (step.transition === 'went-up') entry.warmsSinceMs = this.#options.now();
    entry.stopping = stopping;
    entry.result = result;
    const backendEmptied = this.#recount(backend);
    const standing = this.#standing(backend, server);
    const changed = turned || step.health !== before;
    if (result.certificate !== undefined) entry.certificate = result.certificate;
    this.#noteWarnings(backend, entry, result.warnings);
    const { logHealthChecks } = this.#backend(backend).config;
    if (logHealthChecks && (changed || previous !== result.status)) {
      this.#options.log(backend, checkLogged(standing, result, healthPlace(entry)));
    }
    if (turned) {
      const message = !up ? wentDown : stopping ? beganStopping : wentUp;
      this.#options.log(backend, message(standing, logHealthChecks ? null : result));
      if (entry.admin === 'drain') this.#options.log(backend, remainsInDrain(standing));
    }
    this.#reportEmpty(backend, backendEmptied);
    this.#follow(followers);
    if (changed) this.#options.onChange();
    if (step.transition === 'went-down') this.#options.onDown(backend, server);
    if (step.transition === 'went-up') this.#options.onUp(backend, server);
  }

  /** Shown and told of, once: without checks an operator must look. */
  #noteInconclusive(backend: number, server: number, result: CheckResult): void {
    const entry = this.entry(backend, server);
    const isNew = entry.result.status !== result.status;
    entry.result = result;
    if (!isNew) return;
    const message = checkLogged(this.#standing(backend, server), result, healthPlace(entry));
    this.#options.log(backend, message);
  }

  /** Traffic could not connect: passive health, as the server's check has it. */
  recordConnectFailure(backend: number, server: number): void {
    const entry = this.entry(backend, server);
    const { check } = entry.config;
    if (check === null || check.passive === null || isInMaintenance(entry)) return;
    const connects = this.#options.connects(backend, server);
    const inRow = connects === entry.connectsBefore ? entry.failedConnects : 0;
    entry.connectsBefore = connects;
    const step = stepPassive(check.passive, check.rise, entry.health, inRow);
    entry.failedConnects = step.errors;
    if (step.verdict === null) return;
    entry.failedAnalyses++;
    entry.health = step.verdict.health;
    this.recordCheck(backend, server, step.verdict.result);
  }

  /** `cause` goes into the log line: "('disable' on stats page)" with a leading space. */
  setAdmin(backend: number, server: number, admin: AdminState, cause = ''): void {
    const entry = this.entry(backend, server);
    const before = entry.admin;
    if (before === admin) return;
    const wasUp = isUp(entry) && entry.address !== null;
    const followers = this.#followersOf(entry);
    const inForce = adminOf(entry);
    this.#stamp(entry);
    if (admin === 'maint' && wasUp) entry.downTransitions++;
    if (before === 'maint') beginAnew(entry);
    entry.admin = admin;
    const cameUp = before === 'maint' && isServing(entry);
    if (cameUp) entry.warmsSinceMs = this.#options.now();
    const backendEmptied = this.#recount(backend);
    const standing = this.#standing(backend, server);
    const now = adminOf(entry);
    if (before === 'maint' && entry.address === null) {
      this.#options.log(backend, staysUnresolved(standing));
    } else if (now !== inForce) {
      this.#options.log(backend, adminChanged(standing, inForce, now, wasUp, cause));
    } else if (admin === 'drain' && now === 'drain') {
      // Little else to tell where a server that it follows asks for the same.
      this.#options.log(backend, remainsInDrain(standing));
    }
    this.#reportEmpty(backend, backendEmptied);
    this.#follow(followers);
    this.#options.onChange();
    if (admin === 'maint' && wasUp) this.#options.onDown(backend, server);
    if (cameUp) this.#options.onUp(backend, server);
  }

  /**
   * Its name leads elsewhere, or nowhere (null). `cause`: why it leads nowhere, or who said so, for the log. What is
   * known of the old place counts for nothing at the new one.
   */
  setAddress(backend: number, server: number, place: ServerAddress | null, cause: string): void {
    const entry = this.entry(backend, server);
    const before = entry.address;
    if (before?.host === place?.host && before?.port === place?.port) return;
    const wasServing = isServing(entry);
    const wasUp = isUp(entry) && before !== null;
    const followers = this.#followersOf(entry);
    this.#stamp(entry);
    if (place === null && wasServing) entry.downTransitions++;
    // Sessions to the old place end, if they do, before there are any to the new one.
    if (wasUp) this.#options.onDown(backend, server);
    entry.address = place;
    entry.addressLoss = place === null ? cause : '';
    if (place !== null) beginAnew(entry);
    const cameUp = !wasServing && isServing(entry);
    if (cameUp) entry.warmsSinceMs = this.#options.now();
    const backendEmptied = this.#recount(backend);
    const standing = this.#standing(backend, server);
    for (const message of addressMessages(standing, entry, before, wasUp, cause)) {
      this.#options.log(backend, message);
    }
    this.#reportEmpty(backend, backendEmptied);
    this.#follow(followers);
    this.#options.onChange();
    if (cameUp) this.#options.onUp(backend, server);
  }

  /** Whether a server is on its way to its full weight, and wants a new snapshot. */
  warms(): boolean {
    const now = this.#options.now();
    let warm = false;
    for (const { servers } of this.backends) {
      for (const entry of servers) {
        if (entry.warmsSinceMs === null) continue;
        warm = true;
        if (throttleOf(entry, now) === null) entry.warmsSinceMs = null;
      }
    }
    return warm;
  }

  /** 0..256. */
  setWeight(backend: number, server: number, weight: number): void {
    assert(Number.isInteger(weight) && weight >= 0 && weight <= WEIGHT_MAX, 'a weight is 0..256');
    const entry = this.entry(backend, server);
    entry.weight = weight === entry.config.weight ? null : weight;
    this.#reportEmpty(backend, this.#recount(backend));
    this.#options.onChange();
  }

  snapshot(): TrafficSnapshot {
    return this.#snapshotOf(this.#backends);
  }

  #snapshotOf(backends: readonly BackendEntry[]): TrafficSnapshot {
    this.#generation++;
    return {
      generation: this.#generation,
      backends: backends.map((backend) => snapshotBackend(backend, this.#options.now())),
    };
  }

  records(): readonly ServerStateRecord[] {
    return this.backends.flatMap(({ config, servers }) =>
      servers.map((entry) => ({
        backend: config.name,
        server: entry.config.name,
        admin: entry.admin,
        check: checkStateOf(entry),
        health: entry.health,
        ...(entry.stopping ? { stopping: true } : {}),
        ...(entry.config.resolution === undefined ? {} : { address: entry.address }),
        weight: entry.weight,
      })),
    );
  }

  /** Time out of service until now, ms. */
  downtimeMs(entry: ServerEntry): number {
    if (isServing(entry)) return entry.downtimeMs;
    return entry.downtimeMs + this.#options.now() - entry.changedAtMs;
  }

  /** Those whose state is that of `leader`, as they stand before it changes: near ones first. */
  #followersOf(leader: ServerEntry): readonly Follower[] {
    const near = this.backends.flatMap(({ servers }, backend) =>
      servers.flatMap((entry, server): Follower[] => {
        if (entry.leader !== leader) return [];
        return [{ backend, server, ...standOf(entry), downtimeMs: this.downtimeMs(entry) }];
      }),
    );
    const entries = near.map(({ backend, server }) => this.entry(backend, server));
    return [...near, ...entries.flatMap((entry) => this.#followersOf(entry))];
  }

  /** What they follow has changed, and so have they. */
  #follow(followers: readonly Follower[]): void {
    for (const before of followers) {
      const { backend, server } = before;
      const entry = this.entry(backend, server);
      const now = standOf(entry);
      const [wentDown, cameUp] = [before.serving && !now.serving, !before.serving && now.serving];
      const message = followedMessage(entry, before, now);
      if (message === null) continue;
      if (message === remainsInMaintenance || message === remainsInDrain) {
        this.#options.log(backend, message(this.#standing(backend, server)));
        continue;
      }
      entry.downtimeMs = before.downtimeMs;
      entry.changedAtMs = this.#options.now();
      if (wentDown) entry.downTransitions++;
      if (cameUp) entry.warmsSinceMs = this.#options.now();
      const emptied = this.#recount(backend);
      this.#options.log(backend, message(this.#standing(backend, server)));
      this.#reportEmpty(backend, emptied);
      if (wentDown) this.#options.onDown(backend, server);
      if (cameUp) this.#options.onUp(backend, server);
    }
  }

  #backend(index: number): BackendEntry {
    const backend = this.backends[index];
    assert(backend !== undefined, `backend ${index} exists`);
    return backend;
  }

  /** Forgets what checks of servers have counted; times out of service, and those of backends, go on. */
  clearCounts(): void {
    for (const entry of this.backends.flatMap(({ servers }) => servers)) {
      entry.failedChecks = 0;
      entry.failedAnalyses = 0;
      entry.downTransitions = 0;
    }
    this.#options.onChange();
  }

  /** Notes a change of the operational state; called before the change. */
  #stamp(entry: ServerEntry): void {
    entry.downtimeMs = this.downtimeMs(entry);
    entry.changedAtMs = this.#options.now();
  }

  /** Counts the usable servers again; whether the backend just lost its last one. */
  #recount(index: number): boolean {
    const backend = this.#backend(index);
    const hadAny = backend.usableActive + backend.usableBackup > 0;
    const counted = countUsable(backend.servers);
    const hasAny = counted.usableActive + counted.usableBackup > 0;
    const now = this.#options.now();
    if (hadAny !== hasAny) {
      if (hasAny) backend.downtimeMs += now - backend.changedAtMs;
      else backend.downTransitions++;
      backend.changedAtMs = now;
    }
    Object.assign(backend, counted);
    return hadAny && !hasAny;
  }

  /** What is new is told once, together with the other servers that have it. */
  #noteWarnings(
    backend: number,
    entry: ServerEntry,
    warnings: readonly string[] | undefined,
  ): void {
    if (warnings === undefined) return;
    const { name } = this.#backend(backend).config;
    for (const warning of warnings) {
      if (entry.warnings.includes(warning)) continue;
      this.#warnings.add(name, entry.config.name, warning, this.#options.now());
    }
    entry.warnings = warnings;
  }

  /** To be called about once a second: tells of warnings that have waited for company. */
  tellWarnings(): void {
    for (const warning of this.#warnings.due(this.#options.now())) {
      const backend = this.backends.findIndex(({ config }) => config.name === warning.backend);
      // It may have gone with a reload.
      if (backend !== -1) this.#options.log(backend, checkWarning(warning));
    }
  }

  #reportEmpty(backend: number, emptied: boolean): void {
    const { name, listen } = this.#backend(backend).config;
    if (emptied) this.#options.log(backend, noServerLeft(name, listen));
  }

  #standing(backend: number, server: number): Standing {
    const { config, usableActive, usableBackup } = this.#backend(backend);
    const entry = this.entry(backend, server);
    return {
      backend: config.name,
      server: entry.config.name,
      backup: entry.config.backup,
      usableActive,
      usableBackup,
      sessions: this.#options.sessions(backend, server),
    };
  }
}
