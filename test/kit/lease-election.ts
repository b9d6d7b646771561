/**
 * The smallest election that is not VRRP: who owns the address is what a keeper (lease-keeper.ts) says. All it
 * does to the machine it does by src/address/.
 */

import { MastershipFile, type MastershipRecord } from '../../src/address/mastership.ts';
import {
  type ResolvedAddresses,
  refuseForeignAddresses,
  removeStaleAddresses,
  resolveAddresses,
} from '../../src/address/resolve.ts';
import { RENEW_INTERVAL_MS } from '../../src/address/rules/lifetime.ts';
import { VipSet } from '../../src/address/vip.ts';
import type {
  Election,
  ElectionEvent,
  ElectionSection,
  Elections,
  TrackingVerdict,
} from '../../src/contracts/election.ts';
import { assert } from '../../src/core/assert.ts';
import { formatIpAddress } from '../../src/core/ip-address.ts';
import { bootMs } from '../../src/linux/clock.ts';
import { RouteSocket } from '../../src/linux/netlink-route.ts';
import type { OwnershipStatus } from '../../src/stats/status.ts';
import type { LeaseAnswer, LeaseClaim } from './lease-keeper.ts';
import { LeaseSection } from './lease-section.ts';

const CLAIM_INTERVAL_MS = 50;

/** For a guardian whose every configuration has this section. */
export function leaseElections(section: LeaseSection): Elections {
  return {
    sectionOf: () => section,
    start: async (wanted, mastershipFile, onEvent, takeOver) => {
      assert(wanted instanceof LeaseSection, 'a lease is what sectionOf() gives');
      await takeOver();
      return new LeaseElection(wanted, mastershipFile, onEvent);
    },
  };
}

class LeaseElection implements Election {
  readonly #onEvent: (event: ElectionEvent) => void;
  readonly #route = new RouteSocket();
  readonly #resolved: ResolvedAddresses;
  readonly #vips: VipSet;
  readonly #record: MastershipRecord;
  readonly #timer: NodeJS.Timeout;
  readonly #onAnswer = ({ owns }: LeaseAnswer): void => this.#follow(owns);
  /** An owner counts from when it asked: the keeper counts from later. */
  #claimedAt = 0;
  #faults: readonly string[] = ['nothing is known of it yet'];
  #drained = false;
  #state: OwnershipStatus['state'] = 'initialize';
  #transitions = 0;

  constructor(
    section: LeaseSection,
    mastershipFile: string,
    onEvent: (event: ElectionEvent) => void,
  ) {
    this.#onEvent = onEvent;
    const [config] = section.config.instances;
    assert(config !== undefined, 'there is one instance');
    const links = this.#route.links();
    const present = this.#route.addresses();
    this.#resolved = resolveAddresses(config, 'The lease', links);
    refuseForeignAddresses([this.#resolved], links, present);
    removeStaleAddresses(this.#route, [this.#resolved], links, present);
    const byName = new Map(links.map((link) => [link.name, link]));
    this.#vips = new VipSet(this.#route, this.#resolved, byName);
    this.#record = new MastershipFile(mastershipFile).record(config.name);
    process.on('message', this.#onAnswer);
    this.#timer = setInterval(() => this.#turn(), CLAIM_INTERVAL_MS);
    this.#enter('backup', 'it has begun');
  }

  track(_instance: string, { faults }: TrackingVerdict): void {
    this.#faults = faults;
    if (!this.#wants) this.#follow(false);
  }

  learnClock(): void {}

  status(): readonly OwnershipStatus[] {
    const { config, held } = this.#resolved;
    const { name, interface: device } = config;
    return [
      {
        name,
        interface: device,
        state: this.#state,
        drained: this.#drained,
        lastResort: false,
        waitsFor: null,
        faults: this.#state === 'fault' ? this.#faults : [],
        master: null,
        addresses: held.map((each) => `${formatIpAddress(each.address)}/${each.prefixLength}`),
        held: this.#vips.held,
        transitions: this.#transitions,
      },
    ];
  }

  async reload(section: ElectionSection): Promise<void> {
    assert(section instanceof LeaseSection, 'an election is not replaced by a reload');
  }

  async setDrained(drained: boolean): Promise<void> {
    this.#drained = drained;
    if (drained) this.#follow(false);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    process.off('message', this.#onAnswer);
    this.#release('initialize', 'it is stopped');
    this.#claim(false);
    this.#vips.close();
    this.#route.close();
  }

  get #wants(): boolean {
    return this.#faults.length === 0 && !this.#drained;
  }

  #turn(): void {
    if (this.#vips.held && bootMs() >= this.#vips.renewAt) this.#vips.renew(bootMs());
    this.#claim(this.#wants);
  }

  #claim(wants: boolean): void {
    const claim: LeaseClaim = { wants };
    this.#claimedAt = bootMs();
    process.send?.(claim);
  }

  #follow(owns: boolean): void {
    const now = bootMs();
    if (owns && this.#wants) {
      this.#record.note(this.#claimedAt, 1);
      if (this.#vips.held) return;
      this.#vips.put(now);
      this.#vips.announce(this.#resolved.config.garp.repeat, now);
      assert(this.#vips.renewAt <= now + RENEW_INTERVAL_MS, 'what is held is renewed');
      this.#enter('master', 'the lease is ours');
    } else if (this.#faults.length > 0) {
      this.#release('fault', this.#faults.join(', '));
    } else {
      this.#release('backup', 'the lease is not ours');
    }
  }

  #release(to: OwnershipStatus['state'], why: string): void {
    if (this.#vips.held) this.#vips.remove();
    this.#record.forget();
    this.#enter(to, why);
  }

  #enter(to: OwnershipStatus['state'], why: string): void {
    const from = this.#state;
    if (from === to) return;
    this.#state = to;
    this.#transitions += 1;
    const instance = this.#resolved.config.name;
    this.#onEvent({ kind: 'transition', instance, from, to, why, priority: 0, facts: {} });
  }
}
