/**
 * The configuration as the relay's loop wants it: indexes instead of names, counter offsets instead of
 * keys, server addresses encoded once, absent timeouts as Infinity.
 */

import { algorithmOf } from '../../../balance/algorithms.ts';
import { AnswerEstimate } from '../../../balance/answer-estimate.ts';
import { createPicker } from '../../../balance/create-picker.ts';
import { HedgeBudget } from '../../../balance/hedge-budget.ts';
import type { Picker } from '../../../balance/picker.ts';
import type { BackendSnapshot, ServerAddress } from '../../../balance/snapshot.ts';
import { SourceRate } from '../../../balance/source-rate.ts';
import { SourceRules } from '../../../balance/source-rules.ts';
import { createStickyPicker, StickTable } from '../../../balance/stick-table.ts';
import type { BalancerConfig } from '../../../config/model/config.ts';
import type {
  BackendConfig,
  FrontendConfig,
  KeepaliveConfig,
  ServerConfig,
} from '../../../config/model/traffic.ts';
import { assert } from '../../../core/assert.ts';
import { addressOf, pinnedBuffer } from '../../../linux/libc.ts';
import { AF_INET, AF_INET6, encodeSocketAddress } from '../../../linux/sockets.ts';
import type { Liveness } from '../../../linux/stream-calls.ts';
import type {
  BackendCounter,
  FrontendCounter,
  PlaneCounter,
  ServerCounter,
} from '../../../stats/catalogue.ts';
import {
  BACKEND_COUNTERS,
  type CounterLayout,
  FRONTEND_COUNTERS,
  PLANE_COUNTERS,
  SERVER_COUNTERS,
} from '../counting/counter-layout.ts';

type Offsets<Name extends string> = Readonly<Record<Name, number>>;

export type Server = {
  readonly config: ServerConfig;
  readonly index: number;
  /** Memory address and length of its struct sockaddr; 0: it has none, and is not chosen. */
  family: number;
  address: number;
  addressBytes: number;
  readonly counters: Offsets<ServerCounter>;
  /** null: as the kernel has it. */
  readonly liveness: Liveness | null;
  /** Its waiting line; -1: none of its own. */
  readonly line: number;
  /** Of connects and first flights. */
  readonly answers: AnswerEstimate;
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
  readonly queueTimeoutMs: number;
  /** 0: never. */
  readonly hedgeConnectMs: number;
  readonly hedgeAfterMs: number;
  /** New connections go past a server that others wait for so long; 0: they do not. */
  readonly sidestepMs: number;
  hedges: HedgeBudget;
  /** Some server has a limit of connections. */
  readonly limited: boolean;
  /** A client has one server: it waits for that one, where another algorithm takes any with room. */
  readonly sticky: boolean;
  readonly line: number;
  readonly sendsProxy: boolean;
  /** null: sources stick to no server. */
  readonly stick: StickTable | null;
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
  /** Whether the client's address is kept. */
  readonly keepsAddress: boolean;
  readonly liveness: Liveness;
  readonly acceptProxy: boolean;
  /** null: everybody may connect. */
  readonly rules: SourceRules | null;
  /** null: without limit. */
  rate: SourceRate | null;
};

/** One object for the life of a relay; a new configuration replaces what is in it. */
export type Routes = {
  config: BalancerConfig;
  layout: CounterLayout;
  frontends: readonly Frontend[];
  backends: readonly Backend[];
  relay: Offsets<PlaneCounter>;
  serversMax: number;
  /** Waiting lines, numbered from 0. */
  lines: number;
};

/** `phase`: where rotating algorithms begin (the relay's number). */
export function buildRoutes(
  config: BalancerConfig,
  layout: CounterLayout,
  snapshots: readonly BackendSnapshot[],
  phase: number,
  sticks: readonly (SharedArrayBuffer | null)[],
): Routes {
  let lines = 0;
  const takeLine = (): number => lines++;
  const backends = config.backends.map((backend, index) => {
    const snapshot = snapshots[index];
    assert(snapshot !== undefined, 'the snapshot covers every backend');
    const memory = sticks[index] ?? null;
    const idleMs = backend.stickySources?.idleMs ?? 0;
    const stick = memory === null ? null : new StickTable(memory, idleMs);
    return buildBackend(backend, index, layout, snapshot, phase, takeLine, stick);
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
      keepsAddress: frontend.log.targets.length > 0 || backend.sendsProxy,
      liveness: livenessOf(frontend.keepalive, frontend.userTimeoutMs),
      acceptProxy: frontend.acceptProxy ?? false,
      rules: frontend.sources === undefined ? null : new SourceRules(frontend.sources),
      rate:
        frontend.sourceRate === undefined
          ? null
          : new SourceRate(frontend.sourceRate.connections, frontend.sourceRate.periodMs),
    };
  });
  const serversMax = Math.max(0, ...backends.map(({ servers }) => servers.length));
  const relay = offsets(PLANE_COUNTERS, layout.plane);
  return { config, layout, frontends, backends, relay, serversMax, lines };
}

