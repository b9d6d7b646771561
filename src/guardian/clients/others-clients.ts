/** What other nodes have told of their clients, each of its own. Pure; times in ms of one clock that nobody sets. */

import { type Freshness, NewestWord } from '../peers/newest-word.ts';
import { CLIENTS_MAX, type ClientKey, ClientList, partOf } from './client-list.ts';
import {
  type ClientBody,
  type ClientMessage,
  type ClientService,
  serviceName,
} from './client-message.ts';

/** An owner speaks every second: one that has been silent for so long has none, or its clients were poked long ago. */
const SILENCE_MS_MAX = 60_000;
/** Between two questions about one service. */
const ASK_GAP_MS = 900;
/** Addresses and ports of one node. */
const SERVICES_MAX = 64;

type Told = {
  readonly service: ClientService;
  readonly list: ClientList;
  heardAt: number;
  askedAt: number;
};

type Node = { readonly services: Map<string, Told> };

export class OthersClients {
  readonly #nodes = new Map<string, Node>();
  readonly #newest = new NewestWord();

  /** Connections known of, of all other nodes. */
  count(): number {
    return [...this.#nodes.values()].reduce((sum, node) => sum + sizeOf(node), 0);
  }

  /** Whether the message is new; old ones change nothing. */
  isNew({ from, sentAtMs }: ClientMessage, freshness: Freshness): boolean {
    return this.#newest.take(from, sentAtMs, freshness) === 'new';
  }

  /** Takes over what isNew(). Returns the parts that the node is to be asked for; empty: none. */
  take(
    {
      from,
      service,
      body,
    }: ClientMessage & { readonly body: Exclude<ClientBody, { kind: 'ask' }> },
    now: number,
  ): readonly number[] {
    const node = this.#node(from);
    const told = toldOf(node, service, now);
    if (told === null) return [];
    told.heardAt = now;
    const { list } = told;
    switch (body.kind) {
      case 'add':
        put(node, list, body.clients);
        return [];
      case 'remove':
        for (const client of body.clients) list.delete(client);
        return [];
      case 'part':
        if (body.first) for (const old of list.inParts(new Set([body.part]))) list.delete(old);
        put(
          node,
          list,
          body.clients.filter((client) => partOf(client) === body.part),
        );
        return [];
      case 'digests': {
        const parts = now - told.askedAt < ASK_GAP_MS ? [] : list.differing(body.digests);
        if (parts.length > 0) told.askedAt = now;
        return parts;
      }
    }
  }

  /** Takes out what others have told of these addresses: their connections are nobody's now. */
  takeOut(vips: ReadonlySet<string>, now: number) {
    const found: { readonly service: ClientService; readonly clients: readonly ClientKey[] }[] = [];
    for (const { services } of this.#nodes.values()) {
      for (const [name, { service, list, heardAt }] of services) {
        if (!vips.has(service.vip)) continue;
        services.delete(name);
        if (now - heardAt <= SILENCE_MS_MAX) found.push({ service, clients: list.keys() });
      }
    }
    return found;
  }

  forgetSilent(now: number): void {
    for (const { services } of this.#nodes.values()) {
      for (const [name, { heardAt }] of services) {
        if (now - heardAt > SILENCE_MS_MAX) services.delete(name);
      }
    }
  }

  #node(name: string): Node {
    let node = this.#nodes.get(name);
    if (node === undefined) {
      node = { services: new Map() };
      this.#nodes.set(name, node);
    }
    return node;
  }
}

/** null: it tells of too many. */
function toldOf(node: Node, service: ClientService, now: number): Told | null {
  const name = serviceName(service);
  const known = node.services.get(name);
  if (known !== undefined) return known;
  if (node.services.size >= SERVICES_MAX) return null;
  const told = { service, list: new ClientList(), heardAt: now, askedAt: Number.NEGATIVE_INFINITY };
  node.services.set(name, told);
  return told;
}

function put(node: Node, list: ClientList, clients: readonly ClientKey[]): void {
  let room = CLIENTS_MAX - sizeOf(node);
  for (const client of clients) {
    if (room <= 0) return;
    if (list.add(client)) room -= 1;
  }
}

function sizeOf({ services }: Node): number {
  let size = 0;
  for (const { list } of services.values()) size += list.size;
  return size;
}
