/** The stats pages and runtime sockets of one balancer, on the sockets it inherited. */

import type { Server as HttpServer } from 'node:http';
import type { Server } from 'node:net';
import type { BalancerConfig } from '../../config/model/config.ts';
import type { HttpFrontendConfig } from '../../config/model/traffic.ts';
import type { InheritedListener } from '../../contracts/listeners.ts';
import { assert } from '../../core/assert.ts';
import { duplicate } from '../../linux/descriptor-channel.ts';
import { LISTEN_BACKLOG } from '../../linux/sockets.ts';
import type { AdminContext } from './context.ts';
import { clearHttpCounts, type HttpProxyCounts, newHttpProxyCounts } from './http-counts.ts';
import { createRuntimeSocket } from './runtime-socket.ts';
import { createHttpFrontend } from './stats-page.ts';

type Service = {
  readonly server: Server | HttpServer;
  /** What it was made from: it stays as long as this does. */
  readonly made: string;
};

export class AdminSurface {
  readonly #context: AdminContext;
  readonly #services = new Map<number, Service>();
  #config: BalancerConfig;
  #counts: readonly HttpProxyCounts[];

  constructor(config: BalancerConfig, context: AdminContext) {
    this.#config = config;
    this.#context = context;
    this.#counts = config.httpFrontends.map(newHttpProxyCounts);
  }

  /** By the HTTP frontend's index. */
  get counts(): readonly HttpProxyCounts[] {
    return this.#counts;
  }

  /** Of pages: their peaks, or `all` that they have counted. */
  clearCounts(all: boolean): void {
    for (const counts of this.#counts) clearHttpCounts(counts, all);
  }

  /** Other pages and sockets are wanted: listen() must be told where. Counters stay, by name. */
  reconfigure(config: BalancerConfig): void {
    const before = new Map(
      this.#config.httpFrontends.map(({ name }, index) => [name, this.#counts[index]]),
    );
    this.#config = config;
    this.#counts = config.httpFrontends.map(({ name }) => before.get(name) ?? newHttpProxyCounts());
  }

  /**
   * Serves the sockets that are ours, each through a descriptor of its own, and no others; rejects when one
   * cannot be used. What is served already, in the same way, goes on undisturbed.
   */
  async listen(listeners: readonly InheritedListener[]): Promise<void> {
    const wanted = new Map(
      listeners
        .filter(({ purpose }) => purpose.kind !== 'frontend')
        .map((listener) => [listener.id, listener]),
    );
    for (const [id, service] of this.#services) {
      const listener = wanted.get(id);
      if (listener !== undefined && service.made === this.#recipe(listener)) wanted.delete(id);
      else this.#end(id, service);
    }
    for (const [id, listener] of wanted) {
      const server = this.#create(listener);
      this.#services.set(id, { server, made: this.#recipe(listener) });
      await listening(server, duplicate(listener.fd));
    }
  }

  /** Stops listening and drops every client. */
  close(): void {
    for (const [id, service] of this.#services) {
      this.#end(id, service);
      if ('closeAllConnections' in service.server) service.server.closeAllConnections();
    }
  }

  /** Clients that are being answered get their answer. */
  #end(id: number, { server }: Service): void {
    this.#services.delete(id);
    server.close();
    if ('closeIdleConnections' in server) server.closeIdleConnections();
  }

  #create({ purpose }: InheritedListener): Server | HttpServer {
    assert(purpose.kind !== 'frontend', 'the relays serve frontends');
    if (purpose.kind === 'stats-socket') return createRuntimeSocket(purpose.level, this.#context);
    const { frontend, counts } = this.#frontend(purpose.frontend);
    return createHttpFrontend(frontend, counts, this.#context);
  }

  #recipe({ purpose }: InheritedListener): string {
    if (purpose.kind !== 'http') return JSON.stringify(purpose);
    const { frontend } = this.#frontend(purpose.frontend);
    return JSON.stringify({ ...frontend, binds: [] });
  }

  #frontend(name: string): { frontend: HttpFrontendConfig; counts: HttpProxyCounts } {
    const index = this.#config.httpFrontends.findIndex((one) => one.name === name);
    const frontend = this.#config.httpFrontends[index];
    const counts = this.#counts[index];
    assert(frontend !== undefined && counts !== undefined, `HTTP frontend "${name}" is configured`);
    return { frontend, counts };
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