function buildBackend(
  config: BackendConfig,
  index: number,
  layout: CounterLayout,
  snapshot: BackendSnapshot,
  phase: number,
  takeLine: () => number,
  stick: StickTable | null,
): Backend {
  const limited = config.servers.some((server) => server.connectionsMax > 0);
  const sticky = algorithmOf(config.balance.kind).keepsServer;
  const servers = config.servers.map((server, position): Server => {
    return {
      config: server,
      index: position,
      ...encodedAddress(config.name, server, addressIn(snapshot, position, server)),
      counters: offsets(SERVER_COUNTERS, layout.servers[index]?.[position] ?? 0),
      liveness:
        config.keepalive === undefined && server.userTimeoutMs === undefined
          ? null
          : livenessOf(config.keepalive, server.userTimeoutMs),
      line: sticky && server.connectionsMax > 0 ? takeLine() : -1,
      answers: new AnswerEstimate(),
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
    queueTimeoutMs: limit(config.queueTimeoutMs ?? config.connectTimeoutMs),
    hedgeConnectMs: config.hedgeConnectMs ?? 0,
    hedgeAfterMs: config.hedgeAfterMs ?? 0,
    sidestepMs: sticky || stick !== null ? 0 : sidestepMs(config),
    hedges: new HedgeBudget(),
    limited,
    sticky,
    line: takeLine(),
    sendsProxy: config.servers.some((server) => server.sendProxy !== undefined),
    stick,
    snapshot,
    picker: pickerOf(config, snapshot, phase, stick),
  };
}

/** What a client that is hedged has waited at least. */
function sidestepMs({ hedgeConnectMs = 0, hedgeAfterMs = 0 }: BackendConfig): number {
  const waits = [hedgeConnectMs, hedgeAfterMs].filter((ms) => ms > 0);
  return waits.length === 0 ? 0 : Math.min(...waits);
}

/** Where a server is by a snapshot, or else by its configuration; null: nowhere. */
function addressIn(
  snapshot: BackendSnapshot | undefined,
  index: number,
  { host, port }: ServerConfig,
): ServerAddress | null {
  const { address } = snapshot?.servers[index] ?? {};
  return address === undefined ? { host, port } : address;
}

type EncodedAddress = Pick<Server, 'family' | 'address' | 'addressBytes'>;

const NOWHERE: EncodedAddress = { family: AF_INET, address: 0, addressBytes: 0 };

/** Kept for good, so that a configuration read again and again takes no more memory. */
const encodedAddresses = new Map<
  string,
  { readonly memory: Buffer; text: string; bytes: number }
>();

/** A server with a name has memory of its own, however many addresses the name leads to over time. */
function encodedAddress(
  backend: string,
  { name, resolution }: ServerConfig,
  place: ServerAddress | null,
): EncodedAddress {
  if (place === null) return NOWHERE;
  const { host, port } = place;
  const text = `${host} ${port}`;
  const key = resolution === undefined ? text : `${backend}/${name}`;
  const known = encodedAddresses.get(key) ?? { memory: pinnedBuffer(4096), text: '', bytes: 0 };
  encodedAddresses.set(key, known);
  const kind = host.includes(':') ? 'ipv6' : 'ipv4';
  if (known.text !== text) {
    const encoded = encodeSocketAddress({ kind, host, port });
    encoded.copy(known.memory);
    Object.assign(known, { text, bytes: encoded.length });
  }
  return {
    family: kind === 'ipv6' ? AF_INET6 : AF_INET,
    address: addressOf(known.memory),
    addressBytes: known.bytes,
  };
}

/** Swaps a backend's servers' states in; an unchanged one keeps its place in the rotation. */
export function applyBackend(backend: Backend, snapshot: BackendSnapshot, phase: number): void {
  for (const server of backend.servers) {
    if (server.config.resolution === undefined) continue;
    const place = addressIn(snapshot, server.index, server.config);
    Object.assign(server, encodedAddress(backend.config.name, server.config, place));
  }
  const before = backend.snapshot;
  backend.snapshot = snapshot;
  const same = snapshot.servers.every((server, index) => {
    const old = before.servers[index];
    return (
      old?.usable === server.usable &&
      old.weight === server.weight &&
      old.throttle === server.throttle
    );
  });
  if (same) return;
  backend.picker = pickerOf(backend.config, snapshot, phase, backend.stick);
}

function pickerOf(
  { balance, servers }: BackendConfig,
  snapshot: BackendSnapshot,
  phase: number,
  stick: StickTable | null,
): Picker {
  const picker = createPicker(balance, servers, snapshot, phase);
  if (stick === null) return picker;
  const usable = snapshot.servers.map((server) => server.usable && server.weight > 0);
  return createStickyPicker(picker, stick, usable);
}

function livenessOf(keepalive: KeepaliveConfig | undefined, userTimeoutMs = 0): Liveness {
  const seconds = (ms: number | null | undefined): number => Math.ceil((ms ?? 0) / 1000);
  return {
    keepalive: keepalive !== undefined,
    idleS: seconds(keepalive?.idleMs),
    intervalS: seconds(keepalive?.intervalMs),
    probes: keepalive?.probes ?? 0,
    userTimeoutMs,
  };
}

/** 0 in the configuration means no limit. */
function limit(timeoutMs: number): number {
  return timeoutMs === 0 ? Number.POSITIVE_INFINITY : timeoutMs;
}

function offsets<Name extends string>(names: readonly Name[], block: number): Offsets<Name> {
  const entries = names.map((name, index): [Name, number] => [name, block + index]);
  return Object.fromEntries(entries) as Record<Name, number>;
}
