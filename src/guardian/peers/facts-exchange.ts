/** What the files of other nodes say, as far as these have told it, and when each is asked again. Times in ms. */

import type { NodeConfig } from '../../config/model/config.ts';
import { differencesOf, type Fact, factsDigest, factsText, parseFacts } from './facts.ts';

/** Three questions without an answer: it may say something else by now. */
const FORGET_MS = 35_000;
/** Between two questions to one node that come of what it asks. */
const ASK_GAP_MS = 1000;
/** Nodes that are none of ours, but ask with the key. */
const OUTSIDERS_MAX = 8;
/** How long they have to answer. */
const OUTSIDER_MS = 5000;

export type FactsExchangeOptions = {
  /** Its facts as it tells them; null: no answer. */
  readonly ask: (peer: NodeConfig) => Promise<string | null>;
  /** Boot time. */
  readonly now: () => number;
  readonly onChange: () => void;
};

type Told = { readonly peer: NodeConfig; readonly text: string; readonly atMs: number };

export class FactsExchange {
  readonly #options: FactsExchangeOptions;
  #here: readonly Fact[] = [];
  /** By their first address. */
  readonly #told = new Map<string, Told>();
  readonly #askedAt = new Map<string, number>();
  #outsiders: readonly NodeConfig[] = [];

  constructor(options: FactsExchangeOptions) {
    this.#options = options;
  }

  /** What this node answers; true: it is news. */
  setHere(facts: readonly Fact[]): boolean {
    const before = this.text;
    this.#here = facts;
    return this.text !== before;
  }

  get text(): string {
    return factsText(this.#here);
  }

  /** Nothing is known of the others any more. */
  forget(): void {
    this.#told.clear();
    this.#askedAt.clear();
    this.#outsiders = [];
  }

  askAll(peers: readonly NodeConfig[]): void {
    for (const peer of [...peers, ...this.#outsiders]) void this.#ask(peer);
  }

  /** `peer` has asked; `digest` is that of what it would tell. `isOurs`: it is in the list of nodes here. */
  onQuestion(peer: NodeConfig, digest: string, isOurs: boolean): void {
    const [key = ''] = peer.addresses;
    const told = this.#told.get(key);
    if (told !== undefined && factsDigest(told.text) === digest) return;
    const askedAt = this.#askedAt.get(key) ?? Number.NEGATIVE_INFINITY;
    if (this.#options.now() - askedAt < ASK_GAP_MS) return;
    if (!isOurs) {
      const others = this.#outsiders.filter(({ addresses }) => !addresses.includes(key));
      if (others.length >= OUTSIDERS_MAX) return;
      this.#outsiders = [...others, peer];
    }
    void this.#ask(peer);
  }

  async #ask(peer: NodeConfig): Promise<void> {
    const [key = ''] = peer.addresses;
    this.#askedAt.set(key, this.#options.now());
    const text = await this.#options.ask(peer);
    if (text === null) return;
    const before = this.#told.get(key);
    this.#told.set(key, { peer, text, atMs: this.#options.now() });
    if (before?.text !== text) this.#options.onChange();
  }

  /** Nodes that have told what theirs says, by address. */
  get known(): ReadonlySet<string> {
    return new Set(this.#fresh().flatMap(({ peer }) => peer.addresses));
  }

  /** Sentences; empty: nobody's file differs. */
  differences(): readonly string[] {
    return this.#fresh().flatMap(({ peer, text }) => {
      const theirs = parseFacts(text);
      return theirs.ok ? differencesOf(peer.name, theirs.value, this.#here) : [];
    });
  }

  /** What cannot be compared, in sentences. */
  notes(): readonly string[] {
    return this.#fresh().flatMap(({ peer, text }) => {
      const theirs = parseFacts(text);
      return theirs.ok
        ? []
        : [`${peer.name} says what its file has ${theirs.reason}: not compared`];
    });
  }

  #fresh(): readonly Told[] {
    const now = this.#options.now();
    for (const [key, { atMs }] of this.#told) if (now - atMs > FORGET_MS) this.#told.delete(key);
    this.#outsiders = this.#outsiders.filter(({ addresses: [key = ''] }) => {
      const asked = this.#askedAt.get(key) ?? now;
      return this.#told.has(key) || now - asked <= OUTSIDER_MS;
    });
    return [...this.#told.values()];
  }
}
