/**
 * Asks the guardians of the other nodes, and answers them: UDP between the nodes' addresses, signed (message.ts). What
 * comes from elsewhere, or without the key, is dropped without a word.
 */

import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { NodeConfig } from '../../config/model/config.ts';
import type { AdminState } from '../../health/server-state.ts';
import { bootMs } from '../../linux/clock.ts';
import type { Log } from '../log.ts';
import {
  type Answer,
  decodePeerMessage,
  encodePeerMessage,
  PEER_VERSION,
  type PeerHead,
  peerKey,
  type Question,
} from './message.ts';
import { ReplayGuard } from './replay-guard.ts';

/** When a question is sent, and when nobody is waited for any more; ms after it was asked. */
const SENT_AT_MS = [0, 100, 300, 700, 1200];
const GIVE_UP_MS = 2000;
/** Signatures checked in a second; a flood of the rest costs its reception. */
const CHECKED_PER_SECOND = 200;

export type PeerSettings = {
  /** Of this node, and of all. */
  readonly node: string;
  readonly nodes: readonly NodeConfig[];
  readonly port: number;
  /** Text of the key file. */
  readonly secret: string;
  readonly toleranceMs: number;
};

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
};

type Open = {
  readonly settings: PeerSettings;
  readonly key: Buffer;
  readonly guard: ReplayGuard;
  /** Of IPv6, and of IPv4. */
  readonly sockets: ReadonlyMap<boolean, Socket>;
  /** By the id of the question. */
  readonly waiting: Map<string, (answer: Answer) => void>;
};

export class PeerChannel {
  readonly #options: PeerChannelOptions;
  #open: Open | null = null;
  #checked = 0;
  #second = 0;

  constructor(options: PeerChannelOptions) {
    this.#options = options;
  }

  /** Goes on by these settings; null: nobody is asked or answered. */
  use(settings: PeerSettings | null): void {
    if (JSON.stringify(settings) === JSON.stringify(this.#open?.settings ?? null)) return;
    this.close();
    if (settings === null) return;
    const families = new Set(settings.nodes.flatMap(({ addresses }) => addresses.map(isIPv6)));
    const sockets = new Map([...families].map((v6) => [v6, this.#listen(v6, settings.port)]));
    this.#open = {
      settings,
      key: peerKey(settings.secret),
      guard: new ReplayGuard(settings.toleranceMs, bootMs()),
      sockets,
      waiting: new Map(),
    };
  }

  /** One outcome for each other node, within about two seconds; null: there is no channel. */
  async askAll(order: ServerOrder): Promise<readonly PeerOutcome[] | null> {
    const open = this.#open;
    if (open === null) return null;
    const others = open.settings.nodes.filter(({ name }) => name !== open.settings.node);
    return Promise.all(others.map((peer) => this.#ask(open, peer, order)));
  }

  close(): void {
    for (const socket of this.#open?.sockets.values() ?? []) socket.close();
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

  #ask(open: Open, peer: NodeConfig, order: ServerOrder): Promise<PeerOutcome> {
    const { settings, key, waiting } = open;
    const question: Question = {
      ...head(randomBytes(16).toString('hex'), settings.node, peer.name),
      kind: 'set-server',
      ...order,
    };
    const encoded = encodePeerMessage(key, question);
    if (!encoded.ok) return Promise.resolve({ node: peer.name, error: encoded.reason });
    const timers: NodeJS.Timeout[] = [];
    return new Promise<string | null>((resolve) => {
      waiting.set(question.id, (answer) => {
        // Only who was asked.
        if (answer.from === peer.name) resolve(answer.error);
      });
      for (const afterMs of SENT_AT_MS) {
        timers.push(setTimeout(() => send(open, peer, encoded.value), afterMs));
      }
      const silence = `no answer within ${GIVE_UP_MS / 1000} s`;
      timers.push(setTimeout(() => resolve(silence), GIVE_UP_MS));
    }).then((error) => {
      for (const timer of timers) clearTimeout(timer);
      waiting.delete(question.id);
      return { node: peer.name, error };
    });
  }

  #receive(socket: Socket, bytes: Buffer, address: string): void {
    const open = this.#open;
    if (open === null || ![...open.sockets.values()].includes(socket)) return;
    const { settings, key } = open;
    const from = settings.nodes.find(({ addresses }) => addresses.includes(address));
    if (from === undefined || !this.#mayCheck()) return;
    const decoded = decodePeerMessage(key, bytes);
    // Its signature says who speaks; an address can be forged, and is the first sieve only.
    if (!decoded.ok || decoded.value.to !== settings.node) return;
    const message = decoded.value;
    if (message.kind === 'answer') open.waiting.get(message.id)?.(message);
    else void this.#answer(open, message);
  }

  #mayCheck(): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) this.#checked = 0;
    this.#second = second;
    this.#checked += 1;
    return this.#checked <= CHECKED_PER_SECOND;
  }

  async #answer(open: Open, question: Question): Promise<void> {
    const { id, version, sentAtMs, from } = question;
    const peer = open.settings.nodes.find(({ name }) => name === from);
    if (peer === undefined || from === open.settings.node) return;
    const now = { utcMs: Date.now(), bootMs: bootMs() };
    const reception = open.guard.take(id, sentAtMs, now);
    if (reception.kind === 'again') {
      if (reception.answer !== null) send(open, peer, reception.answer);
      return;
    }
    const error =
      reception.kind === 'refused' ? reception.why : await this.#obey(question, version);
    const answer: Answer = { ...head(id, open.settings.node, from), kind: 'answer', error };
    const encoded = encodePeerMessage(open.key, answer);
    if (!encoded.ok) return;
    open.guard.remember(id, encoded.value);
    send(open, peer, encoded.value);
  }

  async #obey(question: Question, version: number): Promise<string | null> {
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

function head(id: string, from: string, to: string): PeerHead {
  return { version: PEER_VERSION, id, from, to, sentAtMs: Date.now() };
}

/** To each of its addresses; what cannot be sent is as lost as what does not arrive. */
function send({ sockets, settings }: Open, peer: NodeConfig, bytes: Uint8Array): void {
  for (const address of peer.addresses) {
    sockets.get(isIPv6(address))?.send(bytes, settings.port, address, () => {});
  }
}
