/**
 * After the guardian's end: each virtual address that is still here stays as long as it is of use, and goes
 * as soon as it is not. All times are ms of linux/clock.ts.
 */

import { setImmediate } from 'node:timers/promises';
import { assert } from '../core/assert.ts';
import { formatIpAddress } from '../core/ip-address.ts';
import { bootMs } from '../linux/clock.ts';
import { type Link, RouteSocket } from '../linux/netlink-route.ts';
import { PollSet } from '../linux/poll.ts';
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
  readonly warn: (text: string) => void;
};

export class Reaping<Estate> {
  readonly #whyUseless: () => string | null;
  readonly #warn: (text: string) => void;
  readonly #route = new RouteSocket();
  readonly #links: readonly Link[];
  #held: readonly Held[];
  #renewAt = 0;

  /** Throws SystemError, and what `openEstate` throws. */
  constructor({ openEstate, estate, whyUseless, warn }: ReapingOptions<Estate>) {
    this.#whyUseless = whyUseless;
    this.#warn = warn;
    this.#links = this.#route.links();
    const present = this.#route.addresses();
    this.#held = openEstate(estate, { links: this.#links, present }).flatMap((inheritance) => {
      assert(Number.isFinite(inheritance.until), 'an estate has an end');
      const addresses = presentAddresses(inheritance.resolved, this.#links, present);
      return addresses.length === 0 ? [] : { inheritance, addresses, ear: inheritance.listen() };
    });
  }

  /** Resolves when nothing is left. Between two rounds, which block, what it has said goes out. */
  async run(): Promise<void> {
    const poll = new PollSet(Math.max(1, this.#held.length));
    while (this.#held.length > 0) {
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
      await setImmediate();
    }
    this.#route.close();
  }

  /** The kernel would remove it earlier than a backup with a sign of life a second takes over. */
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

  #removeWhatIsOver(now: number): void {
    const useless = this.#whyUseless();
    this.#held = this.#held.filter((held) => {
      const why = useless ?? whyOver(held, now);
      if (why !== null) this.#remove(held, why);
      return why === null;
    });
  }

  #remove({ inheritance, addresses, ear }: Held, why: string): void {
    const { name, resolved } = inheritance;
    removeStaleAddresses(this.#route, [resolved], this.#links, this.#route.addresses());
    ear?.close();
    const list = addresses.map(({ address }) => formatIpAddress(address)).join(', ');
    this.#warn(`The guardian is gone: removed ${list} of "${name}": ${why}`);
  }
}

/** null: it stays. */
function whyOver({ ear, inheritance }: Held, now: number): string | null {
  const succeeded = ear?.whySucceeded(now) ?? null;
  if (succeeded !== null) return succeeded;
  return now >= inheritance.until ? 'nobody has taken over' : null;
}
