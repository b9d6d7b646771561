/**
 * Pokes clients of another node, whose connections went with it, at a bounded rate: those that lost one connect again, and
 * are not to do it all at once.
 */

import { nodeCrypto } from '../../builtins.ts';
import { readIpAddress } from '../../core/ip-address.ts';
import { errorName, SystemError } from '../../linux/errno.ts';
import { pinnedBuffer } from '../../linux/libc.ts';
import { RawSender } from '../../linux/raw-socket.ts';
import type { Log } from '../log.ts';
import type { ClientKey } from './client-list.ts';
import type { ClientService } from './client-message.ts';
import { POKE_BYTES_MAX, writePoke } from './poke-packet.ts';

/** Clients a second. */
const POKES_PER_SECOND = 10_000;
const TICK_MS = 10;
/** In one turn, after one that was late. */
const BURST_MAX = 500;
/**
 * ms after the first: a packet may be lost, or come before the network knows where the VIP is now. A client's kernel answers
 * no more than one such packet of a connection in half a second (Linux: tcp_invalid_ratelimit).
 */
const ROUNDS_MS = [0, 600, 1200, 3000];
/** Services at once: those of all nodes. */
const JOBS_MAX = 256;

type Job = {
  readonly service: ClientService;
  /** Of the clients' sight, where more than one leads to the service. */
  readonly ports: readonly number[];
  readonly clients: readonly ClientKey[];
  readonly beganAt: number;
  round: number;
  next: number;
};

export class Poker {
  readonly #isOurs: (service: ClientService, client: ClientKey) => boolean;
  readonly #log: Log;
  readonly #packet = pinnedBuffer(POKE_BYTES_MAX);
  readonly #senders = new Map<boolean, RawSender>();
  #jobs: Job[] = [];
  #timer: NodeJS.Timeout | null = null;
  #lastAt = 0;
  #sent = 0;
  #failed = 0;
  /** Of the last that could not be sent. */
  #why = '';

  /** `isOurs`: whether this node has that very connection, opened meanwhile. */
  constructor(isOurs: (service: ClientService, client: ClientKey) => boolean, log: Log) {
    this.#isOurs = isOurs;
    this.#log = log;
  }

  /** Packets, since the start; those that this machine refused are none. */
  get sent(): number {
    return this.#sent;
  }

  /** How many packets could not be sent since the start, and why; null: all could. */
  get problem(): string | null {
    if (this.#failed === 0) return null;
    return `${this.#failed} pokes could not be sent: ${this.#why}`;
  }

  poke(service: ClientService, ports: readonly number[], clients: readonly ClientKey[]): void {
    if (clients.length === 0 || this.#jobs.length >= JOBS_MAX) return;
    this.#jobs.push({ service, ports, clients, beganAt: performance.now(), round: 0, next: 0 });
    if (this.#timer !== null) return;
    this.#lastAt = performance.now() - TICK_MS;
    this.#turn();
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#jobs = [];
    for (const sender of this.#senders.values()) sender.close();
    this.#senders.clear();
  }

  #turn(): void {
    const now = performance.now();
    let left = Math.min(BURST_MAX, Math.ceil(((now - this.#lastAt) * POKES_PER_SECOND) / 1000));
    this.#lastAt = now;
    for (const job of this.#jobs) {
      if (left === 0) break;
      if (now >= job.beganAt + (ROUNDS_MS[job.round] ?? 0)) left = this.#work(job, left);
    }
    this.#jobs = this.#jobs.filter(({ round }) => round < ROUNDS_MS.length);
    this.#timer = this.#jobs.length === 0 ? null : setTimeout(() => this.#turn(), TICK_MS);
  }

  /** Returns what is left of `most`. */
  #work(job: Job, most: number): number {
    let left = most;
    // Others in each round: one that happens to fit a client's is answered by nobody.
    const numbers = {
      sequence: nodeCrypto().randomInt(2 ** 32),
      acknowledgment: nodeCrypto().randomInt(2 ** 32),
    };
    for (; job.next < job.clients.length && left > 0; job.next += 1) {
      const client = job.clients[job.next] ?? '';
      if (this.#isOurs(job.service, client)) continue;
      for (const port of job.ports) {
        const { vip } = job.service;
        const length = writePoke(this.#packet, { vip, port }, client, numbers);
        this.#send(vip.length === 16, client, length);
      }
      left -= 1;
    }
    if (job.next === job.clients.length) {
      job.round += 1;
      job.next = 0;
    }
    return left;
  }

  /** One that cannot be sent, e.g. for want of a route or by a firewall's leave, is as one that is lost. */
  #send(v6: boolean, client: ClientKey, length: number): void {
    const bytes = Buffer.from(client, 'latin1');
    try {
      let sender = this.#senders.get(v6);
      if (sender === undefined) {
        sender = new RawSender(v6);
        this.#senders.set(v6, sender);
      }
      const refused = sender.send(this.#packet, length, readIpAddress(bytes, 0, v6 ? 16 : 4));
      if (refused === 0) this.#sent += 1;
      else this.#fail(errorName(refused));
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#fail(error.message);
    }
  }

  /** Of thousands one line is enough; the status has their number. */
  #fail(why: string): void {
    if (this.#failed === 0) {
      const text = 'Clients whose connections went with another node cannot all be told of it';
      this.#log('warning', `${text}; they wait for their own time limits: ${why}`);
    }
    this.#failed += 1;
    this.#why = why;
  }
}
