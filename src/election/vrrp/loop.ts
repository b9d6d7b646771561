/**
 * The speaker's loop: one thread, one blocking ppoll(2) over all sockets of all instances. It depends on
 * nobody: what it needs from the main thread comes through a port and a few shared numbers, and when the
 * main thread is silent for too long, the addresses are released.
 */

import { receiveMessageOnPort } from 'node:worker_threads';
import { type Mastership, MastershipFile } from '../../address/mastership.ts';
import { RaisedSettings } from '../../address/raised-settings.ts';
import {
  presentAddresses,
  refuseForeignAddresses,
  removeStaleAddresses,
} from '../../address/resolve.ts';
import { VirtualMacs } from '../../address/virtual-macs.ts';
import type { VrrpConfig, VrrpInstanceConfig } from '../../config/model/vrrp.ts';
import type { ElectionEvent, TrackingVerdict } from '../../contracts/election.ts';
import { OperationalError } from '../../core/errors.ts';
import { formatIpAddress, type IpAddress, numericAddress } from '../../core/ip-address.ts';
import { OtherClocks } from '../../core/other-clocks.ts';
import { bootMs } from '../../linux/clock.ts';
import { clearWakeup } from '../../linux/epoll.ts';
import { SystemError } from '../../linux/errno.ts';
import { type InterfaceAddress, RouteNewsSocket, RouteSocket } from '../../linux/netlink-route.ts';
import { PollSet } from '../../linux/poll.ts';
import type { InstanceStatus } from '../../stats/status.ts';
import { NodeDrain } from '../../vrrp/node-drain.ts';
import { downIntervalMs } from '../../vrrp/timers.ts';
import { type Awaited, awaitedStatus, resolveOrAwait } from './awaited.ts';
import { Group } from './group.ts';
import { Instance, type NextForm } from './instance.ts';
import {
  BEAT_MISSED_MS,
  BEAT_SLOT,
  type FromSpeaker,
  type SpeakerData,
  STOP_SLOT,
  type ToSpeaker,
} from './messages.ts';
import { type KnownLink, type OpenPorts, portsOpener } from './ports.ts';
import { nameRemover } from './remover.ts';
import { explainSystemError, type ResolvedInstance } from './resolve.ts';

/** Descriptors of all instances together. */
const DESCRIPTORS_MAX = 1024;
/** Longest wait, so that a silent main thread is noticed and counters are told. */
const WAIT_MS_MAX = 200;
const COUNTERS_INTERVAL_MS = 1000;
/** Between the clock and the timers of a round; shorter than any interval. */
const SLEPT_MS = 5;
/** Messages and batches of kernel news taken in one round. */
const MESSAGES_MAX = 1000;
const NEWS_MAX = 100;
const LIVES_MAX = 1024;

export class SpeakerLoop {
  readonly #data: SpeakerData;
  readonly #slots: Int32Array;
  readonly #poll = new PollSet(DESCRIPTORS_MAX);
  readonly #route: RouteSocket;
  readonly #news: RouteNewsSocket;
  readonly #macs: VirtualMacs;
  readonly #openPorts: OpenPorts;
  readonly #clocks = new OtherClocks<IpAddress>();
  readonly #mastership: MastershipFile;
  #config: VrrpConfig;
  #instances: Instance[] = [];
  #awaited: readonly Awaited[] = [];
  /** What tracking said last, by instance. */
  readonly #verdicts = new Map<string, TrackingVerdict>();
  /** Their addresses, whose comings are no news. */
  #virtual: ReadonlySet<IpAddress> = new Set();
  #groups: Group[] = [];
  readonly #links = new Map<string, KnownLink>();
  /** How often those with an index have gone. */
  readonly #lives = new Map<number, number>();
  readonly #drain = new NodeDrain();
  #probing = true;
  #started = false;
  #lastBeat = 0;
  #lastBeatAt = bootMs();
  #lastRoundAt = bootMs();
  /** As the instances were told; null: some are new. */
  #toldStuck: boolean | null = null;
  #postedAt = 0;

