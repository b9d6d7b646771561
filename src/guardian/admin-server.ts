/**
 * The admin socket: HTTP over a unix socket in the run directory, for the subcommands and for scripts
 * (`curl --unix-socket`). Only the guardian's own account may open it.
 *
 *   GET  /v1/status                              the StatusReport
 *   POST /v1/reload                              what changed: { lines }; 409 when refused
 *   POST /v1/servers/BACKEND/SERVER/STATE        STATE: ready, drain or maint; of this node's balancer
 *   POST /v1/cluster/servers/BACKEND/SERVER/STATE   of all nodes' balancers: the ClusterAnswer
 *   POST /v1/node/STATE                          STATE: ready or drain; 409 when nobody takes over
 */

import { OperationalError } from '../core/errors.ts';
import { ADMIN_STATES } from '../health/server-state.ts';
import type { StatusReport } from '../stats/status.ts';
import type { ClusterAnswer, DrainAnswer } from './answers.ts';
import { type Answer, type HttpSocket, openSocket } from './http-socket.ts';
import type { ServerOrder } from './peers/peer-channel.ts';
import type { ReloadResult } from './reload.ts';

/** Clients at one time; each answer is made within the balancer's report limit. */
const CONNECTIONS_MAX = 32;

export type AdminHandlers = {
  status(): Promise<StatusReport>;
  reload(): Promise<ReloadResult>;
  /** null: done; otherwise what is wrong. */
  setServer(order: ServerOrder): Promise<string | null>;
  setServerEverywhere(order: ServerOrder): Promise<ClusterAnswer>;
  /** Throws OperationalError where the node stays as it is. */
  setDrained(drained: boolean): Promise<DrainAnswer>;
};

/** Throws OperationalError 'run-dir'. */
export function openAdminServer(path: string, handlers: AdminHandlers): Promise<HttpSocket> {
  return openSocket(path, CONNECTIONS_MAX, (method, url) => answer(method, url, handlers));
}

async function answer(method: string, url: string, handlers: AdminHandlers): Promise<Answer> {
  const [, version, collection, ...names] = url.split('/').map(decode);
  if (version === 'v1' && collection === 'status' && names.length === 0 && method === 'GET') {
    return { status: 200, body: await handlers.status() };
  }
  if (version === 'v1' && collection === 'reload' && names.length === 0 && method === 'POST') {
    const { applied, lines } = await handlers.reload();
    return { status: applied ? 200 : 409, body: { lines } };
  }
  if (version === 'v1' && collection === 'servers' && names.length === 3 && method === 'POST') {
    return setServer(names, handlers, false);
  }
  if (version === 'v1' && collection === 'cluster' && names.length === 4 && method === 'POST') {
    const [what, ...rest] = names;
    if (what === 'servers') return setServer(rest, handlers, true);
  }
  if (version === 'v1' && collection === 'node' && names.length === 1 && method === 'POST') {
    return setNode(names[0] ?? '', handlers);
  }
  const served =
    'GET /v1/status, POST /v1/reload, POST /v1/servers/BACKEND/SERVER/STATE, ' +
    'POST /v1/cluster/servers/BACKEND/SERVER/STATE and POST /v1/node/STATE are served here';
  return { status: 404, body: { error: `Not found; ${served}` } };
}

async function setServer(
  [backend = '', server = '', wanted]: readonly string[],
  handlers: AdminHandlers,
  everywhere: boolean,
): Promise<Answer> {
  const state = ADMIN_STATES.find((one) => one === wanted);
  if (state === undefined) {
    return { status: 400, body: { error: `"${wanted}" is none of ${ADMIN_STATES.join(', ')}` } };
  }
  const order = { backend, server, state };
  if (everywhere) {
    const answer = await handlers.setServerEverywhere(order);
    const error = answer.nodes[0]?.error ?? null;
    return error === null ? { status: 200, body: answer } : { status: 409, body: { error } };
  }
  const error = await handlers.setServer(order);
  return error === null ? { status: 200, body: {} } : { status: 409, body: { error } };
}

async function setNode(state: string, handlers: AdminHandlers): Promise<Answer> {
  if (state !== 'drain' && state !== 'ready') {
    return { status: 400, body: { error: `"${state}" is none of ready, drain` } };
  }
  try {
    return { status: 200, body: await handlers.setDrained(state === 'drain') };
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return { status: 409, body: { error: error.message } };
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
