/** Clients, apiservers and balancers of the benches of crowds: processes that are asked for figures by lines. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { clientHello } from '../../src/planes/relay/fixture/client-hello.ts';
import { accepts } from '../../test/kit/haproxy.ts';

/** client-go's limit for a TLS handshake. */
const PATIENCE_MS = 10_000;

/** A script of this folder in a process of its own. */
export class Child {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(script: string, args: readonly (string | number)[]) {
    this.#process = spawn(
      process.execPath,
      [join(import.meta.dirname, script), ...args.map(String)],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    const { stdout } = this.#process;
    if (stdout === null) throw new Error(`"${script}" has no output`);
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const { value } = await this.#lines.next();
    if (typeof value !== 'string') throw new Error('A process of the bench has ended');
    return value;
  }

  async figures<Figures>(): Promise<Figures> {
    this.#process.stdin?.write('\n');
    return JSON.parse(await this.line()) as Figures;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await gone;
  }
}

/** ms until the answer; null: there was none. */
export async function ask(port: number, afterMs: number): Promise<number | null> {
  if (afterMs > 0) await sleep(afterMs);
  const began = performance.now();
  return new Promise((done) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(clientHello()));
    const end = (spentMs: number | null): void => {
      clearTimeout(patience);
      socket.destroy();
      done(spentMs);
    };
    const patience = setTimeout(end, PATIENCE_MS, null);
    socket.once('data', () => end(performance.now() - began));
    socket.on('error', () => end(null));
    socket.on('end', () => end(null));
  });
}

export async function waitForPort(port: number): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await accepts(port))) {
    if (performance.now() > deadline) throw new Error(`Nothing listens on ${port}`);
  }
}
