/**
 * The runtime socket (HAProxy: `stats socket`): lines in, texts out. Without `prompt` one line is answered and
 * the connection closed; every answer ends with an empty line.
 */

import { createServer, type Server, type Socket } from 'node:net';
import type { StatsSocketConfig } from '../../config/model/process.ts';
import type { CommandSession } from './command-table.ts';
import { runCommand } from './commands.ts';
import type { AdminContext } from './context.ts';

/** Longest command line (HAProxy: one buffer). */
const LINE_BYTES_MAX = 16_384;
/** Commands of one line that are run. */
const CHAINED_MAX = 64;
const CHAIN_TOO_LONG = `Only ${CHAINED_MAX} commands fit in one line; the rest was not run\n`;
/** Clients at one time; more are turned away. */
export const CLIENTS_MAX = 32;
/** HAProxy's default for `stats timeout`. */
const IDLE_MS = 10_000;

/** A server for one socket; the caller makes it listen and closes it. */
export function createRuntimeSocket(
  level: StatsSocketConfig['level'],
  context: AdminContext,
): Server {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    new Client(socket, level, context).start();
  });
  server.maxConnections = CLIENTS_MAX;
  return server;
}

class Client {
  readonly #socket: Socket;
  readonly #context: AdminContext;
  readonly #session: CommandSession;
  #pending = '';
  /** The client's last byte was read. */
  #heardAll = false;
  /** A command takes its time; what follows waits. */
  #busy = false;

  constructor(socket: Socket, level: StatsSocketConfig['level'], context: AdminContext) {
    this.#socket = socket;
    this.#context = context;
    this.#session = { level, interactive: false, timeoutMs: IDLE_MS };
  }

  start(): void {
    const socket = this.#socket;
    // Bytes stand for themselves: whatever comes, one byte is one character.
    socket.setEncoding('latin1');
    socket.setTimeout(this.#session.timeoutMs, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: string) => {
      // After our last answer nobody reads what still comes; keeping it would fill the memory.
      if (socket.writableEnded) return;
      this.#pending += chunk;
      this.#work();
    });
    socket.on('end', () => {
      this.#heardAll = true;
      this.#work();
    });
    // A client that does not read gets no further answers until it does.
    socket.on('drain', () => {
      socket.resume();
      this.#work();
    });
  }

  #work(): void {
    const socket = this.#socket;
    while (!this.#busy && !socket.writableEnded && !socket.writableNeedDrain) {
      const end = this.#pending.indexOf('\n');
      if (end === -1 || end > LINE_BYTES_MAX) break;
      const line = this.#pending.slice(0, end).replace(/\r$/, '');
      this.#pending = this.#pending.slice(end + 1);
      this.#answer(line);
    }
    if (this.#busy || socket.writableEnded) return;
    if (socket.writableNeedDrain) {
      socket.pause();
    } else if (this.#pending.length > LINE_BYTES_MAX) {
      socket.end('Command line too long\n\n');
    } else if (this.#heardAll) {
      socket.end();
    }
  }

  #answer(line: string): void {
    const parts = line.split(';');
    // "show info;" is one command, an empty line is one unknown command.
    const commands = parts.length === 1 ? parts : parts.filter((part) => part.trim() !== '');
    this.#run(commands, 0, '');
  }

  /** Runs the commands from `index` on; `text` is what those before said. */
  #run(commands: readonly string[], index: number, text: string): void {
    let said = text;
    for (const [offset, command] of commands.slice(index, CHAINED_MAX).entries()) {
      const reply = runCommand(command, this.#context, this.#session);
      if (reply instanceof Promise) {
        this.#await(reply, (late) => this.#run(commands, index + offset + 1, said + late));
        return;
      }
      if (typeof reply !== 'string') {
        this.#socket.end(said);
        return;
      }
      said += this.#reply(reply);
    }
    if (commands.length > CHAINED_MAX) said += this.#reply(CHAIN_TOO_LONG);
    this.#socket.setTimeout(this.#session.timeoutMs);
    if (this.#session.interactive) this.#socket.write(said);
    else this.#socket.end(said);
  }

  #await(reply: Promise<string>, goOn: (text: string) => void): void {
    this.#busy = true;
    this.#socket.setTimeout(0);
    void reply.then((text) => {
      this.#busy = false;
      if (this.#socket.destroyed) return;
      goOn(this.#reply(text));
      this.#work();
    });
  }

  #reply(text: string): string {
    return `${text}\n${this.#session.interactive ? '> ' : ''}`;
  }
}
