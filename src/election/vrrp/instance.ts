/**
 * One VRRP instance at work: feeds the pure machine (vrrp/machine.ts) with what its sockets, the kernel and tracking
 * say, and carries its effects out. All times are milliseconds of linux/clock.ts.
 */

import type { ProbeVerdict } from '../../address/rules/probe.ts';
import { PutBack } from '../../address/rules/put-back.ts';
import type { TrackingVerdict } from '../../contracts/election.ts';
import { assert, unreachable } from '../../core/assert.ts';
import type { AddressClaim } from '../../linux/arp.ts';
import { ENODEV, SystemError } from '../../linux/errno.ts';
import type { InterfaceAddress } from '../../linux/netlink-route.ts';
import type { InstanceStatus } from '../../stats/status.ts';
import { type MachineFacts, machineFacts } from '../../vrrp/decision-facts.ts';
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
import { leaveMs } from '../../vrrp/timers.ts';
import type { Heard } from './advertiser.ts';
import type { InstanceContext } from './instance-context.ts';
import { InstanceFaults } from './instance-faults.ts';
import { InstanceNews } from './instance-news.ts';
import { instanceStatus } from './instance-status.ts';
import { firstVerdict, machineConfigOf } from './machine-config.ts';
import { type InstanceCounters, type KnownLink, type Ports, portsKey, watchesOf } from './ports.ts';
import { Probing } from './probing.ts';
import { isSameRouter, type ResolvedInstance, sourceFault } from './resolve.ts';

/**
 * Packets taken at one go, so that a flood cannot keep us from our timers. More than a socket's buffer holds (1 MiB, at
 * least 768 bytes for each): after a sleep all are read before a timer, because the last may be that of a better master.
 */
const PACKETS_MAX = 2048;
/** Claims taken at one go. */
const CLAIMS_MAX = 64;

type Links = ReadonlyMap<string, KnownLink>;
type Present = readonly InterfaceAddress[];

/** What an instance becomes by a reload, made ready. */
export type NextForm = {
  readonly instance: Instance;
  readonly resolved: ResolvedInstance;
  readonly grouped: boolean;
  readonly counters: InstanceCounters;
  readonly ports: Ports;
};

export class Instance {
  #resolved: ResolvedInstance;
  readonly #context: InstanceContext;
  #machineConfig: MachineConfig;
  #counters: InstanceCounters;
  readonly #news: InstanceNews;
  #state: MachineState;
  #ports: Ports;
  readonly #putBack = new PutBack();
  readonly #faults: InstanceFaults;
  readonly #probing: Probing;
  #turnedAt = 0;
  /** The status has changed in more than a counter since status() was last called. */
  changed = true;

  /** Opens the sockets; throws SystemError with nothing left open. */
  constructor(resolved: ResolvedInstance, context: InstanceContext, links: Links) {
    this.#resolved = resolved;
    this.#context = context;
    this.#news = new InstanceNews(resolved.config.name, context.onEvent);
    this.#machineConfig = machineConfigOf(resolved, context.grouped);
    this.#state = newMachine(this.#machineConfig);
    this.#counters = { sent: 0, received: 0, dropped: {}, ...watchesOf(resolved) };
    this.#faults = new InstanceFaults(firstVerdict(resolved.config, context.resumed));
    this.#probing = new Probing(this.#faults);
    this.#ports = this.#context.openPorts(resolved, this.#counters, links);
  }

  get name(): string {
    return this.#resolved.config.name;
  }

