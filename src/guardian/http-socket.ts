/** HTTP on a unix socket of the run directory: JSON out, nothing in. */

import type { Server, ServerResponse } from 'node:http';
import { dirname } from 'node:path';
import { nodeHttp } from '../builtins.ts';
import { runDirError } from './run-dir.ts';

const REQUEST_LIMIT_MS = 5000;

export type HttpSocket = { close(): Promise<void> };

export type Answer = { readonly status: number; readonly body: unknown };

/** Only our account may open it. Throws OperationalError 'run-dir'. */
export async function openSocket(
  path: string,
  connectionsMax: number,
  answerTo: (method: string, url: string) => Promise<Answer>,
): Promise<HttpSocket> {
  const server = nodeHttp().createServer((request, response) => {
    // Nothing that is served here takes a body.
    request.resume();
    answerTo(request.method ?? '', request.url ?? '').then(
      ({ status, body }) => reply(response, status, body),
      (error: Error) => reply(response, 500, { error: error.message }),
    );
  });
  server.maxConnections = connectionsMax;
  server.requestTimeout = REQUEST_LIMIT_MS;
  await listen(server, path).catch((error: Error) => {
    throw runDirError(dirname(path), error);
  });
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

/** Only our account may open it, from its first moment on: listen() makes it before it returns. */
function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const umask = process.umask(0o177);
    try {
      server.listen(path, resolve);
    } finally {
      process.umask(umask);
    }
  });
}
