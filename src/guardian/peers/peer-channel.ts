/**
 * Asks the guardians of the other nodes, and answers them: UDP between the nodes' addresses, signed (message.ts). What
 * comes from elsewhere, or without the key, is dropped without a word. Each node is asked for its time, too, so that
 * what it signs counts also while its clock or ours is wrong (docs/adr/0027), and for what its file says (docs/adr/0032).
 */

import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { nodeCrypto } from '../../builtins.ts';
import type { NodeConfig } from '../../config/model/config.ts';
import type { Moment } from '../../core/moment.ts';
import { OtherClocks } from '../../core/other-clocks.ts';
import { fail } from '../../core/result.ts';
import type { AdminState } from '../../health/server-state.ts';
import { bootMs } from '../../linux/clock.ts';
import type { ClockStatus } from '../../stats/status.ts';
import { clientsVersionOf } from '../clients/client-message.ts';
import type { Log } from '../log.ts';
import { type Fact, factsDigest } from './facts.ts';
import { FactsExchange } from './facts-exchange.ts';
import {
  type Answer,
  type ClockQuestion,
  decodePeerMessage,
  encodePeerMessage,
  type FactsAnswer,
  type FactsQuestion,
  PEER_VERSION,
  type PeerHead,
  type PeerMessage,
  peerKey,
  type Question,
  type Reply,
  type ServerQuestion,
} from './message.ts';
import { NewestWord } from './newest-word.ts';
import { othersOf, type PeerSettings } from './peer-settings.ts';
import { type Reception, ReplayGuard } from './replay-guard.ts';

/** When a question is sent, and when nobody is waited for any more; ms after it was asked. */
const SENT_AT_MS = [0, 100, 300, 700, 1200];
const GIVE_UP_MS = 2000;
/** Between questions for time and facts, which change while their node is silent; and between two for the time in a hurry. */
const ASK_INTERVAL_MS = 10_000;
const CLOCK_GAP_MS = 100;
/** Signatures checked in a second; a flood of the rest costs its reception. */
const CHECKED_PER_SECOND = 200;
/** Of those that come from no node of ours. */
const STRANGERS_PER_SECOND = 5;
/** Of datagrams that tell of clients: 100,000 of them twice. */
const HEARD_PER_SECOND = 4000;

export type ServerOrder = {
  readonly backend: string;
  readonly server: string;
  readonly state: AdminState;
};

/** `error`: null where it was done. */
export type PeerOutcome = { readonly node: string; readonly error: string | null };

export type PeerChannelOptions = {
  readonly log: Log;
  /** Does what a peer asks; null: done. */
  readonly setServer: (order: ServerOrder) => Promise<string | null>;
  /** A node has said its time: `utcLessBootMs` is that less ours since boot. */
  readonly onClock: (node: NodeConfig, utcLessBootMs: number) => void;
  /** A node says that its file has something else than before. */
  readonly onFacts: () => void;
  /** It tells of its clients, from the address of that node, where it is `utcMs` as far as is known. */
  readonly onClients: (from: NodeConfig, bytes: Buffer, utcMs: number) => void;
};

type Open = {
  readonly settings: PeerSettings;
  /** null: nobody is asked anything, and nobody answered. */
  readonly key: Buffer | null;
  readonly guard: ReplayGuard;
  /** Of IPv6, and of IPv4; none once it is closed: what is answered after that goes nowhere. */
  readonly sockets: Map<boolean, Socket>;
  /** By the id of the question; null: no answer comes any more. */
  readonly waiting: Map<string, (reply: Reply | null) => void>;
  /** By the node's name. */
  readonly clocks: OtherClocks<string>;
  /** By node: when it was asked for its time last, and the end of that. */
  readonly asking: Map<string, { readonly atMs: number; readonly done: Promise<void> }>;
  readonly timer: NodeJS.Timeout;
};

export class PeerChannel {
  readonly #options: PeerChannelOptions;
  #open: Open | null = null;
  readonly facts: FactsExchange;
  /** Of facts, by the names that they give themselves. */
  readonly #askers = new NewestWord();
  #checked = 0;
  #strangers = 0;
  #second = 0;
  #heard = 0;
  #heardSecond = 0;

  constructor(options: PeerChannelOptions) {
    this.#options = options;
    this.facts = new FactsExchange({
      ask: (peer) => this.#hearFacts(peer),
      now: bootMs,
      onChange: options.onFacts,
    });
  }

