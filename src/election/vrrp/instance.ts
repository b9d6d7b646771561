/**
 * One VRRP instance at work: feeds the pure machine (vrrp/machine.ts) with what its sockets, the kernel
 * and tracking say, and carries its effects out. All times are milliseconds of linux/clock.ts.
 */

import { AddressProbe, type ProbeVerdict } from '../../address/rules/probe.ts';
import { PutBack, REMOVALS_MAX } from '../../address/rules/put-back.ts';
import type { TrackingVerdict } from '../../contracts/election.ts';
import { assert, unreachable } from '../../core/assert.ts';
import { formatIpAddress } from '../../core/ip-address.ts';
import type { AddressClaim } from '../../linux/arp.ts';
import { ENODEV, errorText, SystemError } from '../../linux/errno.ts';
import type { InterfaceAddress, Link } from '../../linux/netlink-route.ts';
import type { InstanceStatus } from '../../stats/status.ts';
import {
  type MachineConfig,
  type MachineEffect,
  type MachineEvent,
  type MachineState,
  newMachine,
  type Phase,
  step,
  toldPhase,
} from '../../vrrp/machine.ts';
import { isDue, nextTickAt } from '../../vrrp/machine-due.ts';
import { downIntervalMs, leaveMs } from '../../vrrp/timers.ts';
import type { Counters } from './advertiser.ts';
import type { InstanceContext } from './instance-context.ts';
import { InstanceFaults } from './instance-faults.ts';
import { instanceStatus } from './instance-status.ts';
import { firstVerdict, machineConfigOf } from './machine-config.ts';
import { type Ports, portsKey, watchOf } from './ports.ts';
import { isSameRouter, type ResolvedInstance, sourceFault } from './resolve.ts';
import { RivalNews } from './rival-news.ts';

/**
 * Packets taken at one go, so that a flood cannot keep us from our timers. More than a socket's buffer holds
 * (1 MiB, at least 768 bytes for each): after a sleep all of them are read before a timer is looked at,
 * because the last may be that of a better master.
 */
const PACKETS_MAX = 2048;
/** After addresses could not be added, the next try. */
const ADDRESS_FAULT_MS = 5000;
/** After somebody took them away again and again. */
const FIGHT_FAULT_MS = 30_000;
/** Claims taken at one go. */
const CLAIMS_MAX = 64;

type Links = ReadonlyMap<string, Link>;
type Present = readonly InterfaceAddress[];

/** What an instance becomes by a reload, made ready. */
export type NextForm = {
  readonly instance: Instance;
  readonly resolved: ResolvedInstance;
  readonly grouped: boolean;
  readonly counters: Counters;
  readonly ports: Ports;
};

export class Instance {
  #resolved: ResolvedInstance;
  readonly #context: InstanceContext;
  #machineConfig: MachineConfig;
  #counters: Counters;
  readonly #rivals = new RivalNews();
  #state: MachineState;
  #ports: Ports;
  #probe: AddressProbe | null = null;
  readonly #putBack = new PutBack();
  readonly #faults: InstanceFaults;
  /** An address fault was found inside a step; the end of the turn acts on it. */
  #faultsPending = false;
  #turnedAt = 0;
  /** The status has changed in more than a counter since status() was last called. */
  changed = true;

  /** Opens the sockets; throws SystemError with nothing left open. */
  constructor(resolved: ResolvedInstance, context: InstanceContext, links: Links) {
    this.#resolved = resolved;
    this.#context = context;
    this.#machineConfig = machineConfigOf(resolved, context.grouped);
    this.#state = newMachine(this.#machineConfig);
    this.#counters = { sent: 0, received: 0, dropped: {}, watch: watchOf(resolved) };
    this.#faults = new InstanceFaults(firstVerdict(resolved.config, context.resumed));
    this.#ports = this.#context.openPorts(resolved, this.#counters, links);
  }

  get name(): string {
    return this.#resolved.config.name;
  }

