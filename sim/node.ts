/**
 * One simulated machine: a clock that drifts, a kernel that holds the address and its lifetime, sockets
 * that queue, and the speaker's process. The process does what election/vrrp/loop.ts and instance.ts
 * do, round by round, with the same machine, codec, probe and lifetimes.
 */

import { LIFETIME_SECONDS, RENEW_INTERVAL_MS } from '../src/address/rules/lifetime.ts';
import { AddressProbe } from '../src/address/rules/probe.ts';
import { assert, unreachable } from '../src/core/assert.ts';
import type { Verdict } from '../src/tracking/verdict.ts';
import {
  type MachineConfig,
  type MachineEffect,
  type MachineEvent,
  type MachineState,
  newMachine,
  type step,
} from '../src/vrrp/machine.ts';
import { nextTickAt } from '../src/vrrp/machine-due.ts';
import { type Drainable, NodeDrain } from '../src/vrrp/node-drain.ts';
import { decodeAdvertisement, type ReceivedPacket } from '../src/vrrp/packet.ts';
import { downIntervalMs, leaveMs, silenceMs } from '../src/vrrp/timers.ts';
import { Clock } from './clock.ts';
import type { Arp } from './network.ts';
import { Reaper } from './reaper.ts';
import type { NodeView, Process, WorldView } from './views.ts';
import { type Wire, wireOf } from './wire.ts';

/** As election/vrrp/instance.ts takes them. */
const PACKETS_PER_ROUND = 2048;
/** What a socket holds for a process that does not read. */
const SOCKET_PACKETS_MAX = 1300;
/** As election/vrrp/loop.ts waits while it probes. */
const PROBE_WAIT_MS = 10;
/** systemd's usual pause before it starts a service again. */
const RESTART_MS = 1000;

export class Node implements NodeView {
  readonly index: number;
  readonly wire: Wire;
  readonly clock: Clock;
  readonly #world: WorldView;
  readonly #step: typeof step;
  config: MachineConfig;
  state: MachineState;
  process: Process = 'none';
  startedAt = 0;
  /** False: no electricity, or suspended: the machine is not on the network. */
  online = true;
  #suspendedAt = 0;
  #clockAtSuspend = 0;
  #clockRuns = true;
  /** Counted, so that the end planned for one sleep does not end another. */
  sleeps = 0;
  verdict: Verdict = { priorityDelta: 0, faults: [] };
  /** The kernel's truth. */
  kernelHolds = false;
  #expiresAt = 0;
  #expiryPlanned = false;
  /** What outlives the process (address/mastership.ts); null: it is not master. */
  #mastership: { readonly sentAt: number; readonly priority: number } | null = null;
  #reaper: Reaper | null = null;
  /** What the process believes. */
  held = false;
  #renewAt = Number.POSITIVE_INFINITY;
  probe: AddressProbe | null = null;
  #addressNews = false;
  #verdictNews = false;
  /** A configuration read again, until the next round. */
  #nextConfig: MachineConfig | null = null;
  #drain = new NodeDrain();
  #packets: ReceivedPacket[] = [];
  #claims: number[] = [];
  #roundAt = Number.POSITIVE_INFINITY;
  /** Counts the lives of the process, so that a round of an earlier one is not run. */
  #roundToken = 0;

  constructor(world: WorldView, index: number, config: MachineConfig, machine: typeof step) {
    this.#world = world;
    this.index = index;
    this.config = config;
    this.#step = machine;
    this.state = newMachine(config);
    this.wire = wireOf(world.settings, index);
    this.clock = new Clock(world.drawRate());
  }

  /** Takes part in the election, as far as its process and machine go. */
  get isUp(): boolean {
    return this.online && this.process === 'running';
  }

  /** Up, past its probe, and nothing tracked keeps it out; drained or not. */
  get isCandidate(): boolean {
    const { faults, lastResort } = this.state;
    const goes = this.isLeaving && !lastResort;
    return this.isUp && !goes && this.probe === null && faults.length === 0;
  }

  get isEligible(): boolean {
    return this.isCandidate && !this.state.drained;
  }

  get isLeaving(): boolean {
    return this.state.phase === 'leaving';
  }

  /** Its process was killed, or hangs, and the address waits for a successor. */
  get isReaped(): boolean {
    return this.online && this.kernelHolds && this.#reaper !== null && !this.#reaper.isOver;
  }

