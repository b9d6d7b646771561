/**
 * The configuration as the relay's loop wants it: indexes instead of names, counter offsets instead of
 * keys, server addresses encoded once, absent timeouts as Infinity.
 */

import { AdmissionWindow } from '../../../balance/admission.ts';
import { algorithmOf } from '../../../balance/algorithms.ts';
import { AnswerEstimate } from '../../../balance/answer-estimate.ts';
import type { ConditionNames } from '../../../balance/conditions/compile-condition.ts';
import {
  type CompiledInspection,
  type CompiledRoute,
  type CompiledRule,
  compileInspection,
  compileRoutes,
  compileRules,
} from '../../../balance/conditions/rules.ts';
import { createPicker } from '../../../balance/create-picker.ts';
import { HedgeBudget } from '../../../balance/hedge-budget.ts';
import type { Picker } from '../../../balance/picker.ts';
import type { BackendSnapshot, ServerAddress } from '../../../balance/snapshot.ts';
import { SourceRate } from '../../../balance/source-rate.ts';
import { SourceCounts } from '../../../balance/source-table.ts';
import { createStickyPicker, StickTable } from '../../../balance/stick-table.ts';
import type { BalancerConfig } from '../../../config/model/config.ts';
import type {
  BackendConfig,
  FrontendConfig,
  KeepaliveConfig,
  ServerConfig,
} from '../../../config/model/traffic.ts';
import { assert } from '../../../core/assert.ts';
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
import type { RelayStart } from '../messages.ts';
import {
  type EncodedAddress,
  encodedAddress,
  encodedSource,
  type ForeignSource,
  foreignSource,
} from './encoded-addresses.ts';

type Offsets<Name extends string> = Readonly<Record<Name, number>>;

/** Without an address, it is not chosen. */
export type Server = EncodedAddress & {
  readonly config: ServerConfig;
  readonly index: number;
  /** Where connections come from, likewise; null: as the kernel chooses. */
  readonly source: EncodedAddress | null;
  /** Whose address it sees in place of `source`; null: nobody else's. */
  readonly foreign: ForeignSource | null;
  readonly counters: Offsets<ServerCounter>;
  /** null: as the kernel has it. */
  readonly liveness: Liveness | null;
  /** Its waiting line; -1: none of its own. */
  readonly line: number;
  /** Of connects and first flights. */
  readonly answers: AnswerEstimate;
  /** null: as many may wait for it as come. */
  readonly admission: AdmissionWindow | null;
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
  /** Whether what a client says first is read before its bytes flow: somebody has to know when it is answered. */
  readonly readsFlights: boolean;
  hedges: HedgeBudget;
  /** Some server may have no room: it has a limit of connections, or of clients that wait for an answer. */
  readonly limited: boolean;
  /** A client has one server: it waits for that one, where another algorithm takes any with room. */
  readonly sticky: boolean;
  readonly line: number;
  /** Servers are told who a client is. */
  readonly namesClients: boolean;
  /** null: sources stick to no server. */
  readonly stick: StickTable | null;
  /** null: everybody may come who was led here. */
  readonly inspection: CompiledInspection | null;
  snapshot: BackendSnapshot;
  picker: Picker;
};

export type Frontend = {
  readonly config: FrontendConfig;
  readonly index: number;
  /** Of clients that no route leads elsewhere. */
  readonly backend: Backend;
  readonly routes: readonly CompiledRoute[];
  /** Whether a route asks for what a client says. */
  readonly routesListen: boolean;
  readonly counters: Offsets<FrontendCounter>;
  readonly clientTimeoutMs: number;
  readonly clientFinTimeoutMs: number;
  readonly logs: boolean;
  /** Whether the client's address is kept. */
  readonly keepsAddress: boolean;
  readonly liveness: Liveness;
  readonly acceptProxy: boolean;
  readonly connectionRules: readonly CompiledRule[];
  readonly sessionRules: readonly CompiledRule[];
  /** null: nothing is asked of what clients say. */
  readonly inspection: CompiledInspection | null;
  /** null: without limit. */
  rate: SourceRate | null;
};

/** One object for the life of a relay; a new configuration replaces what is in it. */
export type Routes = {
  config: BalancerConfig;
  layout: CounterLayout;
  frontends: readonly Frontend[];
  backends: readonly Backend[];
  /** By their index in the configuration. */
  tables: readonly SourceCounts[];
  relay: Offsets<PlaneCounter>;
  serversMax: number;
  /** Waiting lines, numbered from 0. */
  lines: number;
};

/** What all relays share: memory of stick tables by backend, of source tables by table and relay. */
export type TableMemory = Pick<RelayStart, 'sticks' | 'tables'>;

