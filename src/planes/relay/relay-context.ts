/**
 * What the parts of one relay share: its tables, its counters, and what it holds of the kernel. Built once,
 * before the parts are. Each part gets it whole, and beside it the parts that it tells what to do.
 */

import { assert } from '../../core/assert.ts';
import { EventQueue } from '../../linux/epoll.ts';
import { pipesOfRelay } from './capacity.ts';
import { counterLayout } from './counting/counter-layout.ts';
import { Counters } from './counting/counters.ts';
import type { RelayStart } from './messages.ts';
import { DescriptorReserve } from './opening/descriptor-reserve.ts';
import { WaitingLines } from './opening/waiting-lines.ts';
import { buildRoutes, type Routes } from './routes/routes.ts';
import { ConnectionLogWriter } from './sessions/connection-log-writer.ts';
import { SocketTable } from './sessions/socket-table.ts';
import { TimingWheel } from './sessions/timing-wheel.ts';
import { BufferPool, PipePool } from './transfer/transfer-buffers.ts';

/** Events taken per turn. */
const EVENTS_MAX = 256;

/** What a relay tells the thread it runs on. */
export type RelayReports = {
  /** A server did not take a connect. */
  readonly connectFailed: (backend: string, server: string, reason: string) => void;
  /** Called during work that may take long: the loop still turns. */
  readonly beat: () => void;
};

export type RelayContext = RelayReports & {
  /** Its number; rotating algorithms begin there. */
  readonly relay: number;
  /** How many there are. */
  readonly relays: number;
  /** RLIMIT_NOFILE. */
  readonly filesMax: number;
  /** ms, monotonic; set by the loop once per turn. */
  readonly clock: { now: number };
  readonly table: SocketTable;
  readonly routes: Routes;
  readonly counters: Counters;
  readonly wheel: TimingWheel;
  readonly lines: WaitingLines;
  readonly queue: EventQueue;
  readonly buffers: BufferPool;
  readonly pipes: PipePool;
  readonly reserve: DescriptorReserve;
  readonly logs: ConnectionLogWriter;
};

/** `now`: ms on the relay's clock. What it opens, the relay's close() closes. */
export function buildRelayContext(
  start: RelayStart,
  now: number,
  reports: RelayReports,
): RelayContext {
  const { config, snapshot, relay, filesMax } = start;
  const own = start.counters[relay];
  assert(own !== undefined, 'a relay has counters');
  const relays = start.counters.length;
  const share = { relay, relays };
  const routes = buildRoutes(config, counterLayout(config), snapshot.backends, share, start);
  const counters = new Counters(start.counters, own);
  const table = new SocketTable(filesMax, routes.serversMax);
  const targets = config.frontends.flatMap(({ log }) => log.targets);
  return {
    ...reports,
    relay,
    relays,
    filesMax,
    clock: { now },
    table,
    routes,
    counters,
    wheel: new TimingWheel(table.size, now),
    lines: new WaitingLines(table.size, routes.lines),
    queue: new EventQueue(EVENTS_MAX),
    buffers: new BufferPool(),
    pipes: new PipePool(pipesOfRelay(filesMax, relays)),
    reserve: new DescriptorReserve(),
    logs: new ConnectionLogWriter(targets, () => counters.add(routes.relay.logsDropped, 1)),
  };
}
