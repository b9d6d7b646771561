/** Looks, again and again, whose connections this node has at addresses of the cluster, and says what has changed. */

import { SystemError } from '../../linux/errno.ts';
import { ConnectionLister } from '../../linux/socket-diag.ts';
import { CLIENTS_MAX, type ClientKey, ClientList } from './client-list.ts';
import { type ClientService, serviceName } from './client-message.ts';

/** ms between looks: a connection that is younger may not be known to the others. */
const LOOK_MS = 250;
/** Where looking takes long, so much longer than that is waited: a fiftieth of a processor at most. */
const REST_TIMES = 50;
/** ms; where the kernel has no such list. */
const RETRY_MS = 30_000;

export type Change = {
  readonly service: ClientService;
  readonly added: readonly ClientKey[];
  readonly removed: readonly ClientKey[];
};

export type OwnClientsOptions = {
  /** Addresses of the cluster that this node has now, as texts of their bytes. */
  readonly vips: () => ReadonlySet<string>;
  /** Ports that clients connect to, and whether sockets of IPv6 listen there. */
  readonly ports: () => readonly { readonly port: number; readonly v6: boolean }[];
  /** After each look; null where there was nothing to look for. */
  readonly onLook: (changes: readonly Change[] | null) => void;
};

export class OwnClients {
  readonly #options: OwnClientsOptions;
  /** By serviceName(). */
  #lists = new Map<string, { readonly service: ClientService; readonly list: ClientList }>();
  #timer: NodeJS.Timeout | null = null;
  /** Opened when there is something to look for. */
  #lister: ConnectionLister | null = null;
  #isClosed = false;
  #look = 0;
  #count = 0;
  #problem: string | null = null;

  constructor(options: OwnClientsOptions) {
    this.#options = options;
    this.#schedule(0);
  }

  /** Connections at addresses of the cluster. */
  get count(): number {
    return this.#count;
  }

  /** Why they are not all known; null: they are. */
  get problem(): string | null {
    return this.#problem;
  }

  get lists(): readonly { readonly service: ClientService; readonly list: ClientList }[] {
    return [...this.#lists.values()];
  }

  list(service: ClientService): ClientList | null {
    return this.#lists.get(serviceName(service))?.list ?? null;
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#closeLister();
  }

  #closeLister(): void {
    this.#lister?.close();
    this.#lister = null;
  }

  #schedule(delayMs: number): void {
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.#lookAround(), delayMs);
  }

  async #lookAround(): Promise<void> {
    const vips = this.#options.vips();
    if (vips.size === 0) {
      this.#lists = new Map();
      this.#count = 0;
      this.#options.onLook(null);
      this.#schedule(LOOK_MS);
      return;
    }
    this.#forgetOthersThan(vips);
    this.#look += 1;
    this.#count = 0;
    const added = new Map<string, ClientKey[]>();
    let spentMs = 0;
    try {
      for (const { port, v6 } of this.#options.ports()) {
        spentMs += await this.#read(port, v6, vips, added);
        if (this.#isClosed) return;
      }
      this.#problem =
        this.#count < CLIENTS_MAX
          ? null
          : `more than ${CLIENTS_MAX} connections: others know of those`;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#closeLister();
      this.#problem = `the kernel does not list its connections: ${error.message}`;
      this.#schedule(RETRY_MS);
      return;
    }
    this.#options.onLook(this.#changes(added));
    this.#schedule(Math.max(LOOK_MS, spentMs * REST_TIMES));
  }

  /** What was told of a VIP that is gone is for its next owner, who pokes those clients: nothing of it is taken back. */
  #forgetOthersThan(vips: ReadonlySet<string>): void {
    for (const [name, { service }] of this.#lists) {
      if (!vips.has(service.vip)) this.#lists.delete(name);
    }
  }

  /** Some at a time: supervision has its turn between. Returns the time that it took, ms. */
  async #read(
    port: number,
    v6: boolean,
    vips: ReadonlySet<string>,
    added: Map<string, ClientKey[]>,
  ): Promise<number> {
    this.#lister ??= new ConnectionLister();
    const lister = this.#lister;
    lister.begin(v6, port);
    let spentMs = 0;
    for (;;) {
      const begunAt = performance.now();
      const some = lister.next();
      for (const { local, remote, remotePort } of some ?? []) {
        if (vips.has(local)) this.#see({ vip: local, port }, `${remote}${remotePort}`, added);
      }
      spentMs += performance.now() - begunAt;
      if (some === null) return spentMs;
      await new Promise(setImmediate);
      if (this.#isClosed) return spentMs;
    }
  }

  #see(service: ClientService, client: ClientKey, added: Map<string, ClientKey[]>): void {
    if (this.#count >= CLIENTS_MAX) return;
    this.#count += 1;
    const name = serviceName(service);
    let known = this.#lists.get(name);
    if (known === undefined) {
      known = { service, list: new ClientList() };
      this.#lists.set(name, known);
    }
    if (!known.list.add(client, this.#look)) return;
    const fresh = added.get(name);
    if (fresh === undefined) added.set(name, [client]);
    else fresh.push(client);
  }

  #changes(added: ReadonlyMap<string, readonly ClientKey[]>): readonly Change[] {
    return [...this.#lists].map(([name, { service, list }]) => ({
      service,
      added: added.get(name) ?? [],
      removed: list.sweep(this.#look),
    }));
  }
}
