/** An instance's advertisements on the wire: sends its own, reads those of others, counts both. */

import type { VrrpInstanceConfig } from '../../config/model/vrrp.ts';
import { assert } from '../../core/assert.ts';
import {
  formatIpAddress,
  type IpAddress,
  isIpv6Address,
  numericAddress,
} from '../../core/ip-address.ts';
import { errorText } from '../../linux/errno.ts';
import type { SenderClocks } from '../../vrrp/freshness.ts';
import {
  type AcceptedAdvertisement,
  type Advertisement,
  type Authentication,
  type DropReason,
  decodeAdvertisement,
  type Expectation,
  encodeAdvertisement,
  passwordField,
  type ReceivedPacket,
} from '../../vrrp/packet.ts';
import type { Signatures } from '../../vrrp/signatures.ts';
import type { WireWatch } from '../../vrrp/wire-watch.ts';
import { type AdvertSocket, type Interfaces, openAdvertSocket } from './advert-socket.ts';
import type { ResolvedInstance } from './resolve.ts';
import {
  checkOf,
  type Encoding,
  encodingOf,
  HINTS,
  signatureNews,
  signaturesOf,
} from './signing.ts';

/** Different complaints remembered, so that each is made once. */
const COMPLAINTS_MAX = 256;
const ANY_INTERVAL = { minMs: 0, maxMs: Number.POSITIVE_INFINITY } as const;
/** Who leaves and is heard again within so many of its intervals has not been away. */
const SOON_INTERVALS = 2;

/** A sender whose clock is far off says so with each advertisement; it is asked for its time less often. */
const DOUBT_GAP_MS = 100;

type Ends = { readonly source: IpAddress; readonly destination: IpAddress };

export type Heard = {
  readonly source: IpAddress;
  readonly priority: number;
  readonly intervalMs: number;
};

export type Surroundings = {
  readonly warn: (text: string) => void;
  readonly clocks: SenderClocks;
  /** What this sender signs is too far from its clock, or from ours where that is not known. */
  readonly onClockDoubt: (sender: IpAddress) => void;
};

export class Advertiser {
  readonly #instance: ResolvedInstance;
  readonly #around: Surroundings;
  readonly #socket: AdvertSocket;
  readonly #ends: readonly Ends[];
  /** What was sent last; only the priority changes. */
  #said: Advertisement;
  readonly #expected: Expectation;
  readonly #signatures: Signatures | null;
  readonly #encoding: Encoding;
  readonly #complaints = new Set<string>();
  readonly #refusals = new Map<DropReason, string>();
  #sendError = 0;
  #doubtedAt = Number.NEGATIVE_INFINITY;
  readonly counters: Counters;

  /** Throws SystemError. The owner closes it. `counters` go on over a reopening. */
  constructor(
    instance: ResolvedInstance,
    at: Interfaces,
    counters: Counters,
    around: Surroundings,
  ) {
    this.#instance = instance;
    this.#around = around;
    this.counters = counters;
    this.#signatures = signaturesOf(instance.config, around.clocks);
    this.#expected = expectationOf(instance, this.#signatures);
    this.#encoding = encodingOf(this.#expected, this.#signatures);
    const { transport } = this.#expected;
    const destinations = transport.kind === 'multicast' ? [transport.group] : transport.peers;
    const { sourceAddress: source } = instance;
    const isOfFamily = (each: IpAddress) => isIpv6Address(each) === isIpv6Address(source);
    assert(destinations.every(isOfFamily), 'source and destinations are of one family');
    this.#ends = destinations.map((destination) => ({ source, destination }));
    const { version, virtualRouterId, intervalMs, addresses } = this.#expected;
    const { priority } = instance.config;
    this.#said = { version, virtualRouterId, priority, intervalMs, addresses };
    this.#socket = openAdvertSocket(instance, transport, at);
  }

  get fd(): number {
    return this.#socket.fd;
  }

