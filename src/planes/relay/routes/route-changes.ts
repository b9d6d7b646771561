/**
 * Where a new configuration leaves what an old one named: which frontend a session's frontend is now, which of
 * that frontend's backends its backend, and which server of that one its server. What is in none of these places
 * has gone, and so have its sessions; everything else goes on.
 */

import type { BackendSnapshot } from '../../../balance/snapshot.ts';
import { isSameTable } from '../../../balance/source-table.ts';
import type { BalancerConfig } from '../../../config/model/config.ts';
import {
  type BindConfig,
  type FrontendConfig,
  type ServerConfig,
  targetsOf,
} from '../../../config/model/traffic.ts';

/** Indexes by indexes of the old configuration; -1: gone. */
export type RouteChanges = {
  readonly frontends: readonly number[];
  /** By old frontend, then old backend. */
  readonly backends: readonly (readonly number[])[];
  /** By old frontend, old backend, then old server: the server in the new backend. */
  readonly servers: readonly (readonly (readonly number[])[])[];
  /** By old source table: the one that goes on with what it has counted. */
  readonly tables: readonly number[];
};

type Proxies = Pick<BalancerConfig, 'frontends' | 'backends' | 'tables'>;

/** With the addresses that names lead to at the moment. */
export function locate(proxies: Proxies, snapshots: readonly BackendSnapshot[]): Proxies {
  return {
    ...proxies,
    backends: proxies.backends.map((backend, index) => ({
      ...backend,
      servers: backend.servers.map((server, position) => ({
        ...server,
        ...snapshots[index]?.servers[position]?.address,
      })),
    })),
  };
}

export function routeChanges(before: Proxies, after: Proxies): RouteChanges {
  const frontends = before.frontends.map((frontend) => findFrontend(frontend, after));
  const backends = before.frontends.map((frontend, index) => {
    const successor = after.frontends[frontends[index] ?? -1];
    const targets = targetsOf(frontend);
    return before.backends.map(({ name }) =>
      successor !== undefined && targets.includes(name) ? findBackend(name, successor, after) : -1,
    );
  });
  const servers = backends.map((successors) =>
    before.backends.map((backend, index) => {
      const next = after.backends[successors[index] ?? -1]?.servers ?? [];
      return backend.servers.map((server) => findServer(server, next));
    }),
  );
  const tables = (before.tables ?? []).map(
    (table) => after.tables?.findIndex((one) => isSameTable(one, table)) ?? -1,
  );
  return { frontends, backends, servers, tables };
}

/** The one of its name, as long as the frontend may lead there; else that of all clients. */
function findBackend(name: string, successor: FrontendConfig, { backends }: Proxies): number {
  const target = targetsOf(successor).includes(name) ? name : successor.backend;
  return backends.findIndex((backend) => backend.name === target);
}

/** By its name; a frontend without its name goes on where one of its addresses is. */
function findFrontend(frontend: FrontendConfig, { frontends }: Proxies): number {
  const named = frontends.findIndex(({ name }) => name === frontend.name);
  if (named !== -1) return named;
  const places = new Set(frontend.binds.map(placeOf));
  return frontends.findIndex(({ binds }) => binds.some((bind) => places.has(placeOf(bind))));
}

/** A connection is to an address: a server of the same name elsewhere is another one. */
function findServer(server: ServerConfig, servers: readonly ServerConfig[]): number {
  const same = (other: ServerConfig) => other.host === server.host && other.port === server.port;
  const named = servers.findIndex((other) => other.name === server.name && same(other));
  return named === -1 ? servers.findIndex(same) : named;
}

function placeOf({ address }: BindConfig): string {
  return address.kind === 'unix' ? address.path : `${address.host} ${address.port}`;
}
