/**
 * Whether a master is the only one, as far as that can be found out: it goes on asking who has its addresses (RFC 5227
 * section 2.4 only listens), hears advertisements of those who do not hear its own, and asks the other nodes, which
 * as backups say nothing, whether they are there. Pure; times in milliseconds.
 */

import { formatIpAddress, type IpAddress } from '../core/ip-address.ts';

/** Later than the addresses of a master that was killed last (address/rules/lifetime.ts). */
const FIRST_CONFLICT_ASK_MS = 4000;
/** DEFEND_INTERVAL of RFC 5227: who is asked answers, and that is answered. */
const CONFLICT_ASK_GAP_MS = 10_000;
/** Two questions without an answer. */
const CLAIM_FRESH_MS = 25_000;
/** Others are counted by the watch (vrrp/wire-watch.ts). */
const CLAIMS_MAX = 16;
const PEER_ASK_GAP_MS = 2000;
/** Three questions without an answer. */
const PEERS_SILENT_MS = 7000;
/** Two more may be on their way when a rival yields, the last of them its farewell. */
const RIVAL_ADVERTS = 3;
const RIVAL_FRESH_INTERVALS = 3;

type Rival = {
  readonly source: IpAddress;
  readonly priority: number;
  readonly adverts: number;
  readonly until: number;
};

export class SoleOwner {
  readonly #peers: ReadonlySet<IpAddress>;
  /** null: it is not master. */
  #since: number | null = null;
  #conflictAskAt = Number.POSITIVE_INFINITY;
  #peerAskAt = Number.POSITIVE_INFINITY;
  #peerAnsweredAt = Number.NEGATIVE_INFINITY;
  #rival: Rival | null = null;
  readonly #claims = new Map<string, number>();

  /** `peers`: those who answer when they are asked who they are; none: nobody is asked. */
  constructor(peers: readonly IpAddress[]) {
    this.#peers = new Set(peers);
  }

  /** Whether it is master from now on; said again it is no news. */
  setMaster(isMaster: boolean, now: number): void {
    if (isMaster === (this.#since !== null)) return;
    this.#since = isMaster ? now : null;
    this.#conflictAskAt = isMaster ? now + FIRST_CONFLICT_ASK_MS : Number.POSITIVE_INFINITY;
    this.#peerAskAt = isMaster && this.#peers.size > 0 ? now : Number.POSITIVE_INFINITY;
    this.#rival = null;
    this.#claims.clear();
  }

  /** When there is something to ask; Infinity: never. */
  get nextAt(): number {
    return Math.min(this.#conflictAskAt, this.#peerAskAt);
  }

  /** True: all are to be asked now who has the addresses. */
  takeConflictAsk(now: number): boolean {
    if (now < this.#conflictAskAt) return false;
    this.#conflictAskAt = now + CONFLICT_ASK_GAP_MS;
    return true;
  }

  /** True: the peers are to be asked now whether they are there. */
  takePeerAsk(now: number): boolean {
    if (now < this.#peerAskAt) return false;
    this.#peerAskAt = now + PEER_ASK_GAP_MS;
    return true;
  }

  /** Somebody says that he has that address, by ARP or Neighbor Discovery. */
  onAnswer(address: IpAddress, now: number): void {
    if (this.#peers.has(address)) this.#peerAnsweredAt = now;
  }

  /** Somebody else claims an address that is held here. */
  onClaim(address: IpAddress, mac: string, now: number): void {
    if (this.#since === null) return;
    const text = `${mac} claims ${formatIpAddress(address)}, too`;
    if (this.#claims.size < CLAIMS_MAX || this.#claims.has(text)) this.#claims.set(text, now);
  }

  /** An advertisement of lower priority than the master's; 0 says that its sender is none any more. */
  onRival(source: IpAddress, priority: number, intervalMs: number, now: number): void {
    if (this.#since === null) return;
    const known = this.#rival;
    if (priority === 0) {
      if (known?.source === source) this.#rival = null;
      return;
    }
    const goesOn = known !== null && known.source === source && now <= known.until;
    const adverts = goesOn ? known.adverts + 1 : 1;
    const until = now + RIVAL_FRESH_INTERVALS * intervalMs;
    this.#rival = { source, priority, adverts, until };
  }

  /** Why there may be another master, in sentences that follow "is master, but"; empty: nothing says so. */
  doubts(interfaceName: string, now: number): readonly string[] {
    if (this.#since === null) return [];
    const doubts: string[] = [];
    for (const [text, at] of this.#claims) {
      if (now - at > CLAIM_FRESH_MS) this.#claims.delete(text);
      else doubts.push(text);
    }
    const rival = this.#rival;
    if (rival !== null && rival.adverts >= RIVAL_ADVERTS && now <= rival.until) {
      const name = formatIpAddress(rival.source);
      doubts.push(
        `${name} advertises, too, with priority ${rival.priority}: it does not hear this node`,
      );
    }
    const heardAt = Math.max(this.#since, this.#peerAnsweredAt);
    if (this.#peers.size > 0 && now - heardAt > PEERS_SILENT_MS) {
      const names = [...this.#peers].map(formatIpAddress).join(', ');
      doubts.push(
        `no other node (${names}) answers on "${interfaceName}": one of them may be, too`,
      );
    }
    return doubts;
  }
}
