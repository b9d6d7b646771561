/**
 * After the guardian's end, or while it hangs: each virtual address that is still here stays as long as it is of
 * use, and goes as soon as it is not. All times are ms of linux/clock.ts.
 */

import { setImmediate } from 'node:timers/promises';
import { assert } from '../core/assert.ts';
import { formatIpAddress } from '../core/ip-address.ts';
import { bootMs } from '../linux/clock.ts';
import { type Link, RouteSocket } from '../linux/netlink-route.ts';
import { PollSet } from '../linux/poll.ts';
import { deleteAddressAlone } from './deletion.ts';
import type { Inheritance, OpenEstate, SuccessorEar } from './estate.ts';
import { presentAddresses, removeStaleAddresses, type VirtualAddress } from './resolve.ts';
import { LIFETIME_SECONDS, RENEW_INTERVAL_MS } from './rules/lifetime.ts';

/** Longest wait, so that the end of the balancer is noticed. */
const WAIT_MS_MAX = 20;

type Held = {
  readonly inheritance: Inheritance;
  readonly addresses: readonly VirtualAddress[];
  readonly ear: SuccessorEar | null;
};

export type ReapingOptions<Estate> = {
  readonly openEstate: OpenEstate<Estate>;
  readonly estate: Estate;
  /** Why the addresses are of no use here any more, whoever owns them; null: they are. Asked in each turn. */
  readonly whyUseless: () => string | null;
  /** Whoever held them sees to them again. Asked in each turn. */
  readonly isBack: () => boolean;
  /** What became of it, as the beginning of a sentence. */
  readonly why: string;
  readonly warn: (text: string) => void;
};

export class Reaping<Estate> {
  readonly #options: ReapingOptions<Estate>;
  readonly #route = new RouteSocket();
  readonly #links: readonly Link[];
  #held: readonly Held[];
  #renewAt = 0;

  /** Throws SystemError, and what `openEstate` throws, with nothing left open. */
  constructor(options: ReapingOptions<Estate>) {
    this.#options = options;
    try {
      this.#links = this.#route.links();
      this.#held = this.#open();
    } catch (error) {
      this.#route.close();
      throw error;
    }
  }

  #open(): readonly Held[] {
    const { openEstate, estate } = this.#options;
    const present = this.#route.addresses();
    return openEstate(estate, { links: this.#links, present }).flatMap((inheritance) => {
      assert(Number.isFinite(inheritance.until), 'an estate has an end');
      const addresses = presentAddresses(inheritance.resolved, this.#links, present);
      return addresses.length === 0 ? [] : { inheritance, addresses, ear: inheritance.listen() };
    });
  }

  /** Resolves when nothing is left, or somebody is back. Between rounds, which block, what it has said goes out. */
  async run(): Promise<void> {
    try {
      const poll = new PollSet(Math.max(1, this.#held.length));
      while (this.#held.length > 0 && !this.#options.isBack()) {
        this.#round(poll);
        await setImmediate();
      }
    } finally {
      for (const { ear } of this.#held) ear?.close();
      this.#route.close();
    }
  }

  #round(poll: PollSet): void {
    const now = bootMs();
    if (now >= this.#renewAt) this.#renew(now);
    const next = this.#held.reduce(
      (earliest, { inheritance }) => Math.min(earliest, inheritance.until),
      now + WAIT_MS_MAX,
    );
    poll.clear();
    for (const { ear } of this.#held) if (ear !== null) poll.add(ear.fd);
    poll.wait(next - now);
    this.#removeWhatIsOver(bootMs());
  }

  /** The kernel would remove it earlier than a backup with a sign of life a second takes over. */
  #renew(now: number): void {
    this.#renewAt = now + RENEW_INTERVAL_MS;
    for (const { addresses } of this.#held) {
      for (const virtual of addresses) {
        const interfaceIndex = this.#indexOf(virtual);
        if (interfaceIndex === undefined) continue;
        this.#route.putAddress({ ...virtual, interfaceIndex }, LIFETIME_SECONDS);
      }
    }
  }

  #removeWhatIsOver(now: number): void {
    const useless = this.#options.whyUseless();
    this.#held = this.#held.filter((held) => {
      const why = useless ?? whyOver(held, now);
      if (why !== null) this.#remove(held, why);
      return why === null;
    });
  }

  #remove({ inheritance, addresses, ear }: Held, why: string): void {
    const { name, resolved } = inheritance;
    removeStaleAddresses(this.#route, [resolved], this.#links, this.#route.addresses());
    this.#removeVirtual(addresses, resolved.config.virtualMac?.name);
    ear?.close();
    const list = addresses.map(({ address }) => formatIpAddress(address)).join(', ');
    this.#options.warn(`${this.#options.why}: removed ${list} of "${name}": ${why}`);
  }

  /** A next guardian removes an interface with a virtual MAC address as a whole; until then it must be bare. */
  #removeVirtual(addresses: readonly VirtualAddress[], interfaceName: string | undefined): void {
    for (const virtual of addresses) {
      const interfaceIndex = this.#indexOf(virtual);
      if (virtual.interfaceName !== interfaceName || interfaceIndex === undefined) continue;
      deleteAddressAlone(this.#route, { ...virtual, interfaceIndex }, interfaceName);
    }
  }

  #indexOf({ interfaceName }: VirtualAddress): number | undefined {
    return this.#links.find(({ name }) => name === interfaceName)?.index;
  }
}

/** null: it stays. */
function whyOver({ ear, inheritance }: Held, now: number): string | null {
  const succeeded = ear?.whySucceeded(now) ?? null;
  if (succeeded !== null) return succeeded;
  return now >= inheritance.until ? 'nobody has taken over' : null;
}