  send(priority: number): void {
    if (priority !== this.#said.priority) this.#said = { ...this.#said, priority };
    for (let index = 0; index < this.#ends.length; index += 1) this.#sendTo(this.#ends[index]);
  }

  #sendTo(ends: Ends | undefined): void {
    assert(ends !== undefined, 'the index is one of the list');
    const { password } = this.#expected;
    const { outgoing } = this.#socket;
    const length = encodeAdvertisement(this.#said, password, ends, outgoing, this.#encoding);
    this.#onSent(this.#socket.sendTo(ends.destination, length));
  }

  /**
   * Reads one packet. null: none waits. `heard` is null for a packet that is not for us or was dropped;
   * `router`: it belongs to our virtual router at least.
   */
  receive(now: number): { readonly heard: Heard | null; readonly router: boolean } | null {
    const packet = this.#socket.receive();
    if (packet === null) return null;
    const decoded = decodeAdvertisement(packet, this.#expected);
    if (!decoded.ok) {
      // Other virtual routers share the group: nothing to count.
      if (decoded.reason === 'other-router') {
        this.#onOtherRouter(packet, now);
        return { heard: null, router: false };
      }
      this.#onDropped(decoded.reason, packet, now);
      const foreign = decoded.reason !== 'own-packet' && decoded.reason !== 'too-short';
      return { heard: null, router: foreign };
    }
    this.counters.received += 1;
    this.#comment(decoded.value, packet, now);
    const { priority, intervalMs: toldMs } = decoded.value.advertisement;
    const intervalMs = this.#believed(toldMs);
    return { heard: { source: packet.source, priority, intervalMs }, router: true };
  }

  /** Before another one is opened on an interface that was made anew; it hears nobody then. */
  leaveGroup(): void {
    this.#socket.leaveGroup();
  }

  close(): void {
    this.#socket.close();
  }

  #onSent(error: number): void {
    if (error === 0) this.counters.sent += 1;
    if (error !== 0 && error !== this.#sendError) {
      this.#around.warn(`${this.#name()} cannot send advertisements: ${errorText(error)}`);
    }
    this.#sendError = error;
  }

  /** A peer sends to this very node, under another number. */
  #onOtherRouter({ source, message }: ReceivedPacket, now: number): void {
    const { transport } = this.#expected;
    if (transport.kind !== 'unicast' || !transport.peers.includes(source)) return;
    const { differences } = this.counters.watch;
    differences.differs(source, 'router-id', String(message[1]), now);
  }

  /** Floods come through here: what is known already costs no more than its counters. */
  #onDropped(reason: DropReason, packet: ReceivedPacket, now: number): void {
    const count = (this.counters.dropped[reason] ?? 0) + 1;
    this.counters.dropped[reason] = count;
    if (reason === 'stale-signature' && now - this.#doubtedAt >= DOUBT_GAP_MS) {
      this.#doubtedAt = now;
      this.#around.onClockDoubt(packet.source);
    }
    const isNews =
      reason === 'own-packet' || reason === 'too-short'
        ? count === 1
        : this.counters.watch.onStranger(packet.source, this.#refusal(reason), now);
    if (!isNews) return;
    const source = formatIpAddress(packet.source);
    this.#complain(`${this.#name()} drops advertisements of ${source}: ${reason}`);
  }

  #refusal(reason: DropReason): string {
    const known = this.#refusals.get(reason);
    if (known !== undefined) return known;
    const id = this.#instance.config.virtualRouterId;
    const hint = HINTS[reason] ?? '';
    const text = `advertises virtual router ${id}, too, and is not believed: ${reason}${hint}`;
    this.#refusals.set(reason, text);
    return text;
  }

  #believed(intervalMs: number): number {
    const { minMs, maxMs } = this.#instance.config.believedIntervals ?? ANY_INTERVAL;
    return Math.min(Math.max(intervalMs, minMs), maxMs);
  }

  #comment(accepted: AcceptedAdvertisement, packet: ReceivedPacket, now: number): void {
    const { watch } = this.counters;
    const { priority, intervalMs } = accepted.advertisement;
    watch.onHeard(packet.source, priority, {
      now,
      soonMs: SOON_INTERVALS * this.#believed(intervalMs),
    });
    const say = (text: string): void =>
      this.#complain(`${this.#name()}: ${formatIpAddress(packet.source)} ${text}`);
    const news = signatureNews(this.#instance.config.signature, this.#signatures);
    if (news !== null && watch.onStranger(packet.source, news, now)) say(news);
    watch.differences.agrees(packet.source, 'router-id');
    if (accepted.addressesMatch) {
      watch.differences.agrees(packet.source, 'vip');
    } else {
      const list = accepted.advertisement.addresses.map(formatIpAddress).join(', ');
      watch.differences.differs(packet.source, 'vip', list, now);
      const what = `advertises another list of addresses: ${list}`;
      if (watch.onStranger(packet.source, what, now)) say('advertises another list of addresses');
    }
    if (accepted.intervalMatches) {
      watch.differences.agrees(packet.source, 'interval');
      return;
    }
    watch.differences.differs(packet.source, 'interval', `${intervalMs}ms`, now);
    const believedMs = this.#believed(intervalMs);
    if (believedMs === intervalMs) {
      say(`advertises every ${intervalMs} ms, not as here`);
    } else {
      const what = `advertises every ${intervalMs} ms, which counts as ${believedMs} ms here`;
      if (watch.onStranger(packet.source, what, now)) say(what);
    }
  }

  #complain(text: string): void {
    if (this.#complaints.has(text) || this.#complaints.size >= COMPLAINTS_MAX) return;
    this.#complaints.add(text);
    this.#around.warn(text);
  }

  #name(): string {
    return `VRRP instance "${this.#instance.config.name}"`;
  }
}

export type Counters = {
  sent: number;
  received: number;
  readonly dropped: Record<string, number>;
  readonly watch: WireWatch;
};

function expectationOf(instance: ResolvedInstance, signatures: Signatures | null): Expectation {
  const { config, sourceAddress, addresses } = instance;
  return {
    version: config.version,
    virtualRouterId: config.virtualRouterId,
    password: authenticationOf(config),
    intervalMs: config.advertIntervalMs,
    addresses: addresses.map(({ address }) => address),
    ownAddress: sourceAddress,
    transport: transportOf(config),
    ...(config.checksum !== undefined && { checksum: config.checksum }),
    ...(signatures !== null && { checkSignature: checkOf(signatures) }),
  };
}

function authenticationOf({ password, authenticationHeader }: VrrpInstanceConfig): Authentication {
  if (password === null) return null;
  return authenticationHeader === true ? 'header' : passwordField(password);
}

function transportOf({ transport, peerTtls = [] }: VrrpInstanceConfig): Expectation['transport'] {
  if (transport.kind === 'multicast') {
    return { kind: 'multicast', group: numericAddress(transport.group) };
  }
  const ttls = new Map(peerTtls.map(({ peer, min, max }) => [numericAddress(peer), { min, max }]));
  return { kind: 'unicast', peers: transport.peers.map(numericAddress), ttls };
}
