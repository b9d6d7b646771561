/**
 * The configuration as the relay's loop wants it: indexes instead of names, counter offsets instead of
 * keys, server addresses encoded once, absent timeouts as Infinity.
 */

import { createPicker } from '../../balance/create-picker.ts';
import type { Picker } from '../../balance/picker.ts';
import type { BackendSnapshot } from '../../balance/snapshot.ts';
import type {
  BackendConfig,
  BalancerConfig,
  FrontendConfig,
  ServerConfig,
} from '../../config/model.ts';
import { assert } from '../../core/assert.ts';
import { addressOf, pinnedBuffer } from '../../linux/libc.ts';
import { AF_INET, AF_INET6, encodeSocketAddress } from '../../linux/sockets.ts';
import {
  BACKEND_COUNTERS,
  type BackendCounter,
  type CounterLayout,
  FRONTEND_COUNTERS,
  type FrontendCounter,
  RELAY_COUNTERS,
  type RelayCounter,
  SERVER_COUNTERS,
  type ServerCounter,
} from '../../stats/layout.ts';

type Offsets<Name extends string> = Readonly<Record<Name, number>>;

export type Server = {
  readonly config: ServerConfig;
  readonly index: number;
  readonly family: number;
  /** Memory address and length of its struct sockaddr. */
  readonly address: number;
  readonly addressBytes: number;
  readonly counters: Offsets<ServerCounter>;
  /** ms; when the last connect-failed event went to the main thread. */
  reportedAt: number;
};

export type Backend = {
  readonly config: BackendConfig;
  readonly index: number;
  readonly servers: readonly Server[];
  readonly counters: Offsets<BackendCounter>;
  readonly connectTimeoutMs: number;
  readonly serverTimeoutMs: number;
  readonly serverFinTimeoutMs: number;
  /** NaN: no tunnel timeout. */
  readonly tunnelTimeoutMs: number;
  snapshot: BackendSnapshot;
  picker: Picker;
};

export type Frontend = {
  readonly config: FrontendConfig;
  readonly index: number;
  readonly backend: Backend;
  readonly counters: Offsets<FrontendCounter>;
  readonly clientTimeoutMs: number;
  readonly clientFinTimeoutMs: number;
  readonly logs: boolean;
};

export type Routes = {
  readonly frontends: readonly Frontend[];
  readonly backends: readonly Backend[];
  readonly relay: Offsets<RelayCounter>;
  readonly serversMax: number;
};

/** `phase`: where rotating algorithms begin (the relay's number). */
export function buildRoutes(
  config: BalancerConfig,
  layout: CounterLayout,
  snapshots: readonly BackendSnapshot[],
  phase: number,
): Routes {
  const backends = config.backends.map((backend, index) => {
    const snapshot = snapshots[index];
    assert(snapshot !== undefined, 'the snapshot covers every backend');
    return buildBackend(backend, index, layout, snapshot, phase);
  });
  const frontends = config.frontends.map((frontend, index): Frontend => {
    const backend = backends.find(({ config }) => config.name === frontend.backend);
    assert(backend !== undefined, `backend "${frontend.backend}" exists`);
    const clientTimeoutMs = limit(frontend.clientTimeoutMs);
    return {
      config: frontend,
      index,
      backend,
      counters: offsets(FRONTEND_COUNTERS, layout.frontends[index] ?? 0),
      clientTimeoutMs,
      clientFinTimeoutMs: limit(frontend.clientFinTimeoutMs ?? frontend.clientTimeoutMs),
      logs: frontend.log.targets.length > 0,
    };
  });
  const serversMax = Math.max(0, ...backends.map(({ servers }) => servers.length));
  return { frontends, backends, relay: offsets(RELAY_COUNTERS, layout.relay), serversMax };
}

function buildBackend(
  config: BackendConfig,
  index: number,
  layout: CounterLayout,
  snapshot: BackendSnapshot,
  phase: number,
): Backend {
  const servers = config.servers.map((server, position): Server => {
    const kind = server.host.includes(':') ? 'ipv6' : 'ipv4';
    const encoded = encodeSocketAddress({ kind, host: server.host, port: server.port });
    const pinned = pinnedBuffer(4096);
    encoded.copy(pinned);
    return {
      config: server,
      index: position,
      family: kind === 'ipv6' ? AF_INET6 : AF_INET,
      address: addressOf(pinned),
      addressBytes: encoded.length,
      counters: offsets(SERVER_COUNTERS, layout.servers[index]?.[position] ?? 0),
      reportedAt: Number.NEGATIVE_INFINITY,
    };
  });
  return {
    config,
    index,
    servers,
    counters: offsets(BACKEND_COUNTERS, layout.backends[index] ?? 0),
    connectTimeoutMs: limit(config.connectTimeoutMs),
    serverTimeoutMs: limit(config.serverTimeoutMs),
    serverFinTimeoutMs: limit(config.serverFinTimeoutMs ?? config.serverTimeoutMs),
    tunnelTimeoutMs: config.tunnelTimeoutMs === null ? Number.NaN : limit(config.tunnelTimeoutMs),
    snapshot,
    picker: createPicker(config.balance, config.servers, snapshot, phase),
  };
}

/** Swaps a backend's servers' states in; an unchanged one keeps its place in the rotation. */
export function applyBackend(backend: Backend, snapshot: BackendSnapshot, phase: number): void {
  const same = snapshot.servers.every((server, index) => {
    const old = backend.snapshot.servers[index];
    return old?.usable === server.usable && old.weight === server.weight;
  });
  if (same) return;
  backend.snapshot = snapshot;
  backend.picker = createPicker(backend.config.balance, backend.config.servers, snapshot, phase);
}

/** 0 in the configuration means no limit. */
function limit(timeoutMs: number): number {
  return timeoutMs === 0 ? Number.POSITIVE_INFINITY : timeoutMs;
}

function offsets<Name extends string>(names: readonly Name[], block: number): Offsets<Name> {
  const entries = names.map((name, index): [Name, number] => [name, block + index]);
  return Object.fromEntries(entries) as Record<Name, number>;
}
