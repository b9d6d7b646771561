/** Runs the health checks: one timer or one running check per server, never both and never more. */

import type { ServerAddress } from '../../balance/snapshot.ts';
import type { BackendConfig } from '../../config/model/traffic.ts';
import { assert } from '../../core/assert.ts';
import type { CheckConfig } from '../../health/kinds/check-kinds.ts';
import { Patience, waitsOn } from '../../health/patience.ts';
import { firstCheckDelayMs, hintStartsCheck, nextCheckDelayMs } from '../../health/schedule.ts';
import type { CheckResult } from '../../health/server-state.ts';
import type { ApartChecks } from './apart-checks.ts';
import type { Check, CheckTarget } from './check.ts';
import { createCheck } from './create-check.ts';

/** What the checker needs of the server table. */
export type CheckedServers = {
  health(backend: number, server: number): number;
  inMaintenance(backend: number, server: number): boolean;
  /** null: nowhere, which is a maintenance. */
  address(backend: number, server: number): ServerAddress | null;
  recordCheck(backend: number, server: number, result: CheckResult): void;
  /** Bytes that traffic has had of it, since some time. */
  heard(backend: number, server: number): number;
};

type Plan = {
  /** Indexes in the configuration of now. */
  backend: number;
  server: number;
  readonly names: { readonly backend: string; readonly server: string };
  readonly config: CheckConfig;
  readonly target: CheckTarget;
};

type Probe = Plan & {
  readonly check: Check;
  readonly patience: Patience;
  running: boolean;
  /** Of the next run; of the one under way, when it is looked after. */
  timer: NodeJS.Timeout | null;
  startedAt: number;
  ended: boolean;
};

export class Checker {
  readonly #servers: CheckedServers;
  /** Of those that need a secret. */
  readonly #apart: ApartChecks;
  /** By the names of backend and server. */
  #probes: ReadonlyMap<string, Probe>;
  #started = false;

