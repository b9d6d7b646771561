/**
 * The admin socket: HTTP over a unix socket in the run directory, for `evergate status` and for scripts
 * (`curl --unix-socket`). Only the guardian's own account may open it.
 */

import { chmodSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { StatusReport } from '../stats/status.ts';

/** Clients at one time; each answer is made within the balancer's report limit. */
const CONNECTIONS_MAX = 32;

const REQUEST_LIMIT_MS = 5000;

export type AdminServer = { close(): Promise<void> };

export async function openAdminServer(
  path: string,
  status: () => Promise<StatusReport>,
): Promise<AdminServer> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/v1/status') {
      reply(response, 404, { error: 'Not found; GET /v1/status is served here' });
      return;
    }
    status().then(
      (report) => reply(response, 200, report),
      (error: Error) => reply(response, 500, { error: error.message }),
    );
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.requestTimeout = REQUEST_LIMIT_MS;
  await listen(server, path);
  chmodSync(path, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}
