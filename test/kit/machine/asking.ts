/** A client that asks apiservers through an address all the time: over a new connection each time, and over one it keeps. */

import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { NetworkNode } from '../network.ts';
import { waitUntil } from '../wait-until.ts';

/**
 * $1: host, $2: port. A line for each question: "new" or "kept", then "ok" or what was wrong; "cut", where the connection
 * was there and has ended. After the end of the kept one the next question opens another.
 */
const CLIENT = `
const { Agent, get } = require('node:https');
const [, host, port] = process.argv;
let kept = new Agent({ keepAlive: true, maxSockets: 1 });
process.on('SIGUSR2', () => { kept = new Agent({ keepAlive: true, maxSockets: 1 }); });
const ask = (agent, kind) => new Promise((done) => {
  const end = (word) => { console.log(kind, word); done(); };
  const options = { host, port, agent, path: '/version', rejectUnauthorized: false, timeout: 5000 };
  const asking = get(options, (answer) => {
    answer.resume().on('end', () => end(answer.statusCode === 200 ? 'ok' : answer.statusCode));
  });
  asking.on('timeout', () => asking.destroy(new Error('timeout')));
  let connected = agent !== false;
  if (!connected) asking.on('socket', (socket) => socket.on('connect', () => { connected = true; }));
  asking.on('error', (error) => end((connected ? 'cut ' : '') + error.message));
});
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
setInterval(() => ask(false, 'new'), 50);
(async () => { for (;;) { await ask(kept, 'kept'); await pause(100); } })();
`;

export type Asked = {
  readonly attempts: number;
  /** What was wrong with connections that were not made. */
  readonly failed: readonly string[];
  /** And with those that ended before their answer, or while they were kept. */
  readonly cut: readonly string[];
};

export class Asking {
  readonly #client: ChildProcess;
  readonly #lines: string[] = [];

  constructor(node: NetworkNode, host: string, port: number) {
    const words = ['-e', CLIENT, host, String(port)];
    this.#client = node.spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    const { stdout } = this.#client;
    if (stdout === null) throw new Error('The client has no output');
    createInterface({ input: stdout }).on('line', (line) => this.#lines.push(line));
  }

  /** The next question opens another connection to keep. */
  reopen(): void {
    this.#client.kill('SIGUSR2');
  }

  /** Resolves once so many answers have come in a row, and forgets what was before. */
  async calm(count = 30): Promise<void> {
    const from = this.#lines.length;
    await waitUntil(`${count} questions in a row are answered`, () => {
      const last = this.#lines.slice(-count);
      return this.#lines.length >= from + count && last.every((line) => line.endsWith(' ok'));
    });
    this.#lines.length = 0;
  }

  /** Since the last call of calm(), after as many answers more as prove that the last step did not spoil the next ones. */
  async asked(more = 30): Promise<Asked> {
    const { length } = this.#lines;
    await waitUntil(`${more} questions more`, () => this.#lines.length >= length + more);
    const wrong = this.#lines.filter((line) => !line.endsWith(' ok'));
    return {
      attempts: this.#lines.filter((line) => line.startsWith('new ')).length,
      failed: wrong.filter((line) => !line.includes(' cut ')),
      cut: wrong.filter((line) => line.includes(' cut ')),
    };
  }
}