  /** Opens everything; throws OperationalError or SystemError with nothing left open. */
  constructor(data: SpeakerData) {
    this.#data = data;
    this.#config = data.config;
    this.#slots = new Int32Array(data.shared);
    this.#route = new RouteSocket();
    this.#news = new RouteNewsSocket();
    this.#macs = new VirtualMacs(this.#route);
    this.#openPorts = portsOpener({
      route: this.#route,
      macs: this.#macs,
      promotion: new RaisedSettings({ promote_secondaries: '1' }),
      warn: (text) => this.#onEvent({ kind: 'warning', text }),
      clocks: this.#clocks,
      onClockDoubt: (sender) =>
        this.#onEvent({ kind: 'clock-doubt', address: formatIpAddress(sender) }),
    });
    this.#mastership = new MastershipFile(data.mastershipFile);
    try {
      this.#open();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Runs until the stop slot is set and everything is handed over; throws OperationalError when an address is taken. */
  run(): void {
    const startedAt = bootMs();
    for (const instance of this.#instances) instance.start(this.#links, startedAt);
    this.#listDescriptors();
    this.#post({ kind: 'status', instances: this.#statuses(startedAt) });
    while (Atomics.load(this.#slots, STOP_SLOT) === 0) this.#round();
    const departedAt = bootMs();
    for (const instance of this.#instances) instance.depart(departedAt);
    while (this.#instances.some(({ phase }) => phase === 'leaving')) this.#round();
  }

  /** Allocates little (bench/speaker measures it): collections of garbage delay advertisements. */
  #round(): void {
    this.#poll.wait(this.#waitMs());
    // Taken before the sockets are read: a sleep after this line shows in the next round, and what
    // was sent meanwhile is read before any timer is looked at.
    let now = bootMs();
    const woken = clearWakeup(this.#data.wakeupFd);
    this.#watchMain(now);
    // First: who has taken over meanwhile is why a reaper has removed an address, which is news.
    this.#receive(now);
    if (woken) this.#readMessages(now);
    this.#readNews(now);
    const readAt = bootMs();
    if (readAt - now > SLEPT_MS) {
      // Asleep since then, or flooded: what is done now is done by what is true now.
      now = readAt;
      this.#receive(now);
    }
    const instances = this.#instances;
    for (let index = 0; index < instances.length; index += 1) {
      const instance = instances[index];
      instance?.turn(now);
      this.#probing ||= instance?.isProbing === true;
    }
    for (let index = 0; index < this.#groups.length; index += 1) this.#groups[index]?.settle(now);
    if (this.#probing) this.#runProbes(now);
    const settled = this.#drain.settle(this.#instances, now);
    this.#report(now);
    // After the status: who asks for it then finds what was done.
    if (settled !== null) this.#post({ kind: 'drain-settled', ...settled });
  }

  #receive(now: number): void {
    const instances = this.#instances;
    for (let index = 0; index < instances.length; index += 1) instances[index]?.receive(now);
  }

  /** Priority 0, addresses gone, sockets closed. Never throws. */
  close(): void {
    const now = bootMs();
    for (const instance of this.#instances) instance.stop(now);
    for (const group of this.#groups) group.tell(now);
    if (this.#instances.length > 0) {
      this.#post({ kind: 'status', instances: this.#statuses(now) });
    }
    for (const instance of this.#instances) instance.close();
    this.#instances = [];
    this.#macs.close();
    this.#route.close();
    this.#news.close();
  }

  #open(): void {
    this.#listLinks();
    const links = [...this.#links.values()];
    const present = this.#route.addresses();
    const { resolved, awaited } = resolveOrAwait(this.#data.config, links, present);
    refuseForeignAddresses(resolved, links, present);
    const begun: ResolvedInstance[] = [];
    for (const instance of resolved) {
      const { name } = instance.config;
      const isHere = presentAddresses(instance, links, present).length === instance.held.length;
      const left = isHere ? this.#mastership.left(name) : null;
      const resumed = left !== null && isMasterStill(instance.config, left) ? left : null;
      if (resumed === null) begun.push(instance);
      this.#instances.push(this.#create(instance, isGrouped(this.#data.config, name), resumed));
    }
    this.#virtual = virtualOf(resolved);
    this.#await(awaited);
    this.#regroup(this.#data.config);
    for (const stale of removeStaleAddresses(this.#route, begun, links, present)) {
      const text = `Removed ${stale}, left over from an earlier run`;
      this.#post({ kind: 'event', event: { kind: 'warning', text } });
    }
  }

  #waitMs(): number {
    const now = bootMs();
    if (this.#probing) return 10;
    let next = now + WAIT_MS_MAX;
    for (let index = 0; index < this.#instances.length; index += 1) {
      next = Math.min(next, this.#instances[index]?.nextAt ?? next);
    }
    return next - now;
  }

  #listDescriptors(): void {
    this.#poll.clear();
    this.#poll.add(this.#data.wakeupFd);
    this.#poll.add(this.#news.fd);
    for (const fd of this.#instances.flatMap(({ descriptors }) => descriptors)) this.#poll.add(fd);
  }

  #watchMain(now: number): void {
    const beat = Atomics.load(this.#slots, BEAT_SLOT);
    // After a sleep of the whole process the main thread gets its time anew.
    if (beat !== this.#lastBeat || now - this.#lastRoundAt > BEAT_MISSED_MS / 2) {
      this.#lastBeat = beat;
      this.#lastBeatAt = now;
    }
    this.#lastRoundAt = now;
    const isStuck = now - this.#lastBeatAt > BEAT_MISSED_MS;
    if (isStuck === this.#toldStuck) return;
    this.#toldStuck = isStuck;
    const fault = isStuck ? `the guardian hangs for over ${BEAT_MISSED_MS} ms` : null;
    for (const instance of this.#instances) instance.setMainFault(fault, now);
  }

  #readMessages(now: number): void {
    for (let count = 0; count < MESSAGES_MAX; count += 1) {
      const received: { message: ToSpeaker } | undefined = receiveMessageOnPort(this.#data.port);
      if (received === undefined) return;
      const { message } = received;
      if (message.kind === 'reload') {
        this.#reload(message.config, now);
        continue;
      }
      if (message.kind === 'drain') {
        this.#drain.ask(message.drained, this.#instances, now);
        continue;
      }
      if (message.kind === 'clock') {
        for (const address of message.addresses) {
          this.#clocks.learn(numericAddress(address), message.utcLessBootMs);
        }
        continue;
      }
      this.#verdicts.set(message.instance, message.verdict);
      // One that a reload has ended: the news of it is late. Or one that is waited for.
      const instance = this.#instances.find(({ name }) => name === message.instance);
      instance?.track(message.verdict, now);
    }
  }

  #reload(config: VrrpConfig, now: number): void {
    try {
      this.#change(config, now);
      this.#post({ kind: 'reloaded', refusal: null });
    } catch (thrown) {
      const error = explainSystemError(thrown);
      const known = error instanceof OperationalError;
      if (!known && !(error instanceof SystemError)) throw error;
      const code = known ? error.code : 'vrrp-failed';
      this.#post({ kind: 'reloaded', refusal: { code, text: error.message } });
    }
  }

  /** First opens all that is new, which may fail; then ends, changes and begins. */
  #change(config: VrrpConfig, now: number): void {
    this.#listLinks();
    const links = [...this.#links.values()];
    const present = this.#route.addresses();
    const { resolved, awaited } = resolveOrAwait(config, links, present);
    refuseForeignAddresses(resolved, links, present);
    const forms: NextForm[] = [];
    const created: Instance[] = [];
    try {
      for (const one of resolved) {
        const grouped = isGrouped(config, one.config.name);
        const known = this.#instances.find((instance) => instance.canBecome(one));
        if (known !== undefined) forms.push(known.prepare(one, grouped, this.#links));
        else created.push(this.#create(one, grouped, null));
      }
    } catch (error) {
      for (const form of forms) form.instance.abandon(form);
      for (const instance of created) instance.close();
      throw error;
    }
    const kept = new Set(forms.map(({ instance }) => instance));
    for (const instance of this.#instances) {
      if (kept.has(instance)) continue;
      instance.stop(now);
      instance.close();
    }
    for (const form of forms) form.instance.leave(form, now);
    for (const form of forms) form.instance.become(form, this.#links, now);
    for (const { config: of } of resolved)
      this.#mastership.record(of.name).every(of.advertIntervalMs);
    for (const instance of created) {
      this.#drain.join(instance, now);
      instance.start(this.#links, now);
    }
    this.#probing ||= created.length > 0;
    this.#toldStuck = null;
    const all = [...kept, ...created];
    this.#instances = resolved.flatMap(
      ({ config: { name } }) => all.find((instance) => instance.name === name) ?? [],
    );
    this.#config = config;
    this.#virtual = virtualOf(resolved);
    this.#await(awaited);
    this.#regroup(config);
    this.#listDescriptors();
    this.#post({ kind: 'status', instances: this.#statuses(now) });
  }

  #create(resolved: ResolvedInstance, grouped: boolean, resumed: Mastership | null): Instance {
    const record = this.#mastership.record(resolved.config.name);
    record.every(resolved.config.advertIntervalMs);
    const context = {
      openPorts: this.#openPorts,
      onEvent: this.#onEvent,
      grouped,
      record,
      resumed,
    };
    return new Instance(resolved, context, this.#links);
  }

  #regroup({ syncGroups }: VrrpConfig): void {
    const before = new Map(this.#groups.map(({ name, phase }) => [name, phase]));
    const awaited = this.#awaited.map(({ config: { name } }) => name);
    this.#groups = syncGroups.map(
      (group) => new Group(group, this.#instances, this.#onEvent, awaited, before.get(group.name)),
    );
  }

  #readNews(now: number): void {
    let linksChanged = false;
    let addressesChanged = false;
    let remover = 0;
    for (let count = 0; count < NEWS_MAX; count += 1) {
      const news = this.#news.receive();
      if (news !== null && news.length === 0) break;
      if (news === null) {
        linksChanged = true;
        addressesChanged = true;
        // Whichever has gone meanwhile.
        for (const { index } of this.#links.values()) this.#onLinkGone(index);
      }
      for (const each of news ?? []) {
        if (each.kind === 'link-gone') this.#onLinkGone(each.index);
        if (each.kind === 'link' || each.kind === 'link-gone') linksChanged = true;
        else if (each.kind === 'address-gone' || !this.#virtual.has(each.address.address)) {
          addressesChanged = true;
          if (each.kind === 'address-gone') remover = each.by;
        }
      }
    }
    if (linksChanged) {
      this.#listLinks();
      for (const instance of this.#instances) instance.setLinks(this.#links, now);
      this.#listDescriptors();
    }
    // An interface that comes back has other addresses than the one that went.
    if (linksChanged || addressesChanged) this.#onAddressesChanged(nameRemover(remover), now);
  }

  #onAddressesChanged(remover: string, now: number): void {
    const present = this.#route.addresses();
    for (const instance of this.#instances) {
      instance.onAddressesChanged(present, this.#links, remover, now);
    }
    const waits =
      this.#awaited.length > 0 || this.#instances.some(({ mayRenumber }) => mayRenumber);
    if (waits) this.#adoptNews(present, now);
  }

  /**
   * What was waited for may be there: an interface, its address, or, where the configuration names none, another
   * address than before. Those that are not stay in FAULT.
   */
  #adoptNews(present: readonly InterfaceAddress[], now: number): void {
    try {
      const links = [...this.#links.values()];
      const { resolved, awaited } = resolveOrAwait(this.#config, links, present);
      const named = (name: string) => this.#instances.find((instance) => instance.name === name);
      // One at work that has lost its address stays as it is.
      if (awaited.some(({ config: { name } }) => named(name) !== undefined)) return;
      const arrived = resolved.filter(({ config: { name } }) => named(name)?.mayRenumber !== false);
      if (arrived.length === 0) return;
      this.#change(this.#config, now);
      for (const { config } of arrived) {
        const verdict = this.#verdicts.get(config.name);
        if (verdict !== undefined) named(config.name)?.track(verdict, now);
      }
    } catch (thrown) {
      if (!(thrown instanceof OperationalError || thrown instanceof SystemError)) throw thrown;
    }
  }

  /** Tells of those that are new among them. */
  #await(awaited: readonly Awaited[]): void {
    const before = new Map(this.#awaited.map(({ config, why }) => [config.name, why]));
    this.#awaited = awaited;
    for (const { config, why } of awaited) {
      if (before.get(config.name) === why) continue;
      const { name: instance, priority } = config;
      const [from, to] = ['initialize', 'fault'] as const;
      const facts = { faults: [why] };
      this.#onEvent({ kind: 'transition', instance, from, to, why, priority, facts });
    }
  }

  /** The kernel's list is the truth; news only say when to look. */
  #listLinks(): void {
    this.#links.clear();
    for (const link of this.#route.links()) {
      this.#links.set(link.name, { ...link, life: this.#lives.get(link.index) ?? 0 });
    }
  }

  #onLinkGone(index: number): void {
    const life = this.#lives.get(index) ?? 0;
    // Containers come and go with an index each: only the latest are remembered.
    if (this.#lives.size >= LIVES_MAX) this.#lives.clear();
    this.#lives.set(index, life + 1);
  }

  #runProbes(now: number): void {
    let running = false;
    for (const instance of this.#instances) {
      const verdict = instance.probe(now);
      if (verdict.kind === 'taken') {
        const text =
          `${formatIpAddress(verdict.address)} of VRRP instance "${instance.name}" is in use by ` +
          `${verdict.mac}, which sends no advertisements that this node hears: free the address there, or ` +
          'choose another; where it is one of your nodes, its file may not list this one yet';
        if (!this.#started) throw new OperationalError('address-taken', text);
        // Those that ran before a reload go on.
        instance.refuse(text, now);
        continue;
      }
      running ||= verdict.kind === 'running';
    }
    if (running) return;
    this.#probing = false;
    this.#started = true;
    for (const instance of this.#instances) instance.release(now);
    this.#post({ kind: 'status', instances: this.#statuses(now) });
    this.#post({ kind: 'ready' });
  }

  #report(now: number): void {
    const changed = this.#instances.some(hasChanged);
    if (!changed && now - this.#postedAt < COUNTERS_INTERVAL_MS) return;
    this.#postedAt = now;
    this.#post({ kind: 'status', instances: this.#statuses(now) });
  }

  #statuses(now: number): readonly InstanceStatus[] {
    const atWork = this.#instances.map((instance) => instance.status(now));
    const told = [...atWork, ...this.#awaited.map(awaitedStatus)];
    const order = this.#config.instances.map(({ name }) => name);
    return told.toSorted((one, other) => order.indexOf(one.name) - order.indexOf(other.name));
  }

  readonly #onEvent = (event: ElectionEvent): void => this.#post({ kind: 'event', event });

  #post(message: FromSpeaker): void {
    this.#data.port.postMessage(message);
  }
}

function virtualOf(resolved: readonly ResolvedInstance[]): ReadonlySet<IpAddress> {
  return new Set(resolved.flatMap(({ held }) => held.map(({ address }) => address)));
}

function hasChanged({ changed }: Instance): boolean {
  return changed;
}

function isGrouped({ syncGroups }: VrrpConfig, name: string): boolean {
  return syncGroups.some(({ instances }) => instances.includes(name));
}

/** The backups wait for it: it may go on as if it had only been slow. */
function isMasterStill(
  { version, advertIntervalMs }: VrrpInstanceConfig,
  { shownAt, rank, everyMs = advertIntervalMs }: Mastership,
): boolean {
  const silentMs = bootMs() - shownAt;
  return silentMs >= 0 && silentMs < downIntervalMs(version, rank, everyMs);
}
