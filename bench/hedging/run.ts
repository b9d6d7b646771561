/**
 * bench/hedging: what a crowd that comes at once costs apiservers that need their time for each hello.
 *
 *   node bench/hedging/run.ts [--clients N] [--work MS] [--hung] [--source DIR] [--smoke]
 *
 * 1,200 clients at three apiservers that take 15 ms for a hello, one after the other. With --hung they come
 * 10 ms apart, and the first apiserver is stopped (SIGSTOP); nobody takes it out, so that hedging alone has to do it. --source DIR measures
 * another source tree, such as an older one. Prints one line; 10 seconds, a minute at most. Exits with 1 when a
 * client failed, or a crowd made more than 1.1 hellos for each. --smoke: 60 clients.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { clientHello } from '../../src/planes/relay/fixture/client-hello.ts';
import { freePort } from '../../test/kit/free-port.ts';
import { accepts } from '../../test/kit/haproxy.ts';
import type { ApiserverFigures } from './apiserver.ts';
import type { BalancerFigures } from './balancer.ts';

const APISERVERS = 3;
const PACE_MS = 10;
const HELLOS_MAX = 1.1;
/** client-go's limit for a TLS handshake. */
const PATIENCE_MS = 10_000;

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '1200' },
    work: { type: 'string', default: '15' },
    hung: { type: 'boolean', default: false },
    source: { type: 'string', default: join(import.meta.dirname, '../..') },
    smoke: { type: 'boolean', default: false },
  },
});
const clients = values.smoke ? 60 : Number(values.clients);

class Child {
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
async function ask(port: number, afterMs: number): Promise<number | null> {
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

async function waitForPort(port: number): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await accepts(port))) {
    if (performance.now() > deadline) throw new Error(`Nothing listens on ${port}`);
  }
}

const ports = await Promise.all(Array.from({ length: APISERVERS }, () => freePort()));
const apiservers = ports.map((port) => new Child('apiserver.ts', [port, Number(values.work)]));
const listen = await freePort();
const balancer = new Child('balancer.ts', [resolve(values.source), listen, ...ports]);
try {
  await balancer.line();
  for (const port of ports) await waitForPort(port);
  const heard = values.hung ? apiservers.slice(1) : apiservers;
  if (values.hung) apiservers[0]?.signal('SIGSTOP');
  const answers = await Promise.all(
    Array.from({ length: clients }, (_, index) => ask(listen, values.hung ? index * PACE_MS : 0)),
  );
  const spent = answers.filter((ms) => ms !== null).sort((one, other) => one - other);
  const { hedges, refused } = await balancer.figures<BalancerFigures>();
  const figures = await Promise.all(heard.map((one) => one.figures<ApiserverFigures>()));
  const unanswered = Math.max(...figures.map((one) => one.unansweredMax));
  const hellos = values.hung ? clients + hedges : figures.reduce((sum, one) => sum + one.hellos, 0);
  const failed = clients - spent.length;
  const median = spent[Math.floor(spent.length / 2)] ?? Number.NaN;
  process.stdout.write(
    `${clients} clients: ${hellos} hellos (${(hellos / clients).toFixed(2)} x), ${hedges} hedges, ` +
      `${refused} refused, ${unanswered} unanswered at one apiserver at most, answered after ` +
      `${median.toFixed(0)} ms (median) and ${(spent.at(-1) ?? Number.NaN).toFixed(0)} ms (last), ${failed} failed\n`,
  );
  if (values.smoke) process.stdout.write('A smoke run: the figures mean nothing\n');
  else if (failed > 0 || (!values.hung && hellos > clients * HELLOS_MAX)) process.exitCode = 1;
} finally {
  await Promise.all([balancer, ...apiservers].map((child) => child.end()));
}
