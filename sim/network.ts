/**
 * The simulated LAN: advertisements as real bytes, ARP as what matters of it. Each direction between two
 * nodes is a link of its own that may be closed, lose, delay, duplicate or corrupt.
 */

import type { Random } from '../src/core/random.ts';
import type { ReceivedPacket } from '../src/vrrp/packet.ts';
import type { Settings } from './settings.ts';
import type { Timeline } from './timeline.ts';

export type Link = {
  /** Lets advertisements through. */
  open: boolean;
  /** Lets ARP through; a firewall may close the one without the other. */
  arpOpen: boolean;
  /** Probabilities. */
  loss: number;
  duplicate: number;
  flip: number;
  /** Added to the ordinary delay, drawn up to this: later packets overtake. */
  extraDelayMs: number;
};

export type Arp = { readonly kind: 'announce' | 'probe' | 'answer'; readonly from: number };

/** Where packets come out. */
export type Receiver = {
  onPacket(packet: ReceivedPacket): void;
  onArp(arp: Arp): void;
};

const DELAY_MS_MIN = 0.05;

export class Network {
  readonly #settings: Settings;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #links: readonly (readonly Link[])[];
  readonly #receivers: Receiver[] = [];
  /** Per link, when the last packet of a well link arrives: these stay in order. */
  readonly #arrivals: Float64Array;
  /** A packet that was on an unwell link arrives: the network is not quite well yet. */
  readonly #onStray: () => void;

  constructor(settings: Settings, timeline: Timeline, random: Random, onStray: () => void) {
    this.#settings = settings;
    this.#timeline = timeline;
    this.#random = random;
    this.#onStray = onStray;
    const nodes = settings.priorities;
    this.#links = nodes.map(() => nodes.map(() => wellLink()));
    this.#arrivals = new Float64Array(nodes.length ** 2);
  }

  /** Nodes join in the order of their numbers. */
  join(receiver: Receiver): void {
    this.#receivers.push(receiver);
  }

  link(from: number, to: number): Link {
    const link = this.#links[from]?.[to];
    if (link === undefined) throw new Error(`There is no link from ${from} to ${to}`);
    return link;
  }

  /** Everybody hears everybody. */
  get isWell(): boolean {
    return this.#links.every((links) => links.every(isWell));
  }

  /** Nothing is left to chance, whoever may hear whom. */
  get isSteady(): boolean {
    return this.#links.every((links) => links.every(isSteady));
  }

  heal(): void {
    for (const link of this.#links.flat()) Object.assign(link, wellLink());
  }

  sendPacket(from: number, to: number, packet: ReceivedPacket): void {
    const link = this.link(from, to);
    if (!link.open || this.#random.chance(link.loss)) return;
    const message = this.#random.chance(link.flip) ? this.#flipped(packet.message) : packet.message;
    const copies = this.#random.chance(link.duplicate) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      this.#carry(from, to, () => this.#receivers[to]?.onPacket({ ...packet, message }));
    }
  }

  sendArp(from: number, to: number, arp: Arp): void {
    const link = this.link(from, to);
    if (!link.arpOpen || this.#random.chance(link.loss)) return;
    this.#carry(from, to, () => this.#receivers[to]?.onArp(arp));
  }

  #carry(from: number, to: number, arrive: () => void): void {
    const link = this.link(from, to);
    const { delayMsMax } = this.#settings;
    const shortest = Math.min(DELAY_MS_MIN, delayMsMax);
    const at = this.#timeline.now + this.#random.between(shortest, delayMsMax);
    if (isSteady(link)) {
      const slot = from * this.#links.length + to;
      const inOrder = Math.max(at, this.#arrivals[slot] ?? 0);
      this.#arrivals[slot] = inOrder;
      this.#timeline.plan(inOrder, arrive);
      return;
    }
    const extraMs = link.extraDelayMs === 0 ? 0 : this.#random.between(0, link.extraDelayMs);
    this.#timeline.plan(at + extraMs, () => {
      this.#onStray();
      arrive();
    });
  }

  #flipped(message: Uint8Array): Uint8Array {
    const bytes = message.slice();
    const bit = this.#random.below(bytes.length * 8);
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return bytes;
  }
}

/** What it lets through, it carries as it should. */
function isSteady({ loss, duplicate, flip, extraDelayMs }: Link): boolean {
  return loss === 0 && duplicate === 0 && flip === 0 && extraDelayMs === 0;
}

export function isWell(link: Link): boolean {
  return link.open && link.arpOpen && isSteady(link);
}

export function isCut(link: Link): boolean {
  return !link.open && !link.arpOpen;
}

function wellLink(): Link {
  return { open: true, arpOpen: true, loss: 0, duplicate: 0, flip: 0, extraDelayMs: 0 };
}
