/**
 * VRRP instances driven by tests on a clock of their own: the machine is the real one, their ports open nothing.
 * What is done to those is written down as short words; what they hear is what a test has laid there.
 */

import assert from 'node:assert/strict';
import type { Mastership } from '../../address/mastership.ts';
import { RENEW_INTERVAL_MS } from '../../address/rules/lifetime.ts';
import type { VrrpInstanceConfig } from '../../config/model/vrrp.ts';
import {
  ADDRESS_DEFAULTS,
  GARP_DEFAULTS,
  VRRP_INSTANCE_DEFAULTS,
} from '../../config/vrrp-defaults.ts';
import type { ElectionEvent } from '../../contracts/election.ts';
import type { IpAddress } from '../../core/ip-address.ts';
import type { AddressClaim } from '../../linux/arp.ts';
import { SystemError } from '../../linux/errno.ts';
import type { InterfaceAddress, Link } from '../../linux/netlink-route.ts';
import { downIntervalMs } from '../../vrrp/timers.ts';
import type { Heard } from './advertiser.ts';
import { Instance, type NextForm } from './instance.ts';
import { type KnownLink, type Ports, portsKey } from './ports.ts';
import { type ResolvedInstance, resolveInstance } from './resolve.ts';

export const OWN = 0x0a630002;
export const OTHER = 0x0a630009;
export const VIP = 0x0a630064;
export const INTERVAL_MS = 100;
export const DOWN_MS = downIntervalMs(3, 100, INTERVAL_MS);

/** What a backup does that rises, in this order: the others let go when its advertisement comes. */
export const RISE = ['switch on', 'put', 'garp 2', 'advert 100'];

export function link(name: string, index: number, up = true): Link {
  return { name, index, switchedOn: true, up, mac: Uint8Array.of(2, 0, 0, 0, 0, index) };
}

export function address(value: IpAddress, interfaceIndex = 2): InterfaceAddress {
  const prefixLength = 24;
  const permanent = value !== VIP;
  return { interfaceIndex, address: value, prefixLength, scope: 0, secondary: false, permanent };
}

/** Ports of one instance; `number`: which it has opened, 1 or more, said with what is done to the later ones. */
class WrittenPorts implements Ports {
  readonly key: string;
  readonly resolved: ResolvedInstance;
  /** What waits on its sockets. */
  readonly heard: (Heard | 'stranger')[] = [];
  readonly claims: AddressClaim[] = [];
  readonly answers: IpAddress[] = [];
  /** What the kernel says to each, once set. */
  putError: Error | null = null;
  announceError = 0;
  announceAt = Number.POSITIVE_INFINITY;
  isClosed = false;
  readonly #node: TestNode;
  readonly #number: number;
  #isOn = false;
  #held = false;
  #renewAt = Number.POSITIVE_INFINITY;

  constructor(node: TestNode, resolved: ResolvedInstance, number: number) {
    this.#node = node;
    this.resolved = resolved;
    this.#number = number;
    this.key = portsKey(resolved, node.links);
  }

  readonly setMaster = (master: boolean): void => {
    if (master !== this.#isOn) this.#say(master ? 'switch on' : 'switch off');
    this.#isOn = master;
  };

  readonly close = (): void => {
    assert.ok(!this.isClosed, 'ports are closed once');
    this.#say('close');
    this.isClosed = true;
  };

  get advertiser(): Ports['advertiser'] {
    return {
      fd: 10 * this.#number,
      leaveGroup: () => {},
      send: (priority) => this.#say(`advert ${priority}`),
      receive: () => {
        const heard = this.heard.shift();
        if (heard === undefined) return null;
        return { heard: heard === 'stranger' ? null : heard, router: true };
      },
    };
  }

  get vips(): Ports['vips'] {
    return {
      descriptors: [10 * this.#number + 1],
      held: this.#held,
      renewAt: this.#renewAt,
      announceAt: this.announceAt,
      put: (now) => this.#put('put', now),
      renew: (now) => this.#put('renew', now),
      adapt: () => this.#say('adapt'),
      remove: () => this.#remove('remove'),
      leave: () => {
        this.#say('leave');
        this.#held = false;
      },
      isMissing: (present) => !present.some(({ address }) => address === VIP),
      announce: (count) => {
        this.#say(`garp ${count}`);
        return this.announceError;
      },
      announceWaiting: () => {
        this.#say('garp of those that wait');
        this.announceAt = Number.POSITIVE_INFINITY;
        return this.announceError;
      },
      probe: () => this.#say('probe'),
      ask: () => this.#say('ask for conflicts'),
      receiveClaim: () => this.claims.shift() ?? null,
    };
  }

  get peers(): Ports['peers'] {
    return {
      descriptors: [],
      ask: () => this.#say('ask peers'),
      receive: () => this.answers.splice(0),
    };
  }

  #put(word: string, now: number): void {
    this.#say(word);
    // As the real ones: who knows how many of them came before the one that failed.
    this.#held = true;
    this.#renewAt = now + RENEW_INTERVAL_MS;
    if (this.putError !== null) throw this.putError;
    const { index = 0 } = this.#node.links.get('eth0') ?? {};
    this.#node.present = [...this.#node.own, address(VIP, index)];
  }

  #remove(word: string): void {
    this.#say(word);
    this.#held = false;
    this.#renewAt = Number.POSITIVE_INFINITY;
    this.#node.present = this.#node.own;
  }

  #say(word: string): void {
    assert.ok(!this.isClosed, `${word} after close`);
    this.#node.words.push(this.#number === 1 ? word : `${this.#number}: ${word}`);
  }
}