  /** Descriptors to wait for; they change after setLinks(). */
  get descriptors(): readonly number[] {
    const { advertiser, vips, peers } = this.#ports;
    return [advertiser.fd, ...vips.descriptors, ...peers.descriptors];
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

  /** It asks who holds its addresses. */
  get isProbing(): boolean {
    return this.#probing.probe !== null;
  }

  /** Whether it has reasons of its own to be in FAULT. */
  get isFaulty(): boolean {
    return this.#faults.own().length > 0;
  }

  /** How long it waits for a successor at least. */
  get leaveMs(): number {
    return leaveMs(this.#machineConfig.intervalMs);
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
      this.#counters.owner.nextAt,
      this.#probing.againAt,
      this.#faults.addressUntil,
    );
  }

  /** Goes on as master where there is something to go on with that it can hold; else promotions wait for release(). */
  start(links: Links, now: number): void {
    const { resumed } = this.#context;
    this.#faults.readLinks(this.#resolved, links);
    this.#pushFaults(now);
    const { config } = this.#resolved;
    if (resumed !== null) {
      const { shownAt, everyMs = config.advertIntervalMs } = resumed;
      this.#step({ kind: 'resume', sentAt: shownAt, intervalMs: everyMs }, now);
      if (this.#state.phase === 'initialize') this.#step({ kind: 'start', held: false }, now);
      if (this.#state.phase !== 'master') this.#ports.vips.remove();
      return;
    }
    this.#probing.begin(config, now);
    this.#step({ kind: 'start', held: true }, now);
  }

  /** The address probe's turn. */
  probe(now: number): ProbeVerdict {
    return this.#probing.ask(this.#ports.vips, now);
  }

  release(now: number): void {
    if (this.#probing.end(now)) this.#pushFaults(now);
    this.#step({ kind: 'release' }, now);
  }

  /** Reads what waits on the sockets. */
  receive(now: number): void {
    for (let count = 0; count < PACKETS_MAX; count += 1) {
      const received = this.#ports.advertiser.receive(now);
      if (received === null) break;
      if (received.router) this.#probing.probe?.onOwnerHeard();
      if (received.heard === null) continue;
      this.#step({ kind: 'advert', ...received.heard }, now);
      this.#onRival(received.heard, now);
    }
    for (let count = 0; count < CLAIMS_MAX; count += 1) {
      const claim = this.#ports.vips.receiveClaim();
      if (claim === null) break;
      this.#probing.probe?.onAnswer(claim.mac, claim.address, now);
      // Who leaves waits for just that: its successor claims what is still held here.
      if (this.#state.phase === 'master') this.#onForeignClaim(claim, now);
    }
    for (const peer of this.#ports.peers.receive()) this.#counters.owner.onAnswer(peer, now);
  }

  /** Heard while it is master, and is no reason to yield. */
  #onRival({ source, priority, intervalMs }: Heard, now: number): void {
    if (this.#state.phase !== 'master') return;
    this.#counters.owner.onRival(source, priority, intervalMs, now);
    this.#news.rival(priority, this.#state, now);
  }

  /** Timers: the machine's, the addresses' lifetime, the end of an address fault, a late return, a new question. */
  turn(now: number): void {
    this.#turnedAt = now;
    if (now >= this.#probing.againAt) this.#probing.begin(this.#resolved.config, now);
    if (this.#faults.endAddress(now)) this.#pushFaults(now);
    if (now >= nextTickAt(this.#machineConfig, this.#state)) this.#step({ kind: 'tick' }, now);
    if (now >= this.#ports.vips.announceAt) {
      this.#news.announced(this.#ports.vips.announceWaiting(now));
    }
    if (now >= this.#putBack.dueAt) this.#returnAddresses(now, '');
    else if (now >= this.#renewAt) this.#renew(now);
    const { owner } = this.#counters;
    if (owner.takeConflictAsk(now)) this.#ports.vips.ask(this.#resolved.sourceAddress);
    if (owner.takePeerAsk(now)) this.#ports.peers.ask();
  }

  /** Renewing puts back, too: it waits where that waits, which is shorter than the lifetime. */
  get #renewAt(): number {
    const isWaiting = this.#putBack.dueAt !== Number.POSITIVE_INFINITY;
    return isWaiting ? Number.POSITIVE_INFINITY : this.#ports.vips.renewAt;
  }

  #renew(now: number): void {
    this.#whileHeld(() => this.#ports.vips.renew(now), now);
    this.#context.record.live(now);
  }

  #whileHeld(action: () => void, now: number): void {
    const error = this.#tryAddresses(action);
    if (error !== null && this.#state.phase !== 'leaving') this.#onUnheld(error, now);
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
    old.advertiser.leaveGroup();
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
      const from = this.#resolved.config.interface;
      if (fault !== null && fault.movedTo !== null) this.#news.moved(from, fault.movedTo);
      // Nobody is served from here, and the first of a network must not be a virtual one.
      if (fault !== null && vips.held) vips.remove();
      this.#pushFaults(now);
    }
    if (fault !== null || !vips.held) return;
    this.#whileHeld(() => vips.adapt(present, now), now);
    if (!vips.isMissing(present)) return;
    if (!this.#putBack.onMissing(now)) this.#giveAddressesUp(remover, now);
    else if (now >= this.#putBack.dueAt) this.#returnAddresses(now, remover);
  }

  #returnAddresses(now: number, remover: string): void {
    this.#putBack.settle();
    if (!this.#ports.vips.held) return;
    this.#step({ kind: 'address-lost' }, now);
    if (this.#ports.vips.held)
      this.#news.warn(`had an address taken away${remover} and put it back`);
  }

  #giveAddressesUp(remover: string, now: number): void {
    this.#ports.vips.remove();
    this.#faults.onAddressesLost(remover, now);
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
    const counters = samePeers ? this.#counters : { ...this.#counters, ...watchesOf(resolved) };
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

  /** A stranger holds one of its addresses: it stays out until that has let go. */
  refuse(text: string, now: number): void {
    this.#probing.refuse(text, now);
    this.#pushFaults(now);
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
    // Before anything is said: a claim to addresses that cannot be held must reach nobody.
    if (effects.some(({ kind }) => kind === 'add-addresses')) {
      const removes = effects.some(({ kind }) => kind === 'remove-addresses');
      assert(!removes, 'one step adds addresses or removes them');
      if (!this.#putAddresses(state.phase, now)) return;
    }
    this.#state = state;
    const facts = (to: Phase) => machineFacts(this.#machineConfig, before, event, to, now);
    for (const effect of effects) this.#apply(effect, facts, now);
    const mayHold = state.phase === 'master' || state.phase === 'leaving';
    assert(mayHold || !this.#ports.vips.held, 'only a master holds addresses');
    this.#counters.owner.setMaster(state.phase === 'master', now);
    if (this.#resolved.config.notifyPriority === true) this.#news.priority(before, state);
    this.changed ||=
      state.phase !== before.phase ||
      state.effectivePriority !== before.effectivePriority ||
      state.faults !== before.faults ||
      state.drained !== before.drained ||
      state.lastResort !== before.lastResort ||
      state.master?.address !== before.master?.address;
  }

  #apply(effect: MachineEffect, facts: (to: Phase) => MachineFacts, now: number): void {
    const { advertiser, vips } = this.#ports;
    switch (effect.kind) {
      case 'send-advert':
        advertiser.send(effect.priority);
        if (this.#state.phase === 'master') this.#context.record.note(now, effect.priority);
        break;
      case 'add-addresses':
        // First of all: #putAddresses().
        break;
      case 'remove-addresses':
        vips.remove();
        break;
      case 'garp':
        this.#news.announced(vips.announce(effect.count, now));
        break;
      case 'transition':
        if (toldPhase(effect.to) !== 'master') this.#ports.setMaster(false);
        if (effect.to !== 'master') this.#context.record.forget();
        this.#news.transition(effect, this.#state, facts(effect.to));
        break;
      default:
        unreachable(effect);
    }
  }

  /** For a step to phase `to`. False: they cannot be held, and the step is not taken. */
  #putAddresses(to: Phase, now: number): boolean {
    const { phase: from } = this.#state;
    // Before anything is sent from there.
    this.#ports.setMaster(true);
    const error = this.#tryAddresses(() => this.#ports.vips.put(now));
    // It has said that it goes; the addresses went with the interface, perhaps.
    if (error === null || to === 'leaving') return true;
    if (from !== 'master' && from !== 'leaving') {
      this.#ports.vips.remove();
      this.#ports.setMaster(false);
    }
    this.#onUnheld(error, now);
    return false;
  }

  /** What the kernel says against it; null: nothing. */
  #tryAddresses(action: () => void): SystemError | null {
    try {
      action();
      return null;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      return error;
    }
  }

  /** A master that cannot hold the addresses is none: FAULT lets another node have them. */
  #onUnheld(error: SystemError, now: number): void {
    this.#faults.onUnheld(error, now);
    this.#pushFaults(now);
  }

  #pushFaults(now: number, kind: 'track' | 'reload' = 'track'): void {
    const priorityDelta = this.#faults.priorityDelta;
    this.#step({ kind, priorityDelta, faults: this.#faults.all() }, now);
  }

  #onForeignClaim(claim: AddressClaim, now: number): void {
    const { watch, owner } = this.#counters;
    watch.onClaim(claim.address, claim.mac, now);
    owner.onClaim(claim.address, claim.mac, now);
    this.#news.claimed(claim);
    this.#step({ kind: 'foreign-claim' }, now);
  }
}
