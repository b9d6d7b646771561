/** Runs the health checks: one timer or one running check per server, never both and never more. */

import type { BackendConfig, CheckConfig } from '../../config/model.ts';
import { assert } from '../../core/assert.ts';
import { firstCheckDelayMs, hintStartsCheck, nextCheckDelayMs } from '../../health/schedule.ts';
import type { CheckResult } from '../../health/server-state.ts';
import type { Check } from './check.ts';
import { createCheck } from './create-check.ts';

/** What the checker needs of the server table. */
export type CheckedServers = {
  health(backend: number, server: number): number;
  inMaintenance(backend: number, server: number): boolean;
  recordCheck(backend: number, server: number, result: CheckResult): void;
};

type Probe = {
  readonly backend: number;
  readonly server: number;
  readonly config: CheckConfig;
  readonly check: Check;
  running: boolean;
  timer: NodeJS.Timeout | null;
  startedAt: number;
};

export class Checker {
  readonly #servers: CheckedServers;
  /** By "backend/server" index. */
  readonly #probes = new Map<string, Probe>();

  constructor(backends: readonly BackendConfig[], servers: CheckedServers) {
    this.#servers = servers;
    for (const [backend, { servers: members }] of backends.entries()) {
      for (const [server, { check, host, port }] of members.entries()) {
        if (check === null) continue;
        this.#probes.set(`${backend}/${server}`, {
          backend,
          server,
          config: check,
          check: createCheck(check, { host: check.host ?? host, port: check.port ?? port }),
          running: false,
          timer: null,
          startedAt: Number.NEGATIVE_INFINITY,
        });
      }
    }
  }

  start(): void {
    for (const probe of this.#probes.values()) {
      this.#schedule(probe, firstCheckDelayMs(probe.config, Math.random()));
    }
  }

  /** Traffic failed to connect, or an operator brought the server back: look now. */
  checkSoon(backend: number, server: number): void {
    const probe = this.#probes.get(`${backend}/${server}`);
    if (probe === undefined || probe.timer === null) return;
    if (!hintStartsCheck(performance.now() - probe.startedAt)) return;
    clearTimeout(probe.timer);
    this.#run(probe);
  }

  stop(): void {
    for (const probe of this.#probes.values()) {
      if (probe.timer !== null) clearTimeout(probe.timer);
      probe.check.close();
      probe.timer = null;
      probe.running = false;
    }
    this.#probes.clear();
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
  }

  #finish(probe: Probe, result: CheckResult): void {
    probe.running = false;
    const { backend, server } = probe;
    // An operator may have put the server into maintenance while the check ran.
    if (!this.#servers.inMaintenance(backend, server)) {
      this.#servers.recordCheck(backend, server, result);
    }
    if (!this.#probes.has(`${backend}/${server}`)) return;
    const sinceStartMs = performance.now() - probe.startedAt;
    const health = this.#servers.health(backend, server);
    this.#schedule(probe, nextCheckDelayMs(probe.config, health, sinceStartMs));
  }
}