  constructor(backends: readonly BackendConfig[], servers: CheckedServers, apart: ApartChecks) {
    this.#servers = servers;
    this.#apart = apart;
    const plans = [...this.#plansOf(backends)];
    this.#probes = new Map(plans.map(([name, plan]) => [name, this.#newProbe(plan)]));
  }

  start(): void {
    this.#started = true;
    for (const probe of this.#probes.values()) this.#begin(probe);
  }

  /** Other backends: checks that stay as they are go on, others begin anew or end. */
  reconfigure(backends: readonly BackendConfig[]): void {
    const before = this.#probes;
    const next = new Map<string, Probe>();
    for (const [name, plan] of this.#plansOf(backends)) {
      const known = before.get(name);
      const stays = known !== undefined && isSame(known, plan);
      next.set(name, stays ? Object.assign(known, plan) : this.#newProbe(plan));
    }
    this.#probes = next;
    for (const [name, probe] of before) if (next.get(name) !== probe) end(probe);
    if (!this.#started) return;
    for (const [name, probe] of next) if (before.get(name) !== probe) this.#begin(probe);
  }

  /** Traffic failed to connect, or an operator brought the server back: look now. */
  checkSoon(backend: number, server: number): void {
    const probe = [...this.#probes.values()].find(
      (one) => one.backend === backend && one.server === server,
    );
    if (probe === undefined || probe.running || probe.timer === null) return;
    if (!hintStartsCheck(performance.now() - probe.startedAt)) return;
    clearTimeout(probe.timer);
    this.#run(probe);
  }

  /** A server is elsewhere now: what its check does or keeps is about the old place. */
  retarget(backend: number, server: number): void {
    const found = [...this.#probes].find(
      ([, one]) => one.backend === backend && one.server === server,
    );
    const place = this.#servers.address(backend, server);
    if (found === undefined || place === null) return;
    const [name, old] = found;
    const { config, names } = old;
    end(old);
    const target = targetOf(config, place, old.target.localAddress);
    const probe = this.#newProbe({ backend, server, names, config, target });
    this.#probes = new Map(this.#probes).set(name, probe);
    if (this.#started) this.#schedule(probe, 0);
  }

  stop(): void {
    for (const probe of this.#probes.values()) end(probe);
    this.#probes = new Map();
  }

  #plansOf(backends: readonly BackendConfig[]): ReadonlyMap<string, Plan> {
    const plans = new Map<string, Plan>();
    for (const [backend, { name, servers }] of backends.entries()) {
      for (const [server, { name: serverName, check, host, port, source }] of servers.entries()) {
        if (check === null) continue;
        // A server that is nowhere is in maintenance and not checked.
        const place = this.#servers.address(backend, server) ?? { host, port };
        const target = targetOf(check, place, source);
        const names = { backend: name, server: serverName };
        plans.set(`${name}/${serverName}`, { backend, server, names, config: check, target });
      }
    }
    return plans;
  }

  #newProbe(plan: Plan): Probe {
    const { config, target, names } = plan;
    return {
      ...plan,
      check:
        config.apart === true
          ? this.#apart.create(names.backend, names.server, target)
          : createCheck(config, target),
      patience: new Patience(),
      running: false,
      timer: null,
      startedAt: Number.NEGATIVE_INFINITY,
      ended: false,
    };
  }

  #begin(probe: Probe): void {
    this.#schedule(probe, firstCheckDelayMs(probe.config, Math.random()));
  }

  #schedule(probe: Probe, delayMs: number): void {
    assert(!probe.running, 'a server is checked by one check at a time');
    probe.timer = setTimeout(() => this.#run(probe), delayMs);
  }

  #run(probe: Probe): void {
    probe.timer = null;
    if (this.#servers.inMaintenance(probe.backend, probe.server)) {
      probe.check.close();
      this.#schedule(probe, probe.config.intervalMs);
      return;
    }
    probe.startedAt = performance.now();
    probe.running = true;
    probe.check.run((result) => this.#finish(probe, result));
    this.#hurry(probe);
  }

  /** A server that is up and hangs is not given all of a check's time. */
  #hurry(probe: Probe): void {
    const { config, patience, backend, server } = probe;
    const isUp = this.#servers.health(backend, server) >= config.rise;
    if (config.learnsPatience !== true || !isUp || patience.ms === null) return;
    const heardBefore = this.#servers.heard(backend, server);
    const dueAt = performance.now() + patience.ms;
    const patienceMs = patience.ms;
    probe.timer = setTimeout(() => {
      const lateMs = performance.now() - dueAt;
      // An answer that waits for us is read first.
      probe.timer = setTimeout(() => {
        if (!probe.running) return;
        probe.timer = null;
        const heard = this.#servers.heard(probe.backend, probe.server) !== heardBefore;
        if (waitsOn({ heard, lateMs }, patienceMs)) this.#hurry(probe);
        else probe.check.expire();
      });
    }, patienceMs);
  }

  #finish(probe: Probe, result: CheckResult): void {
    probe.running = false;
    if (probe.timer !== null) clearTimeout(probe.timer);
    probe.timer = null;
    if (result.passed) probe.patience.learn(result.durationMs);
    const { backend, server } = probe;
    // An operator may have put the server into maintenance while the check ran.
    if (!this.#servers.inMaintenance(backend, server)) {
      this.#servers.recordCheck(backend, server, result);
    }
    if (probe.ended) return;
    const sinceStartMs = performance.now() - probe.startedAt;
    const health = this.#servers.health(backend, server);
    this.#schedule(probe, nextCheckDelayMs(probe.config, health, sinceStartMs));
  }
}

/** A check may look elsewhere than where the traffic goes. */
function targetOf(
  { host, port }: CheckConfig,
  place: ServerAddress,
  source: string | undefined,
): CheckTarget {
  return {
    host: host ?? place.host,
    port: port ?? place.port,
    ...(source === undefined ? {} : { localAddress: source }),
  };
}

function isSame(one: Plan, other: Plan): boolean {
  const text = ({ config, target }: Plan) => JSON.stringify([config, target]);
  return text(one) === text(other);
}

function end(probe: Probe): void {
  if (probe.timer !== null) clearTimeout(probe.timer);
  probe.check.close();
  probe.timer = null;
  probe.running = false;
  probe.ended = true;
}
