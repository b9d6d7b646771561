/**
 * Tells the other nodes whose connections this one has at the VIP, hears the same of them, and pokes their clients when it
 * takes the VIP over: a client that waits for a word learns so that its connection is gone (docs/adr/0037).
 */

import { isIPv6 } from 'node:net';
import type { Config, NodeConfig } from '../../config/model/config.ts';
import { bareAddress, ipBytes, numericAddress, writeIpAddress } from '../../core/ip-address.ts';
import { bootMs } from '../../linux/clock.ts';
import type { ClientsStatus, InstanceStatus } from '../../stats/status.ts';
import type { Log } from '../log.ts';
import { othersOf, type PeerSettings } from '../peers/peer-settings.ts';
import {
  CLIENTS_VERSION,
  type ClientBody,
  type ClientService,
  clientsKey,
  clientsPerDatagram,
  clientsVersionOf,
  decodeClients,
  encodeClients,
  serviceName,
} from './client-message.ts';
import { OthersClients } from './others-clients.ts';
import { type Change, OwnClients } from './own-clients.ts';
import { Poker } from './poker.ts';

/** ms between digests. */
const DIGEST_MS = 1000;
/** Datagrams in one turn, and ms to the next: fewer than a socket's usual buffer holds (net.core.rmem_default). */
const BURST_MAX = 32;
const BURST_GAP_MS = 10;
/** Of datagrams that wait to be sent; what is dropped the digests find. */
const QUEUE_MAX = 4096;
/** ms: one node is told parts again once in so long. */
const RETELL_MS = 900;

export type ClientWatchOptions = {
  readonly send: (to: NodeConfig, bytes: Uint8Array) => void;
  readonly instances: () => readonly InstanceStatus[];
  readonly config: () => Config;
  readonly log: Log;
};

type Waiting = { readonly to: NodeConfig; readonly bytes: Uint8Array };

type Open = {
  readonly settings: PeerSettings;
  readonly key: Buffer | null;
  readonly own: OwnClients;
};

export class ClientWatch {
  readonly #options: ClientWatchOptions;
  readonly #others = new OthersClients();
  readonly #poker: Poker;
  readonly #skipped = new Map<string, number>();
  readonly #retoldAt = new Map<string, number>();
  #open: Open | null = null;
  #queue: Waiting[] = [];
  #sending: NodeJS.Timeout | null = null;
  #digestsAt = 0;
  #lastSentAtMs = 0;

