/** What the log says about a session: a line when it begins, or one when it has ended. */

import { lastAddress, localAddress } from '../../../linux/stream-calls.ts';
import {
  acceptDate,
  connectLine,
  type TerminationCode,
  tcplogLine,
} from '../../../stats/connection-log.ts';
import type { RelayContext } from '../relay-context.ts';
import type { Backend, Frontend, Server } from '../routes/routes.ts';
import { chosenBackend, frontendOf } from './session-routes.ts';
import { PEER_ADDRESS_BYTES, type SocketTable } from './socket-table.ts';
import { socketText } from './socket-text.ts';

type Context = Pick<RelayContext, 'table' | 'routes' | 'counters' | 'logs' | 'clock'>;

/** Keeps the address of a client that was just accepted: it is in lastAddress. */
export function noteAddress({ table }: Context, client: number, frontend: Frontend): void {
  if (frontend.logs) table.acceptedWall[client] = Date.now();
  const start = client * PEER_ADDRESS_BYTES;
  for (let at = 0; at < PEER_ADDRESS_BYTES; at++) {
    table.address[start + at] = lastAddress[at] ?? 0;
  }
  // Of an earlier life of the descriptor.
  if (table.destination[start] !== 0) table.destination[start] = 0;
}

/** The line at the beginning of a session, once its client is known. */
export function logBegin({ table, logs }: Context, client: number, frontend: Frontend): void {
  const { log, name } = frontend.config;
  if (log.format !== 'connect') return;
  const start = client * PEER_ADDRESS_BYTES;
  const source = socketText(table.address, start);
  const named = table.destination[start] !== 0;
  if (!named) localAddress(client);
  const target = named ? socketText(table.destination, start) : socketText(lastAddress, 0);
  logs.write(log.targets, connectLine(source, target, name), table.acceptedWall[client] ?? 0);
}

/** The line at the end of a session. */
export function logEnd(
  context: Context,
  session: number,
  server: Server | null,
  termination: TerminationCode,
): void {
  const { table, routes, counters, logs, clock } = context;
  const frontend = frontendOf(context, session);
  const { log, name } = frontend.config;
  if (log.format !== 'tcplog') return;
  if (log.dontLogNull && table.bytes[session] === 0) return;
  const backend = chosenBackend(context, session);
  const acceptedWall = table.acceptedWall[session] ?? 0;
  const attempts = table.attempts[session] ?? 0;
  const last = server ?? (backend === null ? null : lastTried(table, session, backend));
  const waitedMs = table.waitedMs[session] ?? 0;
  const connectMs = table.connectMs[session] ?? -1;
  const line = tcplogLine({
    client: socketText(table.address, session * PEER_ADDRESS_BYTES),
    acceptDate: acceptDate(logs.timeAt(acceptedWall), Math.floor(acceptedWall % 1000)),
    frontend: name,
    backend: backend?.config.name ?? name,
    server: last?.config.name ?? null,
    waitMs: last === null ? -1 : Math.floor(waitedMs),
    connectMs: connectMs === -1 ? -1 : Math.floor(Math.max(0, connectMs - waitedMs)),
    totalMs: Math.floor(clock.now - (table.acceptedAt[session] ?? 0)),
    bytes: table.bytes[table.peer[session] ?? 0] ?? 0,
    termination,
    connections: counters.sum(routes.relay.connectionsCurrent),
    frontendConnections: counters.sum(frontend.counters.connectionsCurrent),
    backendConnections: backend === null ? 0 : counters.sum(backend.counters.sessionsCurrent),
    serverConnections: last === null ? 0 : counters.sum(last.counters.sessionsCurrent),
    retries: Math.max(0, attempts - 1),
  });
  logs.write(log.targets, line, Date.now());
}

/** The log names a server also when every connect failed: any of those tried. */
function lastTried(table: SocketTable, session: number, backend: Backend): Server | null {
  for (const server of backend.servers) {
    if (table.isTried(session, server.index)) return server;
  }
  return null;
}
