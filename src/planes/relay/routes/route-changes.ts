/**
 * Where a new configuration leaves what an old one named: which frontend a session's frontend is now, and
 * which server of that frontend's backend its server. What is in neither place has gone, and so have its
 * sessions; everything else goes on.
 */

import type { BackendSnapshot } from '../../../balance/snapshot.ts';
import type { BalancerConfig } from '../../../config/model/config.ts';
import type { BindConfig, FrontendConfig, ServerConfig } from '../../../config/model/traffic.ts';

/** Indexes by indexes of the old configuration; -1: gone. */
export type RouteChanges = {
  readonly frontends: readonly number[];
  /** By old frontend, then old server of its backend: the server in the new frontend's backend. */
  readonly servers: readonly (readonly number[])[];
};

type Proxies = Pick<BalancerConfig, 'frontends' | 'backends'>;

/** With the addresses that names lead to at the moment. */
export function locate(
  { frontends, backends }: Proxies,
  snapshots: readonly BackendSnapshot[],
): Proxies {
  return {
    frontends,
    backends: backends.map((backend, index) => ({
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
  const servers = before.frontends.map((frontend, index) => {
    const successors = serversOf(after, after.frontends[frontends[index] ?? -1]);
    return serversOf(before, frontend).map((server) => findServer(server, successors));
  });
  return { frontends, servers };
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

function serversOf({ backends }: Proxies, frontend: FrontendConfig | undefined) {
  return backends.find(({ name }) => name === frontend?.backend)?.servers ?? [];
}

function placeOf({ address }: BindConfig): string {
  return address.kind === 'unix' ? address.path : `${address.host} ${address.port}`;
}