type NodeOptions = {
  readonly grouped?: boolean;
  readonly resumed?: Mastership;
};

/** One node with one instance, which sends from OWN and is to hold VIP on eth0. */
export class TestNode {
  readonly instance: Instance;
  readonly config: VrrpInstanceConfig;
  links = new Map([link('lo', 1), link('eth0', 2)].map((each) => [each.name, each]));
  own: readonly InterfaceAddress[] = [address(OWN)];
  present = this.own;
  /** All that it has opened. */
  readonly opened: WrittenPorts[] = [];
  words: string[] = [];
  events: ElectionEvent[] = [];
  /** What it notes of being master; null: that it is not. */
  noted: Mastership | null = null;
  /** The last sign of life for the reaper alone. */
  livedAt: number | null = null;
  now = 0;
  /** Thrown instead of opening. */
  #openError: SystemError | null = null;

  constructor(changes: Partial<VrrpInstanceConfig> = {}, options: NodeOptions = {}) {
    this.config = {
      ...VRRP_INSTANCE_DEFAULTS,
      name: 'VI_1',
      interface: 'eth0',
      virtualRouterId: 51,
      priority: 100,
      advertIntervalMs: INTERVAL_MS,
      addresses: [{ ...ADDRESS_DEFAULTS, address: '10.99.0.100', prefixLength: 24 }],
      garp: { ...GARP_DEFAULTS, repeat: 2, delayMs: 0, rivalRepeat: 3, rivalDelayMs: 0 },
      ...changes,
    };
    const context = {
      openPorts: (resolved: ResolvedInstance) => {
        if (this.#openError !== null) throw this.#openError;
        const ports = new WrittenPorts(this, resolved, this.opened.length + 1);
        this.opened.push(ports);
        return ports;
      },
      onEvent: (event: ElectionEvent) => this.events.push(event),
      grouped: options.grouped ?? false,
      record: {
        note: (shownAt: number, rank: number) => {
          this.noted = { shownAt, rank };
        },
        every: () => {},
        live: (aliveAt: number) => {
          this.livedAt = aliveAt;
        },
        forget: () => {
          this.noted = null;
        },
      },
      resumed: options.resumed ?? null,
    };
    this.instance = new Instance(this.resolve(), context, this.links);
  }

  /** This instance, or another, as it stands on this machine now. */
  resolve(changes: Partial<VrrpInstanceConfig> = {}): ResolvedInstance {
    return resolveInstance({ ...this.config, ...changes }, [...this.links.values()], this.own);
  }

  /** The ports opened last. */
  get ports(): WrittenPorts {
    const last = this.opened.at(-1);
    assert.ok(last !== undefined);
    return last;
  }

  /** What was done since the last call. */
  done(): readonly string[] {
    return this.words.splice(0);
  }

  /** What was told since the last call: warnings word for word, the others shortly. */
  told(): readonly string[] {
    return this.events.splice(0).map((event) => {
      if (event.kind === 'warning') return event.text;
      if (event.kind === 'transition') return `${event.from} -> ${event.to}: ${event.why}`;
      if (event.kind === 'group') return `group ${event.group} ${event.to}`;
      if (event.kind === 'alive') return event.kind;
      if (event.kind === 'own-address-moved') return `moved to ${event.to}`;
      if (event.kind === 'clock-doubt') return `clock of ${event.address}`;
      return event.kind === 'failed' ? event.text : `${event.kind} ${event.priority}`;
    });
  }

  /** Backup since 0, its probe over. */
  begin(): this {
    this.instance.start(this.links, this.now);
    this.instance.release(this.now);
    return this;
  }

  /** Backup since 0 that has risen, at DOWN_MS. */
  rise(): this {
    this.begin().passTo(DOWN_MS);
    assert.equal(this.instance.phase, 'master');
    this.done();
    this.told();
    return this;
  }

  /** As the speaker's loop does it: reads, then looks at timers. */
  round(now: number): void {
    this.now = now;
    this.instance.receive(now);
    this.instance.turn(now);
  }

  /** Rounds whenever the instance asks for one, and at last at `until`. */
  passTo(until: number): void {
    for (let count = 0; this.instance.nextAt < until; count += 1) {
      assert.ok(count < 10_000, 'it goes to sleep between two rounds');
      this.round(this.instance.nextAt);
    }
    this.round(until);
  }

  /** Hears an advertisement at `now`. */
  hear(priority: number, now: number, source = OTHER): void {
    this.ports.heard.push({ source, priority, intervalMs: INTERVAL_MS });
    this.round(now);
  }

  /** The kernel's news about addresses, after `present` or `links` have been set. */
  addressesChanged(now: number, remover = ''): void {
    this.now = now;
    this.instance.onAddressesChanged(this.present, this.links, remover, now);
    this.instance.turn(now);
  }

  /** Somebody takes the virtual address away. */
  takeAway(now: number, remover = ''): void {
    this.present = this.own;
    this.addressesChanged(now, remover);
  }

  /** Opening ports ends in this error from now on. */
  refuseOpening(errno: number): void {
    this.#openError = new SystemError('socket', errno);
  }

  /** A reload of this instance alone, as the speaker's loop does it. */
  become(form: NextForm, now: number): void {
    this.now = now;
    this.instance.leave(form, now);
    this.instance.become(form, this.links, now);
  }

  setLinks(now: number, ...links: readonly KnownLink[]): void {
    this.now = now;
    this.links = new Map(links.map((each) => [each.name, each]));
    this.instance.setLinks(this.links, now);
  }
}