  constructor(options: ClientWatchOptions) {
    this.#options = options;
    this.#poker = new Poker(
      (service, client) => this.#open?.own.list(service)?.has(client) ?? false,
      options.log,
    );
  }

  /** null: the nodes tell each other nothing. */
  get status(): ClientsStatus | null {
    const open = this.#open;
    if (open === null) return null;
    const skipped = [...this.#skipped].map(
      ([node, version]) =>
        `${node} tells of its clients in version ${version}, not ${CLIENTS_VERSION}`,
    );
    const problem = open.own.problem ?? this.#poker.problem;
    const told = open.own.count;
    const { sent: pokes } = this.#poker;
    return { told, known: this.#others.count(), pokes, problem, skipped };
  }

  /** Goes on by these settings; null: nothing is told or heard. */
  use(settings: PeerSettings | null): void {
    if (JSON.stringify(settings) === JSON.stringify(this.#open?.settings ?? null)) return;
    this.#open?.own.close();
    this.#open = null;
    this.#skipped.clear();
    if (settings === null) return;
    const own = new OwnClients({
      vips: () => this.#vips(({ held, state }) => held && state === 'master'),
      ports: () => portsOf(this.#options.config()),
      onLook: (changes) => this.#tell(changes),
    });
    const key = settings.secret === null ? null : clientsKey(settings.secret);
    this.#open = { settings, key, own };
  }

  close(): void {
    this.use(null);
    this.#poker.close();
    if (this.#sending !== null) clearTimeout(this.#sending);
    this.#queue = [];
  }

  /** This node is the owner of this instance's addresses now: what others carried there is gone. */
  tookOver(instance: string): void {
    const { redirects = [] } = this.#options.config();
    const vips = this.#vips(({ name }) => name === instance);
    for (const { service, clients } of this.#others.takeOut(vips, bootMs())) {
      const led = redirects.filter(
        ({ address, toPort }) => toPort === service.port && bytesText(address) === service.vip,
      );
      this.#poker.poke(service, [service.port, ...led.map(({ port }) => port)], clients);
    }
  }

  /** From the address of that node. `utcMs`: what time it is there, as far as is known. */
  receive(from: NodeConfig, bytes: Buffer, utcMs: number): void {
    const version = clientsVersionOf(bytes);
    const open = this.#open;
    if (version === null || open === null) return;
    if (version !== CLIENTS_VERSION) {
      this.#skipped.set(from.name, version);
      return;
    }
    const decoded = decodeClients(open.key, bytes);
    if (!decoded.ok || decoded.value.from !== from.name) return;
    const message = decoded.value;
    const { toleranceMs } = open.settings;
    if (!this.#others.isNew(message, { utcMs: open.key === null ? null : utcMs, toleranceMs })) {
      return;
    }
    this.#skipped.delete(from.name);
    const { service, body } = message;
    if (body.kind === 'ask') this.#retell(open, from, service, body.parts);
    else {
      const parts = this.#others.take({ ...message, body }, bootMs());
      if (parts.length > 0) this.#say(open, [from], service, { kind: 'ask', parts });
    }
  }

  /** Of those instances, as texts of their bytes. */
  #vips(which: (instance: InstanceStatus) => boolean): ReadonlySet<string> {
    const instances = this.#options.instances().filter(which);
    return new Set(
      instances.flatMap((each) => each.addresses.map((one) => bytesText(bareAddress(one)))),
    );
  }

  #tell(changes: readonly Change[] | null): void {
    const open = this.#open;
    const now = bootMs();
    this.#others.forgetSilent(now);
    if (open === null || changes === null) return;
    const peers = othersOf(open.settings);
    const digestsDue = now - this.#digestsAt >= DIGEST_MS;
    if (digestsDue) this.#digestsAt = now;
    for (const { service, added, removed } of changes) {
      for (const [kind, all] of [
        ['remove', removed],
        ['add', added],
      ] as const) {
        for (const clients of this.#pieces(open, service, all)) {
          this.#say(open, peers, service, { kind, clients });
        }
      }
      const digests = open.own.list(service)?.digests;
      if (digestsDue && digests !== undefined) {
        this.#say(open, peers, service, { kind: 'digests', digests });
      }
    }
  }

  #retell(open: Open, to: NodeConfig, service: ClientService, parts: readonly number[]): void {
    const now = bootMs();
    const list = open.own.list(service);
    const name = `${to.name} ${serviceName(service)}`;
    if (list === null || now - (this.#retoldAt.get(name) ?? 0) < RETELL_MS) return;
    this.#retoldAt.set(name, now);
    for (const part of new Set(parts)) {
      const pieces = this.#pieces(open, service, list.inParts(new Set([part])));
      for (const [index, clients] of (pieces.length === 0 ? [[]] : pieces).entries()) {
        this.#say(open, [to], service, { kind: 'part', part, first: index === 0, clients });
      }
    }
  }

  #pieces({ settings }: Open, service: ClientService, clients: readonly string[]) {
    const size = clientsPerDatagram(settings.node, service);
    return Array.from({ length: Math.ceil(clients.length / size) }, (_, index) =>
      clients.slice(index * size, (index + 1) * size),
    );
  }

  #say(
    { settings, key }: Open,
    peers: readonly NodeConfig[],
    service: ClientService,
    body: ClientBody,
  ): void {
    for (const to of peers) {
      if (this.#queue.length >= QUEUE_MAX) return;
      const message = { sentAtMs: this.#nextTime(), from: settings.node, service, body };
      this.#queue.push({ to, bytes: encodeClients(key, message) });
    }
    if (this.#sending === null) this.#send();
  }

  /** Grows, but for a clock that is set back by more than is told in a second. */
  #nextTime(): number {
    const now = Date.now();
    const next = this.#lastSentAtMs + 1 / 512;
    this.#lastSentAtMs = next - now > 1000 ? now : Math.max(now, next);
    return this.#lastSentAtMs;
  }

  #send(): void {
    for (const { to, bytes } of this.#queue.splice(0, BURST_MAX)) this.#options.send(to, bytes);
    this.#sending = this.#queue.length === 0 ? null : setTimeout(() => this.#send(), BURST_GAP_MS);
  }
}

function bytesText(address: string): string {
  const value = numericAddress(address);
  const bytes = Buffer.alloc(ipBytes(value));
  writeIpAddress(bytes, 0, value);
  return bytes.toString('latin1');
}

/** Of all frontends; a port at which both families listen has sockets of both. */
function portsOf({ balancer }: Config): readonly { readonly port: number; readonly v6: boolean }[] {
  const all = (balancer?.frontends ?? []).flatMap(({ binds }) =>
    binds.flatMap(({ address }) => {
      return address.kind === 'unix' ? [] : [{ port: address.port, v6: isIPv6(address.host) }];
    }),
  );
  return [...new Map(all.map((each) => [`${each.port} ${each.v6}`, each])).values()];
}