  /** Goes on by these settings; null: nobody is asked or answered. `facts`: of the file here. */
  use(settings: PeerSettings | null, facts: readonly Fact[]): void {
    const isNews = this.facts.setHere(facts);
    if (JSON.stringify(settings) === JSON.stringify(this.#open?.settings ?? null)) {
      if (isNews) this.#askFacts();
      return;
    }
    this.close();
    if (settings === null) return;
    const families = new Set(settings.nodes.flatMap(({ addresses }) => addresses.map(isIPv6)));
    const sockets = new Map([...families].map((v6) => [v6, this.#listen(v6, settings.port)]));
    this.#open = {
      settings,
      clocks: new OtherClocks(),
      asking: new Map(),
      timer: setInterval(() => this.#askAll(), ASK_INTERVAL_MS),
      key: settings.secret === null ? null : peerKey(settings.secret),
      guard: new ReplayGuard(settings.toleranceMs, bootMs()),
      sockets,
      waiting: new Map(),
    };
    this.#askAll();
  }

  /** Who sends from this address signs with a time that cannot be: it is asked for it. */
  doubtClock(address: string): void {
    const open = this.#open;
    const peer = open?.settings.nodes.find(({ addresses }) => addresses.includes(address));
    if (open !== null && peer !== undefined) void this.#askClock(open, peer);
  }

  /** Tells onClock() again of each node whose clock is known. */
  tellClocks(): void {
    const open = this.#open;
    for (const [name, utcLessBootMs] of open?.clocks.known ?? []) {
      const peer = open?.settings.nodes.find((node) => node.name === name);
      if (peer !== undefined) this.#options.onClock(peer, utcLessBootMs);
    }
  }

  /** Of each node that has told its time, as it told last; late answers make it up to two seconds too little. */
  clocks(): readonly ClockStatus[] {
    const bootLessUtcMs = bootMs() - Date.now();
    return [...(this.#open?.clocks.known ?? [])].map(([node, utcLessBootMs]) => {
      return { node, aheadMs: Math.round(utcLessBootMs + bootLessUtcMs) };
    });
  }

  /** One outcome for each other node, within about two seconds; null: there is no channel. */
  async askAll(order: ServerOrder): Promise<readonly PeerOutcome[] | null> {
    const open = this.#open;
    if (open === null || open.key === null) return null;
    return Promise.all(othersOf(open.settings).map((peer) => this.#order(open, peer, order)));
  }

  /** Something that is no question; where there is no channel it is lost. */
  send(to: NodeConfig, bytes: Uint8Array): void {
    if (this.#open !== null) send(this.#open, to, bytes);
  }

  close(): void {
    const open = this.#open;
    if (open === null) return;
    clearInterval(open.timer);
    // Before its sockets are gone: a question is sent several times, and a closed socket throws.
    for (const settle of open.waiting.values()) settle(null);
    for (const socket of open.sockets.values()) socket.close();
    open.sockets.clear();
    this.facts.forget();
    this.#open = null;
  }

  /** On every address: the node's own may come later, or move to another interface. */
  #listen(v6: boolean, port: number): Socket {
    const socket = createSocket({ type: v6 ? 'udp6' : 'udp4', ipv6Only: v6 });
    socket.on('error', (error) => {
      const text = `Other nodes cannot ask this one, nor it them: UDP port ${port}: ${error.message}`;
      this.#options.log('warning', text);
    });
    socket.on('message', (bytes, { address }) => this.#receive(socket, bytes, address));
    socket.bind(port);
    return socket;
  }

  async #order(open: Open, peer: NodeConfig, order: ServerOrder): Promise<PeerOutcome> {
    const question = { ...newHead(open, peer), kind: 'set-server', ...order } as const;
    const encoded = encode(open, question);
    if (!encoded.ok) return { node: peer.name, error: encoded.reason };
    const answer = await this.#exchange(open, peer, question, encoded.value, isAnswerOf(peer));
    const silence = `no answer within ${GIVE_UP_MS / 1000} s`;
    return { node: peer.name, error: answer === null ? silence : answer.error };
  }

  #askAll(): void {
    const open = this.#open;
    if (open === null || open.key === null) return;
    for (const peer of othersOf(open.settings)) void this.#askClock(open, peer);
    this.#askFacts();
  }

  #askFacts(): void {
    const open = this.#open;
    if (open !== null && open.key !== null) this.facts.askAll(othersOf(open.settings));
  }

  /** As it tells them; null: it does not, or is not asked. Whoever answers, it has the key and was asked there. */
  async #hearFacts(peer: NodeConfig): Promise<string | null> {
    const open = this.#open;
    if (open === null) return null;
    const digest = factsDigest(this.facts.text);
    const question = { ...newHead(open, peer), kind: 'facts', digest } as const;
    const encoded = encode(open, question);
    if (!encoded.ok) return null;
    const isFacts = (reply: Reply): reply is FactsAnswer => reply.kind === 'facts-answer';
    const answer = await this.#exchange(open, peer, question, encoded.value, isFacts);
    return this.#open === open ? (answer?.facts ?? null) : null;
  }

  /** Resolves when it has answered, or does not. */
  #askClock(open: Open, peer: NodeConfig): Promise<void> {
    const asked = open.asking.get(peer.name);
    const atMs = bootMs();
    if (asked !== undefined && atMs - asked.atMs < CLOCK_GAP_MS) return asked.done;
    const done = this.#hearClock(open, peer);
    open.asking.set(peer.name, { atMs, done });
    return done;
  }

  async #hearClock(open: Open, peer: NodeConfig): Promise<void> {
    const question = { ...newHead(open, peer), kind: 'clock' } as const;
    const encoded = encode(open, question);
    if (!encoded.ok) return;
    const answer = await this.#exchange(open, peer, question, encoded.value, isAnswerOf(peer));
    if (answer === null || this.#open !== open) return;
    const utcLessBootMs = answer.sentAtMs - bootMs();
    open.clocks.learn(peer.name, utcLessBootMs);
    this.#options.onClock(peer, utcLessBootMs);
  }

  /** Its answer, to this very question; null: none within GIVE_UP_MS. */
  async #exchange<Wanted extends Reply>(
    open: Open,
    peer: NodeConfig,
    { id }: Question,
    datagram: Uint8Array,
    isWanted: (reply: Reply) => reply is Wanted,
  ): Promise<Wanted | null> {
    const answered = Promise.withResolvers<Wanted | null>();
    open.waiting.set(id, (reply) => {
      if (reply === null || isWanted(reply)) answered.resolve(reply);
    });
    const timers = SENT_AT_MS.map((afterMs) => setTimeout(send, afterMs, open, peer, datagram));
    timers.push(setTimeout(answered.resolve, GIVE_UP_MS, null));
    const answer = await answered.promise;
    for (const timer of timers) clearTimeout(timer);
    open.waiting.delete(id);
    return answer;
  }

  #receive(socket: Socket, bytes: Buffer, address: string): void {
    const open = this.#open;
    if (open === null || ![...open.sockets.values()].includes(socket)) return;
    const { settings, key } = open;
    const from = settings.nodes.find(({ addresses }) => addresses.includes(address));
    if (clientsVersionOf(bytes) !== null) {
      if (from === undefined || !this.#mayHear()) return;
      this.#options.onClients(from, bytes, open.clocks.momentOf(from.name, moment()).utcMs);
      return;
    }
    if (key === null || !this.#mayCheck(from !== undefined)) return;
    const decoded = decodePeerMessage(key, bytes);
    // Its signature says who speaks; an address can be forged, and is the first sieve only.
    if (!decoded.ok) return;
    const message = decoded.value;
    if (message.kind === 'facts') {
      this.#answerFacts(open, from ?? { name: message.from, addresses: [address] }, message);
    } else if (message.kind === 'facts-answer') {
      open.waiting.get(message.id)?.(message);
    } else if (from === undefined || message.to !== settings.node) {
      return;
    } else if (message.kind === 'answer') {
      open.waiting.get(message.id)?.(message);
    } else {
      void this.#answer(open, message);
    }
  }

  #mayHear(): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#heardSecond) this.#heard = 0;
    this.#heardSecond = second;
    this.#heard += 1;
    return this.#heard <= HEARD_PER_SECOND;
  }

  #mayCheck(isOurs: boolean): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) {
      this.#checked = 0;
      this.#strangers = 0;
    }
    this.#second = second;
    if (isOurs) return ++this.#checked <= CHECKED_PER_SECOND;
    return ++this.#strangers <= STRANGERS_PER_SECOND;
  }

  /** Also one that the list of nodes here does not have: that is a difference. Whoever has the key may know. */
  #answerFacts(open: Open, peer: NodeConfig, question: FactsQuestion): void {
    const { node, nodes, toleranceMs } = open.settings;
    const isOurs = nodes.includes(peer);
    const { utcMs } = open.clocks.momentOf(peer.name, moment());
    const word = this.#askers.take(question.from, question.sentAtMs, { utcMs, toleranceMs });
    // What it asks again after that is held against its own time.
    if (word === 'far' && isOurs) void this.#askClock(open, peer);
    if (word === 'far' || word === 'old') return;
    const answer = { ...head(question.id, node, question.from), kind: 'facts-answer' } as const;
    const encoded = encode(open, { ...answer, facts: this.facts.text });
    if (encoded.ok) send(open, peer, encoded.value);
    if (word === 'new') this.facts.onQuestion(peer, question.digest, isOurs);
  }

  async #answer(open: Open, question: ServerQuestion | ClockQuestion): Promise<void> {
    const peer = othersOf(open.settings).find(({ name }) => name === question.from);
    if (peer === undefined) return;
    if (question.kind === 'clock') {
      // Whoever has recorded it learns nothing that the answer's reader would take for new.
      this.#reply(open, peer, question, null);
      const offMs = question.sentAtMs - open.clocks.momentOf(peer.name, moment()).utcMs;
      if (Math.abs(offMs) > open.settings.toleranceMs / 2) await this.#askClock(open, peer);
      return;
    }
    let reception = this.#take(open, question);
    if (reception.kind === 'refused') {
      await this.#askClock(open, peer);
      reception = this.#take(open, question);
    }
    if (reception.kind === 'again') {
      if (reception.answer !== null) send(open, peer, reception.answer);
      return;
    }
    const error =
      reception.kind === 'refused' ? reception.why : await this.#obey(question, question.version);
    const answer = this.#reply(open, peer, question, error);
    if (answer !== null) open.guard.remember(question.id, answer);
  }

  #take({ guard, clocks }: Open, { id, sentAtMs, from }: Question): Reception {
    return guard.take(id, sentAtMs, clocks.momentOf(from, moment()));
  }

  #reply(open: Open, peer: NodeConfig, { id }: Question, error: string | null): Uint8Array | null {
    const answer: Answer = { ...head(id, open.settings.node, peer.name), kind: 'answer', error };
    const encoded = encode(open, answer);
    if (!encoded.ok) return null;
    send(open, peer, encoded.value);
    return encoded.value;
  }

  async #obey(question: ServerQuestion, version: number): Promise<string | null> {
    if (version !== PEER_VERSION) return `it speaks version ${PEER_VERSION} of the nodes' language`;
    const { from, backend, server, state } = question;
    const error = await this.#options.setServer({ backend, server, state });
    const outcome = error === null ? 'done' : `refused: ${error}`;
    this.#options.log(
      'info',
      `${from} asks for state ${state} of ${backend}/${server}: ${outcome}`,
    );
    return error?.slice(0, 512) ?? null;
  }
}

function encode({ key }: Open, message: PeerMessage): ReturnType<typeof encodePeerMessage> {
  return key === null ? fail('The nodes share no key') : encodePeerMessage(key, message);
}

/** Only who was asked answers. */
function isAnswerOf({ name }: NodeConfig): (reply: Reply) => reply is Answer {
  return (reply): reply is Answer => reply.kind === 'answer' && reply.from === name;
}

function moment(): Moment {
  return { utcMs: Date.now(), bootMs: bootMs() };
}

function newHead({ settings }: Open, peer: NodeConfig): PeerHead {
  return head(nodeCrypto().randomBytes(16).toString('hex'), settings.node, peer.name);
}

function head(id: string, from: string, to: string): PeerHead {
  return { version: PEER_VERSION, id, from, to, sentAtMs: Date.now() };
}

/** To each of its addresses; what cannot be sent is as lost as what does not arrive. */
function send({ sockets, settings }: Open, peer: NodeConfig, bytes: Uint8Array): void {
  for (const address of peer.addresses) {
    sockets.get(isIPv6(address))?.send(bytes, settings.port, address, () => {});
  }
}