  get waiting(): NodeView['waiting'] {
    return { packets: this.#packets.length, claims: this.#claims.length };
  }

  start(): void {
    assert(this.process === 'none', 'a process is started once');
    this.process = 'running';
    this.startedAt = this.#world.now;
    this.#endReaper();
    const now = this.clock.read(this.#world.now);
    const { version, priority, intervalMs } = this.config;
    const resumed = this.#resumed(now);
    if (resumed === null) this.#removeFromKernel('left over from an earlier run');
    this.#forget();
    this.#world.checker.onProcess(this);
    this.state = newMachine(this.config);
    if (resumed !== null) {
      const priorityDelta = resumed.priority - priority;
      this.#feed({ kind: 'track', priorityDelta, faults: [] }, now);
      this.#feed({ kind: 'resume', sentAt: resumed.sentAt, intervalMs }, now);
      if (this.state.phase !== 'master') this.#remove();
      this.setVerdict(this.verdict);
      return;
    }
    this.probe = new AddressProbe(now, downIntervalMs(version, priority, intervalMs));
    this.#feed({ kind: 'track', ...this.verdict }, now);
    this.#feed({ kind: 'start', held: true }, now);
    this.requestRound(this.#world.now);
  }

  /** SIGTERM: priority 0, and the address goes when somebody follows. */
  stop(): void {
    if (this.process !== 'running') return;
    this.#feed({ kind: 'stop' }, this.clock.read(this.#world.now));
    this.requestRound(this.#world.now);
  }

  /** SIGKILL to the guardian alone: its reaper is left. */
  endAlone(): void {
    this.end();
    this.#reap();
    this.#world.checker.onReaper(this);
  }

  #reap(): void {
    const from = this.#mastership?.sentAt ?? this.clock.read(this.#world.now);
    this.#reaper = new Reaper(this.#world, this, from, (why) => this.#removeFromKernel(why));
  }

  /** address/vigil.ts: a reaper stands in for a guardian that gives no sign of life. */
  #planVigil(): void {
    if (this.#mastership === null) return;
    const aliveAt = Math.max(this.#mastership.sentAt, this.#renewAt - RENEW_INTERVAL_MS);
    const silentAt = this.clock.when(aliveAt + silenceMs(this.config.intervalMs), this.#world.now);
    const { sleeps } = this;
    this.#world.plan(this.#world.lagged(Math.max(silentAt, this.#world.now)), () => {
      const hangs = this.process === 'frozen' && this.sleeps === sleeps;
      if (hangs && this.online && this.kernelHolds) this.#reap();
    });
  }

  /** SIGKILL to whatever runs: what the kernel holds stays for its lifetime. */
  killReaper(): boolean {
    const { isReaped } = this;
    this.#endReaper();
    if (isReaped) this.#world.checker.onReaperKilled(this);
    return isReaped;
  }

  /** election/vrrp/loop.ts, isMasterStill(). */
  #resumed(now: number): { readonly sentAt: number; readonly priority: number } | null {
    const left = this.kernelHolds ? this.#mastership : null;
    if (left === null) return null;
    const { version, intervalMs } = this.config;
    const silentMs = now - left.sentAt;
    const isMaster = silentMs >= 0 && silentMs < downIntervalMs(version, left.priority, intervalMs);
    return isMaster ? left : null;
  }

  #endReaper(): void {
    if (this.isReaped) {
      // It has renewed the lifetime until now.
      this.#expiresAt = this.#world.now + this.#world.drawLifetimeMs(LIFETIME_SECONDS);
      this.#planExpiry();
    }
    this.#reaper?.kill();
    this.#reaper = null;
  }

  /** SIGKILL: what the kernel holds stays for its lifetime. */
  end(): void {
    this.process = 'none';
    this.killReaper();
    this.held = false;
    this.probe = null;
    this.#forget();
    this.#world.checker.onProcess(this);
  }

  /** SIGSTOP. */
  freeze(): void {
    assert(this.process === 'running', 'only what runs is frozen');
    this.process = 'frozen';
    this.sleeps += 1;
    this.#cancelRound();
    this.#world.checker.onProcess(this);
    if (this.online) this.#planVigil();
  }

  /** Everything stops: to memory, where the clock counts the sleep, or a virtual machine whole. */
  suspend(clockRuns: boolean): void {
    this.online = false;
    this.#clockRuns = clockRuns;
    this.#suspendedAt = this.#world.now;
    this.#clockAtSuspend = this.clock.read(this.#world.now);
    this.freeze();
  }

  /** SIGCONT, or the end of a suspend. */
  wake(): void {
    if (this.process !== 'frozen') return;
    if (!this.online) {
      this.online = true;
      this.#expiresAt += this.#world.now - this.#suspendedAt;
      if (!this.#clockRuns) this.clock.goOnFrom(this.#clockAtSuspend, this.#world.now);
      if (this.kernelHolds) this.#planExpiry();
    }
    this.#endReaper();
    this.process = 'running';
    this.#world.checker.onProcess(this);
    this.requestRound(this.#world.soon());
  }

  /** The plug is pulled. */
  powerOff(): void {
    this.online = false;
    this.kernelHolds = false;
    this.end();
  }

  /** `ip address delete` by hand. */
  deleteAddress(): void {
    if (!this.kernelHolds) return;
    this.kernelHolds = false;
    this.#world.checker.onAddress(this, 'deleted by hand');
    this.#onAddressGone();
  }

  /** A configuration read again: the machine goes on with it. */
  reload(change: { readonly priority: number; readonly preempt: boolean }): void {
    this.#nextConfig = { ...(this.#nextConfig ?? this.config), ...change };
    this.requestRound(this.#world.soon());
  }

  /** `evergate drain node`, `evergate ready node`. */
  setDrained(drained: boolean): void {
    this.#drain.ask(drained, [this.#drainable()], this.clock.read(this.#world.now));
    this.requestRound(this.#world.now);
  }

  #drainable(): Drainable {
    const { phase, lastResort } = this.state;
    return {
      name: `node ${this.index}`,
      phase,
      isLastResort: lastResort,
      leaveMs: leaveMs(this.config.intervalMs),
      drain: (waitMs, now) => this.#feed({ kind: 'drain', waitMs }, now),
      makeReady: (now) => this.#feed({ kind: 'ready' }, now),
    };
  }

  setVerdict(verdict: Verdict): void {
    this.verdict = verdict;
    this.#verdictNews = true;
    this.requestRound(this.#world.soon());
  }

  onPacket(packet: ReceivedPacket): void {
    if (this.isReaped) this.#reaper?.onPacket(packet);
    if (!this.online || this.process === 'none') return;
    if (this.#packets.length < SOCKET_PACKETS_MAX) this.#packets.push(packet);
    this.requestRound(this.#world.soon());
  }

  onArp({ kind, from }: Arp): void {
    if (!this.online) return;
    // The kernel answers, whatever the process does.
    if (kind === 'probe') {
      if (this.kernelHolds) {
        this.#world.network.sendArp(this.index, from, { kind: 'answer', from: this.index });
      }
      return;
    }
    if (this.process === 'none') return;
    if (this.#claims.length < SOCKET_PACKETS_MAX) this.#claims.push(from);
    this.requestRound(this.#world.soon());
  }

  /** The process gets a turn at `at`, if none is due before. */
  requestRound(at: number): void {
    if (!this.isUp || at >= this.#roundAt) return;
    this.#roundAt = at;
    this.#roundToken += 1;
    const token = this.#roundToken;
    this.#world.plan(at, () => {
      if (token === this.#roundToken && this.isUp) this.#round();
    });
  }

  /** election/vrrp/loop.ts, one turn of run(). */
  #round(): void {
    this.#roundAt = Number.POSITIVE_INFINITY;
    const now = this.clock.read(this.#world.now);
    this.#receive(now);
    if (this.#nextConfig !== null) {
      // One step by the old configuration: a sleep must show.
      this.#feed({ kind: 'track', ...this.verdict }, now);
      this.config = this.#nextConfig;
      this.#nextConfig = null;
      this.#feed({ kind: 'reload', ...this.verdict }, now);
    }
    if (this.#verdictNews) {
      this.#verdictNews = false;
      this.#feed({ kind: 'track', ...this.verdict }, now);
    }
    if (this.#addressNews) {
      this.#addressNews = false;
      if (this.held && !this.kernelHolds) this.#feed({ kind: 'address-lost' }, now);
    }
    if (now >= nextTickAt(this.config, this.state)) this.#feed({ kind: 'tick' }, now);
    if (now >= this.#renewAt) this.#put(now);
    if (this.probe !== null) this.#runProbe(this.probe, now);
    this.#drain.settle([this.#drainable()], now);
    if (this.process === 'running') this.#requestNext(now);
  }

  #receive(now: number): void {
    for (let left = PACKETS_PER_ROUND; left > 0 && this.#packets.length > 0; left -= 1) {
      const packet = this.#packets.shift() as ReceivedPacket;
      const decoded = decodeAdvertisement(packet, this.wire.expectation);
      const reason = decoded.ok ? null : decoded.reason;
      if (reason !== 'other-router' && reason !== 'own-packet' && reason !== 'too-short') {
        this.probe?.onOwnerHeard();
      }
      if (!decoded.ok) continue;
      const { priority, intervalMs } = decoded.value.advertisement;
      this.#feed({ kind: 'advert', source: packet.source, priority, intervalMs }, now);
    }
    for (const from of this.#claims.splice(0)) {
      this.probe?.onAnswer(`node ${from}`, 0, now);
      if (this.held) this.#feed({ kind: 'foreign-claim' }, now);
    }
  }

  #runProbe(probe: AddressProbe, now: number): void {
    if (probe.takeDue(now)) this.#world.broadcastArp(this, 'probe');
    const verdict = probe.verdict(now);
    if (verdict.kind === 'free') {
      this.probe = null;
      this.#world.checker.onReleased(this);
      this.#feed({ kind: 'release' }, now);
    } else if (verdict.kind === 'taken') {
      this.#world.checker.onRefused(this, verdict.mac);
      this.stop();
      this.#world.plan(this.#world.now + RESTART_MS, () => {
        if (this.process !== 'none' || !this.online) return;
        this.#world.checker.onDisturbance(`node ${this.index} is started again`);
        this.start();
      });
    }
  }

  #requestNext(now: number): void {
    if (this.#packets.length > 0) {
      this.requestRound(this.#world.now);
      return;
    }
    let next = Math.min(nextTickAt(this.config, this.state), this.#renewAt);
    if (this.probe !== null) next = Math.min(next, now + PROBE_WAIT_MS);
    if (next !== Number.POSITIVE_INFINITY) {
      this.requestRound(this.#world.lagged(this.clock.when(next, this.#world.now)));
    }
  }

  #feed(event: MachineEvent, now: number): void {
    const before = this.state;
    const { state, effects } = this.#step(this.config, before, event, now);
    this.state = state;
    if (effects.length > 0) this.#world.checker.onStep(this, before, event, effects, now);
    for (const effect of effects) this.#apply(effect, now);
    if (before.phase === 'initialize' || state.phase !== 'initialize') return;
    if (this.held) this.#remove();
    this.end();
  }

  #apply(effect: MachineEffect, now: number): void {
    switch (effect.kind) {
      case 'send-advert':
        this.#world.broadcastAdvert(this, effect.priority);
        if (this.state.phase === 'master') {
          this.#mastership = { sentAt: now, priority: effect.priority };
        }
        break;
      case 'add-addresses':
        this.#put(now);
        break;
      case 'remove-addresses':
        this.#remove();
        break;
      case 'garp':
        if (this.held && !this.kernelHolds) this.#put(now);
        this.#world.broadcastArp(this, 'announce');
        break;
      case 'transition':
        if (effect.to !== 'master') this.#mastership = null;
        this.#world.checker.onTransition(this, effect);
        break;
      default:
        unreachable(effect);
    }
  }

  /** address/vip.ts, put(). */
  #put(now: number): void {
    this.held = true;
    this.#renewAt = now + RENEW_INTERVAL_MS;
    this.#expiresAt = this.#world.now + this.#world.drawLifetimeMs(LIFETIME_SECONDS);
    this.#planExpiry();
    if (this.kernelHolds) return;
    this.kernelHolds = true;
    this.#world.checker.onAddress(this, 'added');
  }

  #remove(): void {
    this.held = false;
    this.#renewAt = Number.POSITIVE_INFINITY;
    this.#removeFromKernel('removed');
  }

  #removeFromKernel(why: string): void {
    if (!this.kernelHolds) return;
    this.kernelHolds = false;
    this.#world.checker.onAddress(this, why);
  }

  #planExpiry(): void {
    if (this.#expiryPlanned) return;
    this.#expiryPlanned = true;
    this.#world.plan(this.#expiresAt, () => {
      this.#expiryPlanned = false;
      // A suspended kernel looks again when it resumes.
      if (!this.kernelHolds || !this.online) return;
      if (this.isReaped) this.#expiresAt = this.#world.now + RENEW_INTERVAL_MS;
      if (this.#expiresAt > this.#world.now) {
        this.#planExpiry();
        return;
      }
      this.kernelHolds = false;
      this.#world.checker.onAddress(this, 'its lifetime is over');
      this.#onAddressGone();
    });
  }

  #onAddressGone(): void {
    if (this.process === 'none') return;
    this.#addressNews = true;
    this.requestRound(this.#world.soon());
  }

  #cancelRound(): void {
    this.#roundAt = Number.POSITIVE_INFINITY;
    this.#roundToken += 1;
  }

  #forget(): void {
    this.#cancelRound();
    this.#packets = [];
    this.#claims = [];
    this.#drain = new NodeDrain();
    this.#addressNews = false;
    this.#verdictNews = false;
    // A process that starts reads the files as they are.
    this.config = this.#nextConfig ?? this.config;
    this.#nextConfig = null;
    this.#renewAt = Number.POSITIVE_INFINITY;
  }
}
