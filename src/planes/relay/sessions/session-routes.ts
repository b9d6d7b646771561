/** Which frontend, backend and servers a session has: the table keeps indexes into the routes. */

import { assert } from '../../../core/assert.ts';
import type { RelayContext } from '../relay-context.ts';
import type { Backend, Frontend, Server } from '../routes/routes.ts';

type Context = Pick<RelayContext, 'table' | 'routes'>;

export function frontendOf({ table, routes }: Context, session: number): Frontend {
  const frontend = routes.frontends[(table.frontend[session] ?? 0) - 1];
  assert(frontend !== undefined, 'a session has a frontend');
  return frontend;
}

/** null: it has not been led anywhere yet. */
export function chosenBackend({ table, routes }: Context, session: number): Backend | null {
  return routes.backends[(table.backend[session] ?? 0) - 1] ?? null;
}

export function backendOf(context: Context, session: number): Backend {
  const backend = chosenBackend(context, session);
  assert(backend !== null, 'a session that looks for a server has a backend');
  return backend;
}

export function serverOf(context: Context, session: number): Server | null {
  const index = context.table.server[session] ?? 0;
  return index === 0 ? null : (backendOf(context, session).servers[index - 1] ?? null);
}

/** The second server of a race. */
export function rivalOf(context: Context, session: number): Server | null {
  const index = context.table.rivalServer[session] ?? 0;
  return index === 0 ? null : (backendOf(context, session).servers[index - 1] ?? null);
}