/** `relay`: rotating algorithms begin there. `relays`: those that share the servers. */
export function buildRoutes(
  config: BalancerConfig,
  layout: CounterLayout,
  snapshots: readonly BackendSnapshot[],
  { relay: phase, relays }: { readonly relay: number; readonly relays: number },
  { sticks, tables: memories }: TableMemory,
): Routes {
  const tables = (config.tables ?? []).map((table, index) => {
    const memory = memories[index];
    assert(memory !== undefined, 'a source table has memory');
    return new SourceCounts(table, memory, phase);
  });
  const names: ConditionNames = {
    backends: config.backends.map(({ name }) => name),
    tables: (config.tables ?? []).map(({ name }) => name),
  };
  let lines = 0;
  const takeLine = (): number => lines++;
  const backends = config.backends.map((backend, index) => {
    const snapshot = snapshots[index];
    assert(snapshot !== undefined, 'the snapshot covers every backend');
    const memory = sticks[index] ?? null;
    const idleMs = backend.stickySources?.idleMs ?? 0;
    const stick = memory === null ? null : new StickTable(memory, idleMs);
    const inspection = compileInspection(backend.inspection, names);
    const shared = { layout, relays, takeLine };
    return {
      ...buildBackend(backend, index, shared, snapshot, phase, stick),
      inspection,
    };
  });
  const frontends = config.frontends.map((frontend, index): Frontend => {
    const counters = offsets(FRONTEND_COUNTERS, layout.frontends[index] ?? 0);
    return buildFrontend(frontend, index, counters, backends, names);
  });
  const serversMax = Math.max(0, ...backends.map(({ servers }) => servers.length));
  const relay = offsets(PLANE_COUNTERS, layout.plane);
  return { config, layout, frontends, backends, tables, relay, serversMax, lines };
}

function buildFrontend(
  config: FrontendConfig,
  index: number,
  counters: Frontend['counters'],
  backends: readonly Backend[],
  names: ConditionNames,
): Frontend {
  const backend = backends.find((one) => one.config.name === config.backend);
  assert(backend !== undefined, `backend "${config.backend}" exists`);
  const routes = compileRoutes(config.routes ?? [], names);
  const sessionRules = compileRules(config.sessionRules ?? [], names);
  const inspection = compileInspection(config.inspection, names);
  const targets = [backend, ...routes.flatMap((route) => backends[route.backend] ?? [])];
  const judges =
    sessionRules.length > 0 ||
    routes.length > 0 ||
    [inspection, ...targets.map((target) => target.inspection)].some((each) => each !== null);
  const logs = config.log.targets.length > 0;
  return {
    config,
    index,
    backend,
    routes,
    routesListen: routes.some(({ when }) => when.listens),
    counters,
    clientTimeoutMs: limit(config.clientTimeoutMs),
    clientFinTimeoutMs: limit(config.clientFinTimeoutMs ?? config.clientTimeoutMs),
    logs,
    keepsAddress: logs || judges || targets.some(({ namesClients }) => namesClients),
    liveness: livenessOf(config.keepalive, config.userTimeoutMs),
    acceptProxy: config.acceptProxy ?? false,
    connectionRules: compileRules(config.connectionRules ?? [], names),
    sessionRules,
    inspection,
    rate:
      config.sourceRate === undefined
        ? null
        : new SourceRate(config.sourceRate.connections, config.sourceRate.periodMs),
  };
}

/** What backends are built from beside their own. */
type Shared = {
  readonly layout: CounterLayout;
  readonly relays: number;
  readonly takeLine: () => number;
};

function buildBackend(
  config: BackendConfig,
  index: number,
  { layout, relays, takeLine }: Shared,
  snapshot: BackendSnapshot,
  phase: number,
  stick: StickTable | null,
): Omit<Backend, 'inspection'> {
  const { admission } = config;
  const isLimited = ({ connectionsMax }: ServerConfig): boolean =>
    connectionsMax > 0 || admission !== undefined;
  const limited = config.servers.some(isLimited);
  const sticky = algorithmOf(config.balance.kind).keepsServer;
  const servers = config.servers.map((server, position): Server => {
    return {
      config: server,
      index: position,
      ...encodedAddress(config.name, server, addressIn(snapshot, position, server)),
      source: encodedSource(server),
      foreign: foreignSource(server),
      counters: offsets(SERVER_COUNTERS, layout.servers[index]?.[position] ?? 0),
      liveness:
        config.keepalive === undefined && server.userTimeoutMs === undefined
          ? null
          : livenessOf(config.keepalive, server.userTimeoutMs),
      line: sticky && isLimited(server) ? takeLine() : -1,
      answers: new AnswerEstimate(),
      admission: admission === undefined ? null : new AdmissionWindow(admission, relays),
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
    readsFlights: admission !== undefined || ((config.hedgeAfterMs ?? 0) > 0 && servers.length > 1),
    hedges: new HedgeBudget(),
    limited,
    sticky,
    line: takeLine(),
    namesClients: config.servers.some(
      ({ sendProxy, transparent }) => sendProxy !== undefined || transparent?.kind === 'client',
    ),
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

/** As HAProxy counts them (`nbsrv`): backups only where no other is left, and then those that clients get. */
export function usableServers({ config, snapshot }: Backend): number {
  let active = 0;
  let backup = 0;
  for (const [index, { usable, weight }] of snapshot.servers.entries()) {
    if (!usable || weight === 0) continue;
    if (config.servers[index]?.backup === true) backup++;
    else active++;
  }
  return active || (config.allBackups === true ? backup : Math.min(backup, 1));
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
  { balance, servers, allBackups }: BackendConfig,
  snapshot: BackendSnapshot,
  phase: number,
  stick: StickTable | null,
): Picker {
  const picker = createPicker(balance, servers, snapshot, phase, allBackups);
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
