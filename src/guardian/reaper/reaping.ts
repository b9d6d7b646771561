/**
 * After the guardian's end: each virtual address that is still here stays as long as it is of use, and goes
 * as soon as it is not. All times are ms of linux/clock.ts.
 */

import { setImmediate } from 'node:timers/promises';
import { formatIpAddress } from '../../core/ip-address.ts';
import { bootMs } from '../../linux/clock.ts';
import { type Link, RouteSocket } from '../../linux/netlink-route.ts';
import { PollSet } from '../../linux/poll.ts';
import { LIFETIME_SECONDS, RENEW_INTERVAL_MS } from '../../vrrp/lifetime.ts';
import { downIntervalMs } from '../../vrrp/timers.ts';
import { WireWatch } from '../../vrrp/wire-watch.ts';
import type { Log } from '../log.ts';
import { childIn } from '../run-dir.ts';
import { Advertiser } from '../speaker/advertiser.ts';
import { type Mastership, readMastership } from '../speaker/mastership.ts';
import {
  presentAddresses,
  type ResolvedInstance,
  removeStaleAddresses,
  resolveInstances,
  type VirtualAddress,
} from '../speaker/resolve.ts';
import type { ReaperOrder } from './order.ts';

/** Longest wait, so that the end of the balancer is noticed. */
const WAIT_MS_MAX = 20;
/** Packets taken at one go. */
const PACKETS_MAX = 512;

type Held = {
  readonly instance: ResolvedInstance;
  readonly link: Link;
  readonly addresses: readonly VirtualAddress[];
  /** By then every backup that there is has taken over. */
  readonly until: number;
  /** Hears who takes over; null: it cannot be opened. */
  readonly ear: Advertiser | null;
};

export class Reaping {
  readonly #order: ReaperOrder;
  readonly #log: Log;
  readonly #route = new RouteSocket();
  readonly #links: readonly Link[];
  readonly #mastership: ReadonlyMap<string, Mastership>;
  #held: readonly Held[];
  #renewAt = 0;

  constructor(order: ReaperOrder, log: Log) {
    this.#order = order;
    this.#log = log;
    this.#links = this.#route.links();
    this.#mastership = readMastership(order.mastershipFile);
    const present = this.#route.addresses();
    this.#held = resolveInstances(order.vrrp, this.#links, present).flatMap((instance) => {
      const addresses = presentAddresses(instance, this.#links, present);
      const link = this.#links.find(({ name }) => name === instance.config.interface);
      return addresses.length === 0 || link === undefined
        ? []
        : this.#begin(instance, link, addresses);
    });
  }

  /** Resolves when nothing is left. Between two rounds, which block, what it has said goes out. */
  async run(): Promise<void> {
    const poll = new PollSet(Math.max(1, this.#held.length));
    while (this.#held.length > 0) {
      const now = bootMs();
      if (now >= this.#renewAt) this.#renew(now);
      const next = this.#held.reduce(
        (earliest, { until }) => Math.min(earliest, until),
        now + WAIT_MS_MAX,
      );
      poll.clear();
      for (const { ear } of this.#held) if (ear !== null) poll.add(ear.fd);
      poll.wait(next - now);
      this.#look(bootMs());
      await setImmediate();
    }
    this.#route.close();
  }

  #begin(instance: ResolvedInstance, link: Link, addresses: readonly VirtualAddress[]): Held {
    const { name, version, advertIntervalMs } = instance.config;
    const lastSentAt = this.#mastership.get(name)?.sentAt ?? bootMs();
    const until = lastSentAt + downIntervalMs(version, 1, advertIntervalMs);
    return { instance, link, addresses, until, ear: this.#listen(instance, link) };
  }

  #listen(instance: ResolvedInstance, link: Link): Advertiser | null {
    const counters = { sent: 0, received: 0, dropped: {}, watch: new WireWatch([]) };
    try {
      const name = instance.config.virtualMac?.name;
      const virtual = this.#links.find((other) => other.name === name) ?? null;
      return new Advertiser(instance, { base: link, virtual }, counters, () => {});
    } catch {
      // It goes when its time is over instead.
      return null;
    }
  }

  /** The kernel would remove it earlier than a backup with an advertisement a second takes over. */
  #renew(now: number): void {
    this.#renewAt = now + RENEW_INTERVAL_MS;
    for (const { addresses } of this.#held) {
      for (const virtual of addresses) {
        const interfaceIndex = this.#links.find(
          ({ name }) => name === virtual.interfaceName,
        )?.index;
        if (interfaceIndex === undefined) continue;
        this.#route.putAddress({ ...virtual, interfaceIndex }, LIFETIME_SECONDS);
      }
    }
  }

  #look(now: number): void {
    const { balancerIn } = this.#order;
    const balances = balancerIn === null || childIn(balancerIn, 'balancer') !== null;
    this.#held = this.#held.filter((held) => {
      const why = balances ? whyOver(held, now) : 'no balancer is left either';
      if (why !== null) this.#remove(held, why);
      return why === null;
    });
  }

  #remove({ instance, addresses, ear }: Held, why: string): void {
    const present = this.#route.addresses();
    removeStaleAddresses(this.#route, [instance], this.#links, present);
    ear?.close();
    const list = addresses.map(({ address }) => formatIpAddress(address)).join(', ');
    this.#log(
      'warning',
      `The guardian is gone: removed ${list} of "${instance.config.name}": ${why}`,
    );
  }
}

/** null: it stays. */
function whyOver({ ear, until }: Held, now: number): string | null {
  for (let count = 0; ear !== null && count < PACKETS_MAX; count += 1) {
    const received = ear.receive(now);
    if (received === null) break;
    const { heard } = received;
    if (heard !== null && heard.priority > 0)
      return `${formatIpAddress(heard.source)} is master now`;
  }
  return now >= until ? 'nobody has taken over' : null;
}
