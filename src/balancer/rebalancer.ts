/**
 * Moves connections back to servers that returned: reads the counters for the decision of
 * balance/rebalance.ts and hands its orders to the data plane.
 */

import {
  REBALANCE_START,
  type RebalanceEffect,
  type RebalanceInput,
  type RebalanceState,
  stepRebalance,
} from '../balance/rebalance.ts';
import type { BackendConfig } from '../config/model/traffic.ts';
import { LEVEL_NOTICE, type ServerMessage } from '../health/server-events.ts';
import type { MovingPlane } from './plane-abilities.ts';
import { isUsable, weightOf } from './servers/server-entry.ts';
import type { ServerTable } from './servers/server-table.ts';

export type RebalancerOptions = {
  readonly table: ServerTable;
  readonly plane: MovingPlane;
  /** Monotonic, ms. */
  now(): number;
  /** 0 up to, but without, 1. */
  random(): number;
  log(backend: number, message: ServerMessage): void;
};

export class Rebalancer {
  readonly #options: RebalancerOptions;
  #states: RebalanceState[];
  readonly #timers: (NodeJS.Timeout | undefined)[] = [];

  constructor(options: RebalancerOptions) {
    this.#options = options;
    this.#states = options.table.backends.map(() => REBALANCE_START);
  }

  /** Looks which servers have returned; to be called about once a second. */
  findReturned(): void {
    for (const backend of this.#options.table.backends.keys()) {
      // One that waits for its time looks by itself then.
      if (this.#states[backend]?.run?.plan == null) this.#step(backend);
    }
  }

  /** The table has other backends now. What was under way goes on only where nothing about it has changed. */
  reconfigure(before: readonly BackendConfig[]): void {
    const states = new Map(before.map((config, index) => [identity(config), this.#states[index]]));
    this.stop();
    this.#states = this.#options.table.backends.map(
      ({ config }) => states.get(identity(config)) ?? REBALANCE_START,
    );
    for (const [backend, { run }] of this.#states.entries())
      if (run?.plan != null) this.#step(backend);
  }

  stop(): void {
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
  }

  #step(backend: number): void {
    const { table, now } = this.#options;
    const config = table.backends[backend]?.config;
    const state = this.#states[backend];
    if (config?.rebalance === undefined || state === undefined) return;
    const step = stepRebalance(state, this.#input(backend), config.rebalance);
    this.#states[backend] = step.state;
    for (const effect of step.effects) this.#apply(backend, config, effect);
    clearTimeout(this.#timers[backend]);
    if (step.wakeAt === null) return;
    const delayMs = Math.max(0, step.wakeAt - now());
    this.#timers[backend] = setTimeout(() => this.#step(backend), delayMs);
  }

  #input(backend: number): RebalanceInput {
    const { table, plane, now, random } = this.#options;
    const entries = table.backends[backend]?.servers ?? [];
    const servers = entries.map((entry, server) => ({
      usable: isUsable(entry),
      backup: entry.config.backup,
      weight: weightOf(entry),
      warming: entry.warmsSinceMs !== null && entry.config.slowstartMs !== undefined,
      sessionsMax: entry.config.connectionsMax,
      sessions: plane.counters.server(backend, server, 'sessionsCurrent'),
    }));
    const moved = entries.reduce(
      (sum, _, server) => sum + plane.counters.server(backend, server, 'rebalanced'),
      0,
    );
    return { servers, moved, now: now(), random: random() };
  }

  #apply(backend: number, config: BackendConfig, effect: RebalanceEffect): void {
    const { plane, log } = this.#options;
    switch (effect.kind) {
      case 'begin': {
        const names = effect.returned.map((server) => config.servers[server]?.name).join(', ');
        const text =
          `Rebalancing ${config.name}: moving ${effect.count} of ${effect.sessions} connections ` +
          `to ${names} over about ${Math.max(1, Math.round(effect.durationMs / 1000))} s.`;
        log(backend, { level: LEVEL_NOTICE, text });
        return;
      }
      case 'move': {
        const { server, keep, acceptedBefore } = effect;
        plane.moveSession({ backend, server, keep, acceptedBefore });
        return;
      }
      case 'end': {
        const text = `Rebalanced ${config.name}: ${effect.moved} of ${effect.count} connections moved.`;
        log(backend, { level: LEVEL_NOTICE, text });
        return;
      }
    }
  }
}

/** A run names servers by their places. */
function identity({ name, rebalance, servers }: BackendConfig): string {
  return JSON.stringify([name, rebalance, servers.map((server) => server.name)]);
}
