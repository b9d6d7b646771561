/** The lab's side of its client process: start it, hand it the host's ports, read its reports. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import {
  type ClientConfig,
  type ClientReport,
  type FromClient,
  NO_REQUESTS,
  type ToClient,
} from './client/messages.ts';
import { LabError } from './lab-error.ts';
import type { Service } from './service.ts';
import { waitUntil } from './wait-until.ts';

const ANSWER_BOUND_MS = 20_000;

export class LabClient {
  readonly service: Service;
  onReport: (report: ClientReport) => void = () => undefined;
  #report: ClientReport = NO_REQUESTS;
  #marks = 0;
  #send: (message: ToClient, handle?: Server) => Promise<void> = async () => undefined;

  constructor(service: Service) {
    this.service = service;
  }

  get report(): ClientReport {
    return this.#report;
  }

  async start(): Promise<void> {
    const child = this.service.start();
    this.#send = (message, handle) =>
      new Promise((resolve, reject) => {
        child.send(message, handle, undefined, (error) => {
          if (error === null) resolve();
          else reject(new LabError(`The lab's client does not listen: ${error.message}`));
        });
      });
    const ready = Promise.withResolvers<void>();
    child.on('message', (message: FromClient) => {
      if (message.kind === 'ready') ready.resolve();
      else {
        this.#report = message.report;
        this.onReport(message.report);
      }
    });
    const ended = once(child, 'exit').then(() => {
      throw new LabError(`The lab's client ended: ${this.service.tail(10).join(' / ')}`);
    });
    // Later ends are told by the service.
    ended.catch(() => undefined);
    await Promise.race([ready.promise, ended]);
  }

  /** Begins to make requests. */
  load(config: ClientConfig): Promise<void> {
    return this.#send({ kind: 'start', config });
  }

  /** The figures "since the mark" begin now; resolves when report() shows them. */
  mark(): Promise<void> {
    return this.#markWith('mark');
  }

  /** All figures begin now; resolves when report() shows them. */
  reset(): Promise<void> {
    return this.#markWith('reset');
  }

  async #markWith(kind: 'mark' | 'reset'): Promise<void> {
    this.#marks += 1;
    const marks = this.#marks;
    await this.#send({ kind });
    const bound = { what: "the lab's client to answer", boundMs: ANSWER_BOUND_MS, everyMs: 2 };
    await waitUntil(() => this.#report.marks >= marks, bound);
  }

  /**
   * Makes `host:port` inside reachable from outside; resolves with the port on the host's 127.0.0.1:
   * `preferredPort`, or any when that one is taken.
   */
  async forward(host: string, port: number, preferredPort: number): Promise<number> {
    const server = createServer();
    await listen(server, preferredPort).catch(() => listen(server, 0));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new LabError('No port on 127.0.0.1');
    await this.#send({ kind: 'forward', host, port }, server);
    // The client holds the socket now; this process must not accept from it, too.
    server.close();
    return address.port;
  }
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
}
