/** Everything a scenario consists of: time, chance, the network, the nodes, the checker and the trace. */

import { assert } from '../src/core/assert.ts';
import { type Random, seededRandom } from '../src/core/random.ts';
import type { MachineConfig, step } from '../src/vrrp/machine.ts';
import { Checker } from './checker.ts';
import { type Arp, Network } from './network.ts';
import { Node } from './node.ts';
import type { Settings } from './settings.ts';
import { Timeline } from './timeline.ts';
import type { NodeView, WorldView } from './views.ts';
import { addressOf, packetFor } from './wire.ts';

export type WorldOptions = {
  readonly seed: number;
  readonly settings: Settings;
  /** The machine under test: src/vrrp/machine.ts, or one with a planted fault. */
  readonly machine: typeof step;
  /** The longest that the kernel keeps an address which nobody renews. */
  readonly lifetimeMsMax: number;
  /** Reapers hear that another has become master. */
  readonly reapersHear: boolean;
  /** More events mean that something feeds itself. */
  readonly eventsMax: number;
  readonly trace: ((line: string) => void) | null;
};

export class World implements WorldView {
  readonly settings: Settings;
  readonly random: Random;
  readonly network: Network;
  readonly checker: Checker;
  readonly reapersHear: boolean;
  readonly nodes: readonly Node[];
  readonly #timeline = new Timeline();
  readonly #trace: WorldOptions['trace'];
  readonly #lifetimeMsMax: number;
  readonly #eventsMax: number;
  #events = 0;

  constructor(options: WorldOptions) {
    const { seed, settings, machine, lifetimeMsMax, reapersHear, eventsMax, trace } = options;
    this.settings = settings;
    this.#eventsMax = eventsMax;
    this.reapersHear = reapersHear;
    this.random = seededRandom(seed);
    this.#trace = trace;
    this.#lifetimeMsMax = lifetimeMsMax;
    this.checker = new Checker(this);
    const onStray = () => this.checker.onDisturbance('a packet of an unwell link arrives');
    this.network = new Network(settings, this.#timeline, this.random, onStray);
    this.nodes = settings.priorities.map((_, index) => {
      const node = new Node(this, index, machineConfig(settings, index), machine);
      this.network.join({
        onPacket: (packet) => node.onPacket(packet),
        onArp: (arp) => this.#deliverArp(node, arp),
      });
      return node;
    });
  }

  get now(): number {
    return this.#timeline.now;
  }

  get events(): number {
    return this.#events;
  }

  /** Events that are to come. */
  get planned(): number {
    return this.#timeline.planned;
  }

  /** After the scheduler's lag. */
  soon(): number {
    return this.lagged(this.now);
  }

  lagged(at: number): number {
    return at + this.random.between(0.001, this.settings.lagMsMax);
  }

  drawRate(): number {
    const { drift } = this.settings;
    return this.random.between(1 - drift, 1 + drift);
  }

  /** The kernel removes at a whole second of its own, never early. */
  drawLifetimeMs(seconds: number): number {
    return this.random.between(seconds * 1000, this.#lifetimeMsMax);
  }

  plan(at: number, run: () => void): void {
    this.#timeline.plan(at, run);
  }

  /** Lets the world go on up to and with the time `until`; throws Violation. */
  run(until: number): void {
    assert(until >= this.now, 'time does not go back');
    while (this.#timeline.nextAt <= until) {
      this.#events += 1;
      if (this.#events > this.#eventsMax)
        this.checker.fail('the cluster comes to rest', 'its events do not end');
      this.#timeline.take()();
    }
    this.#timeline.now = until;
  }

  broadcastAdvert(node: NodeView, priority: number): void {
    this.trace(`node ${node.index} advertises ${priority}`);
    this.checker.onAdvert(node, priority);
    for (const { index } of this.nodes) {
      if (index === node.index) continue;
      this.network.sendPacket(node.index, index, packetFor(node.wire, index, priority));
    }
  }

  broadcastArp(node: NodeView, kind: 'announce' | 'probe'): void {
    this.trace(kind === 'announce' ? `node ${node.index} announces` : `node ${node.index} probes`);
    if (kind === 'announce') this.checker.onAnnounce(node);
    for (const { index } of this.nodes) {
      if (index !== node.index) this.network.sendArp(node.index, index, { kind, from: node.index });
    }
  }

  trace(text: string): void {
    if (this.#trace !== null) this.#trace(`${this.now.toFixed(3).padStart(12)}  ${text}`);
  }

  /** Switches and clients beside a node learn, too, whatever the node itself does. */
  #deliverArp(node: Node, arp: Arp): void {
    if (arp.kind === 'announce') this.checker.ways.learn(node.index, arp.from);
    node.onArp(arp);
  }
}

function machineConfig(settings: Settings, index: number): MachineConfig {
  const { version, intervalMs, preempt, preemptDelayMs, firstIsMaster } = settings;
  return {
    version,
    priority: settings.priorities[index] ?? 1,
    initialState: firstIsMaster && index === 0 ? 'master' : 'backup',
    intervalMs,
    preempt,
    preemptDelayMs,
    address: addressOf(index),
    garp: settings.garp,
    answersLower: settings.answersLower,
    saysFarewell: true,
  };
}
