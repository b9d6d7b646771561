/** What this node has to do with the others that its files name: what it asks, tells and hears, and how they are called. */

import type { Config, NodeConfig } from '../../config/model/config.ts';
import type { InstanceStatus, StatusReport } from '../../stats/status.ts';
import { type ClusterAnswer, otherNodes, ownersElsewhere } from '../answers.ts';
import { ClientWatch } from '../clients/client-watch.ts';
import type { Log } from '../log.ts';
import { Agreement } from './agreement.ts';
import { factsOf } from './facts.ts';
import { namesByAddress } from './named-addresses.ts';
import { PeerChannel, type ServerOrder } from './peer-channel.ts';
import { peerSettings } from './peer-settings.ts';

export type NeighboursOptions = {
  readonly log: Log;
  readonly config: () => Config;
  /** Of this node. */
  readonly node: () => string;
  /** Of its election, as that says. */
  readonly instances: () => readonly InstanceStatus[];
  /** Does what a peer asks; null: done. */
  readonly setServer: (order: ServerOrder) => Promise<string | null>;
  /** A node has said its time: `utcLessBootMs` is that less ours since boot. */
  readonly onClock: (node: NodeConfig, utcLessBootMs: number) => void;
};

export class Neighbours {
  readonly #options: NeighboursOptions;
  readonly #peers: PeerChannel;
  readonly #agreement: Agreement;
  readonly #clients: ClientWatch;

  constructor(options: NeighboursOptions) {
    this.#options = options;
    const { log, config, instances } = options;
    this.#peers = new PeerChannel({
      log,
      setServer: options.setServer,
      onClock: options.onClock,
      onFacts: () => this.#agreement.look(),
      onClients: (from, bytes, utcMs) => this.#clients.receive(from, bytes, utcMs),
    });
    this.#agreement = new Agreement({
      log,
      facts: this.#peers.facts,
      instances,
      names: () => this.names,
    });
    this.#clients = new ClientWatch({
      send: (to, bytes) => this.#peers.send(to, bytes),
      instances,
      config,
      log: options.log,
    });
  }

  /** Of the nodes, by address. */
  get names(): ReadonlyMap<string, string> {
    return namesByAddress(this.#options.config());
  }

  /** The election's instances, masters by their names, too, where the files give some. */
  ownership(): readonly InstanceStatus[] {
    const { instances, node } = this.#options;
    const { names } = this;
    return instances().map((instance) => {
      const { master, state } = instance;
      const known = master === null ? undefined : names.get(master);
      const masterName = state === 'master' ? node() : known;
      return masterName === undefined ? instance : { ...instance, masterName };
    });
  }

  status(): Pick<StatusReport, 'differences' | 'clocks' | 'clients'> {
    const differences = this.#agreement.differences();
    const clocks = this.#peers.clocks();
    const { status: clients } = this.#clients;
    return {
      ...(differences.length === 0 ? {} : { differences }),
      ...(clocks.length === 0 ? {} : { clocks }),
      ...(clients === null ? {} : { clients }),
    };
  }

  /** Of nodes whose word is not understood, in sentences. */
  notes(): readonly string[] {
    return this.#peers.facts.notes();
  }

  /** Goes on by the configuration as it is now. */
  follow(): void {
    const config = this.#options.config();
    const settings = peerSettings(config, this.#options.node());
    const hasKey = typeof settings?.secret === 'string';
    this.#peers.use(settings, hasKey ? factsOf(config) : []);
    this.#clients.use(config.balancer === null ? null : settings);
  }

  /** Logs in what files have come to differ, or no longer do. */
  look(): void {
    this.#agreement.look();
  }

  /** Within about two seconds. Here first: where that cannot be done nobody else is asked. */
  async setServerEverywhere(order: ServerOrder): Promise<ClusterAnswer> {
    const { node, config, setServer } = this.#options;
    const here = { node: node(), error: await setServer(order) };
    if (here.error !== null) return { nodes: [here], owners: [], unasked: null };
    const others = await this.#peers.askAll(order);
    if (others !== null) return { nodes: [here, ...others], owners: [], unasked: null };
    const owners = ownersElsewhere(this.ownership());
    return { nodes: [here], owners, unasked: otherNodes(config(), node()) };
  }

  /** Tells onClock() again of each node whose clock is known. */
  tellClocks(): void {
    this.#peers.tellClocks();
  }

  /** Who sends from this address signs with a time that cannot be: it is asked for it. */
  doubtClock(address: string): void {
    this.#peers.doubtClock(address);
  }

  /** The addresses of this instance are here now: clients of the node before are to find out. */
  tookOver(instance: string): void {
    this.#clients.tookOver(instance);
  }

  close(): void {
    this.#clients.close();
    this.#peers.close();
  }
}