  /** Descriptors to wait for; they change after setLinks(). */
  get descriptors(): readonly number[] {
    return [this.#ports.advertiser.fd, ...this.#ports.vips.descriptors];
  }

  get phase(): Phase {
    return this.#state.phase;
  }

  /** The address that it sends from is gone, and the configuration does not insist on it. */
  get mayRenumber(): boolean {
    return this.#faults.source !== null && this.#resolved.config.sourceAddress === null;
  }

  /** Drained, and master because nobody else is. */
  get isLastResort(): boolean {
    return this.#state.lastResort;
  }

  /** Whether it has reasons of its own to be in FAULT. */
  get isFaulty(): boolean {
    return this.#faults.own().length > 0;
  }

  /** A backup that nothing but its group keeps from being master. */
  isDue(now: number): boolean {
    return isDue(this.#machineConfig, this.#state, now);
  }

  /** When turn() is needed next. */
  get nextAt(): number {
    const tickAt = nextTickAt(this.#machineConfig, this.#state);
    // A member that is due waits for its group, whose other members have timers, too.
    const waits = this.#machineConfig.grouped === true && this.isDue(this.#turnedAt);
    return Math.min(
      waits ? Number.POSITIVE_INFINITY : tickAt,
      this.#renewAt,
      this.#putBack.dueAt,
      this.#ports.vips.announceAt,
      this.#faults.address?.until ?? Number.POSITIVE_INFINITY,
    );
  }

  /** Goes on as master where there is something to go on with; otherwise promotions wait until release(). */
  start(links: Links, now: number): void {
    const { version, priority, advertIntervalMs } = this.#resolved.config;
    const { resumed } = this.#context;
    this.#faults.readLinks(this.#resolved, links);
    this.#pushFaults(now);
    if (resumed !== null) {
      this.#step({ kind: 'resume', sentAt: resumed.shownAt }, now);
      if (this.#state.phase !== 'master') this.#ports.vips.remove();
      return;
    }
    this.#probe = new AddressProbe(now, downIntervalMs(version, priority, advertIntervalMs));
    this.#step({ kind: 'start', held: true }, now);
  }

  /** The address probe's turn; a machine without a carrier has nobody to ask. */
  probe(now: number): ProbeVerdict {
    if (this.#probe === null || this.#faults.hasLinkFault) return { kind: 'free' };
    if (this.#probe.takeDue(now)) this.#ports.vips.probe();
    return this.#probe.verdict(now);
  }

  release(now: number): void {
    this.#probe = null;
    this.#step({ kind: 'release' }, now);
  }

  /** Reads what waits on the sockets. */
  receive(now: number): void {
    for (let count = 0; count < PACKETS_MAX; count += 1) {
      const received = this.#ports.advertiser.receive(now);
      if (received === null) break;
      if (received.router) this.#probe?.onOwnerHeard();
      if (received.heard === null) continue;
      this.#step({ kind: 'advert', ...received.heard }, now);
      this.#tellRival(received.heard.priority, now);
    }
    for (let count = 0; count < CLAIMS_MAX; count += 1) {
      const claim = this.#ports.vips.receiveClaim();
      if (claim === null) break;
      this.#probe?.onAnswer(claim.mac, claim.address, now);
      if (this.#ports.vips.held) this.#onForeignClaim(claim, now);
    }
  }

  /** Timers: the machine's, the addresses' lifetime, the end of an address fault, a late return. */
  turn(now: number): void {
    this.#turnedAt = now;
    if (this.#faults.address !== null && now >= this.#faults.address.until) {
      this.#faults.address = null;
      this.#pushFaults(now);
    }
    if (now >= nextTickAt(this.#machineConfig, this.#state)) this.#step({ kind: 'tick' }, now);
    if (now >= this.#ports.vips.announceAt) {
      this.#onAnnounced(this.#ports.vips.announceWaiting(now));
    }
    if (now >= this.#putBack.dueAt) this.#returnAddresses(now, '');
    else if (now >= this.#renewAt) this.#renew(now);
    this.#settle(now);
  }

  /** Renewing puts back, too: it waits where that waits, which is shorter than the lifetime. */
  get #renewAt(): number {
    const isWaiting = this.#putBack.dueAt !== Number.POSITIVE_INFINITY;
    return isWaiting ? Number.POSITIVE_INFINITY : this.#ports.vips.renewAt;
  }

  #renew(now: number): void {
    this.#tryAddresses(now, () => this.#ports.vips.renew(now));
  }

  /** Something outside may have followed the rival, e.g. a provider's routes. */
  #tellRival(heard: number, now: number): void {
    const { phase, effectivePriority: priority } = this.#state;
    if (phase !== 'master' || !this.#rivals.isDue(heard, priority, now)) return;
    this.#context.onEvent({ kind: 'rival', instance: this.name, priority });
  }

  track(verdict: TrackingVerdict, now: number): void {
    this.#faults.verdict = verdict;
    this.#pushFaults(now);
  }

  /** null: no other member of its sync group is in FAULT. */
  setGroupFault(text: string | null, now: number): void {
    if (text === this.#faults.group) return;
    this.#faults.group = text;
    this.#pushFaults(now);
  }

  /** The sync group has become master, or is no longer. */
  follow(to: 'master' | 'backup', group: string, now: number): void {
    this.#step({ kind: 'follow', to, group }, now);
  }

  /** null: the main thread is alive. */
  setMainFault(text: string | null, now: number): void {
    if (text === this.#faults.main) return;
    this.#faults.main = text;
    this.#pushFaults(now);
  }

  /** Interfaces have changed; descriptors may be others afterwards. */
  setLinks(links: Links, now: number): void {
    this.#faults.readLinks(this.#resolved, links);
    this.#pushFaults(now);
    const complete = this.#resolved.interfaceNames.every((name) => links.has(name));
    if (!complete || this.#ports.key === portsKey(this.#resolved, links)) return;
    const old = this.#ports;
    try {
      this.#ports = this.#context.openPorts(this.#resolved, this.#counters, links);
    } catch (error) {
      // Gone again meanwhile: the next news about it brings us back here.
      if (error instanceof SystemError && error.errno === ENODEV) return;
      throw error;
    }
    old.close();
    if (old.vips.held) this.#step({ kind: 'address-lost' }, now);
  }

  /**
   * Addresses of this machine have changed, by `remover` (" by ..."). One that somebody took away is put back, and
   * the machine decides: one that has slept through their lifetime may no longer be the master.
   */
  onAddressesChanged(present: Present, links: Links, remover: string, now: number): void {
    const { vips } = this.#ports;
    const fault = sourceFault(this.#resolved, links, present);
    if (fault?.text !== this.#faults.source?.text) {
      this.#faults.source = fault;
      this.#tellMove(fault?.movedTo ?? null);
      // Nobody is served from here, and the first of a network must not be a virtual one.
      if (fault !== null && vips.held) vips.remove();
      this.#pushFaults(now);
    }
    if (fault !== null || !vips.held) return;
    this.#tryAddresses(now, () => vips.adapt(present, now));
    if (!vips.isMissing(present)) return;
    if (!this.#putBack.onMissing(now)) this.#giveAddressesUp(remover, now);
    else if (now >= this.#putBack.dueAt) this.#returnAddresses(now, remover);
  }

  #tellMove(to: string | null): void {
    const { name: instance, interface: from } = this.#resolved.config;
    if (to !== null) this.#context.onEvent({ kind: 'own-address-moved', instance, from, to });
  }

  #returnAddresses(now: number, remover: string): void {
    this.#putBack.settle();
    if (!this.#ports.vips.held) return;
    this.#step({ kind: 'address-lost' }, now);
    if (this.#ports.vips.held) this.#warn(`had an address taken away${remover} and put it back`);
  }

  #giveAddressesUp(remover: string, now: number): void {
    this.#ports.vips.remove();
    const text = `its addresses were taken away ${REMOVALS_MAX} times and once more${remover}`;
    this.#faults.address = { text, until: now + FIGHT_FAULT_MS };
    this.#pushFaults(now);
  }

  // --- another configuration --------------------------------------------------------------------

  /** Whether it can go on as that: another router on the wire, or at another place, is another instance. */
  canBecome(resolved: ResolvedInstance): boolean {
    return this.#faults.stranger === null && isSameRouter(this.#resolved, resolved);
  }

  /** Opens what it needs to go on as that; throws SystemError with nothing changed. */
  prepare(resolved: ResolvedInstance, grouped: boolean, links: Links): NextForm {
    const { transport } = this.#resolved.config;
    const samePeers = JSON.stringify(transport) === JSON.stringify(resolved.config.transport);
    const counters = samePeers ? this.#counters : { ...this.#counters, watch: watchOf(resolved) };
    const same = samePeers && this.#ports.key === portsKey(resolved, links);
    const ports = same ? this.#ports : this.#context.openPorts(resolved, counters, links);
    return { instance: this, resolved, grouped, counters, ports };
  }

  /** The way back from prepare(). */
  abandon({ ports }: NextForm): void {
    if (ports === this.#ports) return;
    ports.close();
  }

  /** First step: what it will not hold any more goes, so that another instance may have it. */
  leave({ resolved, ports }: NextForm, now: number): void {
    // By the old configuration, so that a sleep shows before the new one hides it.
    this.#pushFaults(now);
    if (ports !== this.#ports) this.#ports.vips.leave(resolved);
  }

  /** Second step: goes on by the new configuration, with its state. */
  become({ resolved, grouped, counters, ports }: NextForm, links: Links, now: number): void {
    const old = this.#ports;
    this.#resolved = resolved;
    this.#machineConfig = machineConfigOf(resolved, grouped);
    this.#counters = counters;
    this.#ports = ports;
    this.#faults.source = null;
    this.changed = true;
    this.#faults.readLinks(this.#resolved, links);
    this.#pushFaults(now, 'reload');
    if (ports === old) return;
    old.close();
    if (this.#state.phase === 'master') this.#step({ kind: 'address-lost' }, now);
  }

  /** A stranger holds one of its addresses: it stays out for good. */
  refuse(text: string, now: number): void {
    this.#faults.stranger = text;
    this.#probe = null;
    this.#pushFaults(now);
  }

  /** How long it waits for a successor at least. */
  get leaveMs(): number {
    return leaveMs(this.#machineConfig.intervalMs);
  }

  /** To be master as the last resort only; one that is master waits so long for a successor. */
  drain(waitMs: number, now: number): void {
    this.#step({ kind: 'drain', waitMs }, now);
  }

  /** As any other again. */
  makeReady(now: number): void {
    this.#step({ kind: 'ready' }, now);
  }

  /** Priority 0; the addresses follow when another has them, or when stop() does not wait for that. */
  depart(now: number): void {
    this.#step({ kind: 'stop' }, now);
  }

  /** Priority 0 and no addresses, at once: nobody is waited for. */
  stop(now: number): void {
    this.#step({ kind: 'stop' }, now);
    this.#step({ kind: 'tick' }, this.#state.leave?.until ?? now);
    if (this.#ports.vips.held) this.#ports.vips.remove();
  }

  close(): void {
    this.#ports.close();
  }

  status(now: number): InstanceStatus {
    this.changed = false;
    return instanceStatus(
      {
        resolved: this.#resolved,
        machineConfig: this.#machineConfig,
        state: this.#state,
        held: this.#ports.vips.held,
        counters: this.#counters,
      },
      now,
    );
  }

  #step(event: MachineEvent, now: number): void {
    const before = this.#state;
    const { state, effects } = step(this.#machineConfig, before, event, now);
    this.#state = state;
    // Before anything is sent from there.
    if (effects.some(({ kind }) => kind === 'add-addresses')) this.#ports.setMaster(true);
    for (const effect of effects) this.#apply(effect, now);
    const mayHold = state.phase === 'master' || state.phase === 'leaving';
    assert(mayHold || !this.#ports.vips.held, 'only a master holds addresses');
    this.#tellPriority(before);
    this.changed ||=
      state.phase !== before.phase ||
      state.effectivePriority !== before.effectivePriority ||
      state.faults !== before.faults ||
      state.drained !== before.drained ||
      state.lastResort !== before.lastResort ||
      state.master?.address !== before.master?.address;
  }

  #tellPriority(before: MachineState): void {
    const { phase, effectivePriority: priority } = this.#state;
    if (this.#resolved.config.notifyPriority !== true || before.phase !== phase) return;
    if (phase !== 'master' && phase !== 'backup') return;
    if (priority === before.effectivePriority) return;
    this.#context.onEvent({ kind: 'priority', instance: this.name, state: phase, priority });
  }

  #apply(effect: MachineEffect, now: number): void {
    const { advertiser, vips } = this.#ports;
    switch (effect.kind) {
      case 'send-advert':
        advertiser.send(effect.priority);
        if (this.#state.phase === 'master') this.#context.record.note(now, effect.priority);
        break;
      case 'add-addresses':
        this.#tryAddresses(now, () => vips.put(now));
        break;
      case 'remove-addresses':
        vips.remove();
        break;
      case 'garp':
        this.#onAnnounced(vips.announce(effect.count, now));
        break;
      case 'transition': {
        const { why } = effect;
        const [from, to] = [toldPhase(effect.from), toldPhase(effect.to)];
        if (to !== 'master') this.#ports.setMaster(false);
        const priority = this.#state.effectivePriority;
        if (effect.to !== 'master') this.#context.record.forget();
        // One that leaves is still there.
        if (from === to) break;
        this.#context.onEvent({ kind: 'transition', instance: this.name, from, to, why, priority });
        break;
      }
      default:
        unreachable(effect);
    }
  }

  #onAnnounced(error: number): void {
    if (error !== 0) this.#warn(`cannot announce its addresses: ${errorText(error)}`);
  }

  /** A master that cannot hold the addresses is none: FAULT lets another node have them. */
  #tryAddresses(now: number, action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      // It has said that it goes; the addresses went with the interface, perhaps.
      if (this.#state.phase === 'leaving') return;
      const text = `addresses cannot be added: ${error.message}`;
      this.#faults.address = { text, until: now + ADDRESS_FAULT_MS };
      this.#faultsPending = true;
    }
  }

  /** Carries out what #tryAddresses found. */
  #settle(now: number): void {
    if (!this.#faultsPending) return;
    this.#faultsPending = false;
    this.#pushFaults(now);
  }

  #pushFaults(now: number, kind: 'track' | 'reload' = 'track'): void {
    const priorityDelta = this.#faults.priorityDelta;
    this.#step({ kind, priorityDelta, faults: this.#faults.all() }, now);
  }

  #onForeignClaim(claim: AddressClaim, now: number): void {
    const { address, mac } = claim;
    this.#counters.watch.onClaim(address, mac, now);
    if (this.#rivals.isNew(claim)) {
      this.#warn(`holds ${formatIpAddress(address)}, but ${mac} claims it too`);
    }
    this.#step({ kind: 'foreign-claim' }, now);
  }

  #warn(text: string): void {
    this.#context.onEvent({ kind: 'warning', text: `VRRP instance "${this.name}" ${text}` });
  }
}
