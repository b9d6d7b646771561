/** The stats pages and runtime sockets of one balancer, on the sockets it inherited. */

import type { Server as HttpServer } from 'node:http';
import type { Server } from 'node:net';
import type { BalancerConfig } from '../../config/model.ts';
import { assert } from '../../core/assert.ts';
import { LISTEN_BACKLOG } from '../../linux/sockets.ts';
import type { InheritedListener } from '../data-plane.ts';
import type { AdminContext } from './context.ts';
import { type HttpProxyCounts, newHttpProxyCounts } from './http-counts.ts';
import { createRuntimeSocket } from './runtime-socket.ts';
import { createHttpFrontend } from './stats-page.ts';

export class AdminSurface {
  /** By the HTTP frontend's index. */
  readonly counts: readonly HttpProxyCounts[];
  readonly #config: BalancerConfig;
  readonly #context: AdminContext;
  readonly #http: HttpServer[] = [];
  readonly #sockets: Server[] = [];

  constructor(config: BalancerConfig, context: AdminContext) {
    this.#config = config;
    this.#context = context;
    this.counts = config.httpFrontends.map(newHttpProxyCounts);
  }

  /** Serves the inherited sockets that are ours; rejects when one cannot be used. */
  async listen(listeners: readonly InheritedListener[]): Promise<void> {
    for (const { fd, purpose } of listeners) {
      if (purpose.kind === 'http') await this.#serveHttp(fd, purpose.frontend);
      if (purpose.kind === 'stats-socket') {
        const server = createRuntimeSocket(purpose.level, this.#context);
        this.#sockets.push(server);
        await listening(server, fd);
      }
    }
  }

  /** Stops listening and drops every client. */
  close(): void {
    for (const server of this.#http.splice(0)) {
      server.close();
      server.closeAllConnections();
    }
    for (const server of this.#sockets.splice(0)) server.close();
  }

  async #serveHttp(fd: number, name: string): Promise<void> {
    const index = this.#config.httpFrontends.findIndex((frontend) => frontend.name === name);
    const frontend = this.#config.httpFrontends[index];
    const counts = this.counts[index];
    assert(frontend !== undefined && counts !== undefined, `HTTP frontend "${name}" is configured`);
    const server = createHttpFrontend(frontend, counts, this.#context);
    this.#http.push(server);
    await listening(server, fd);
  }
}

function listening(server: Server, fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // Node listens again, and takes a backlog for a descriptor only as an argument, not as an option.
    server.listen({ fd }, LISTEN_BACKLOG, () => {
      server.off('error', reject);
      // Accepting can fail for want of descriptors; the next connection tries again.
      server.on('error', () => {});
      resolve();
    });
  });
}
