/**
 * The end of a balancer, or a checker, of the stream to its guardian: lines of JSON. The guardian reads no faster than it is able
 * to, so that what waits here has a bound: of the servers only the last state is worth anything, lines of the log
 * are counted and left out, and all else are answers, of which there are as many as questions.
 */

import { Socket } from 'node:net';
import type {
  BalancerToGuardian,
  CheckerToGuardian,
  GuardianToBalancer,
} from '../contracts/protocol.ts';
import { LineReader } from '../core/line-reader.ts';

/** A configuration is the longest there is to hear; the guardian has read it from files. */
const LINE_BYTES_MAX = 256 << 20;

/** Beyond it what can be left out is. */
const QUEUE_BYTES_MAX = 1 << 20;

type Said = BalancerToGuardian | CheckerToGuardian;

/** `Told`: what the guardian says to such a process. */
export class GuardianChannel<Told = GuardianToBalancer> {
  readonly #socket: Socket;
  readonly #lines = new LineReader(LINE_BYTES_MAX);
  #servers: Said | null = null;
  #linesLost = 0;

  /** `fd` is inherited, and one end of a socketpair. */
  constructor(fd: number) {
    this.#socket = new Socket({ fd, readable: true, writable: true });
    this.#socket.on('error', () => {});
    this.#socket.once('end', () => this.#socket.destroy());
    this.#socket.on('drain', () => this.#catchUp());
  }

  /** `sent` is called in every case, also when nobody is there or the message is left out. */
  send(message: Said, sent: () => void = () => {}): void {
    const crowded = this.#socket.writableLength > QUEUE_BYTES_MAX;
    if (this.#socket.destroyed || (crowded && this.#leaveOut(message))) sent();
    else this.#socket.write(`${JSON.stringify(message)}\n`, () => sent());
  }

  onMessage(listener: (message: Told) => void): void {
    this.#socket.on('data', (chunk: Buffer) => {
      for (const line of this.#lines.read(chunk) ?? this.#giveUp()) listener(JSON.parse(line));
    });
  }

  /** Told once: the guardian is gone. */
  onClose(listener: () => void): void {
    this.#socket.once('close', listener);
  }

  #leaveOut(message: Said): boolean {
    if (message.kind === 'servers') this.#servers = message;
    else if (message.kind === 'log') this.#linesLost += 1;
    else return false;
    return true;
  }

  #catchUp(): void {
    const servers = this.#servers;
    const lost = this.#linesLost;
    this.#servers = null;
    this.#linesLost = 0;
    if (servers !== null) this.send(servers);
    if (lost === 0) return;
    const text = `${lost} lines of the log were lost: the guardian had no time for them`;
    this.send({ kind: 'log', level: 'warning', text });
  }

  #giveUp(): never {
    throw new Error(`The guardian said more than ${LINE_BYTES_MAX} bytes in one message`);
  }
}
