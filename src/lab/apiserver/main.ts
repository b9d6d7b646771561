/**
 * A stand-in kube-apiserver: one process per node of the lab, TLS, every answer names its node (header
 * `x-node`, and in JSON). It is told what to be in its first argument, says {"kind":"ready"} over the
 * channel to the lab, and ends when that channel closes. Its faults are signals: SIGSTOP hangs it,
 * SIGKILL ends it, SIGUSR2 makes it not ready (it answers 500 to everything) and ready again.
 */

import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { answer, watchEvent } from './api.ts';

export type ApiserverOptions = {
  readonly node: string;
  readonly nodes: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly certificateFile: string;
  readonly keyFile: string;
};

export type ApiserverReady = { readonly kind: 'ready' };

const WATCH_INTERVAL_MS = 1000;
const WATCHES_MAX = 1000;
/** A watcher that does not read is cut off here, as kube-apiserver does. */
const WATCH_BACKLOG_MAX = 65_536;

function serve(options: ApiserverOptions): void {
  process.title = `evergate lab: apiserver ${options.node}`;
  const watches = new Set<ServerResponse>();
  let sequence = 0;
  let ready = true;
  process.on('SIGUSR2', () => {
    ready = !ready;
  });
  const server = createServer(
    { cert: readFileSync(options.certificateFile), key: readFileSync(options.keyFile) },
    (request, response) => {
      response.setHeader('x-node', options.node);
      if (!ready) {
        response.writeHead(500, { 'content-type': 'text/plain' }).end('not ready');
        return;
      }
      const result = answer(options.node, options.nodes, request.url ?? '/');
      if (result.kind !== 'watch') {
        const text = result.kind === 'text' ? result.body : JSON.stringify(result.body);
        const type = result.kind === 'text' ? 'text/plain' : 'application/json';
        response.writeHead(result.status, { 'content-type': type }).end(text);
      } else if (watches.size >= WATCHES_MAX) {
        response.writeHead(429).end();
      } else {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write(watchEvent(options.node, sequence));
        watches.add(response);
        response.on('close', () => watches.delete(response));
      }
    },
  );
  setInterval(() => {
    sequence += 1;
    for (const response of watches) {
      if (response.writableLength > WATCH_BACKLOG_MAX) response.destroy();
      else response.write(watchEvent(options.node, sequence));
    }
  }, WATCH_INTERVAL_MS);
  server.on('tlsClientError', () => {
    // A health check that only connects, or a client that left: nothing to answer.
  });
  server.listen({ host: options.host, port: options.port, backlog: 1024 }, () => {
    process.send?.({ kind: 'ready' } satisfies ApiserverReady);
  });
}

process.on('disconnect', () => process.exit(0));
serve(JSON.parse(process.argv[2] ?? '{}'));
