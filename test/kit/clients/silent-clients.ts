/**
 * Clients that say hello over TLS and then nothing, as a watch on which nothing happens: who loses the connection, and
 * when.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { waitUntil } from '../wait-until.ts';

const CLIENT = `
const tls = require('node:tls');
const [host, port, count, ...addresses] = process.argv.slice(1);
const now = () => performance.timeOrigin + performance.now();
const say = (what) => console.log(JSON.stringify({ ...what, at: now() }));
process.setMaxListeners(0);
for (let index = 0; index < Number(count); index++) {
  const localAddress = addresses[index % addresses.length];
  const socket = tls.connect({ host, port: Number(port), localAddress, rejectUnauthorized: false });
  let code = 'end';
  socket.on('secureConnect', () => say({ kind: 'open', index }));
  socket.on('error', (error) => { code = error.code; });
  socket.on('end', () => socket.destroy());
  socket.on('close', () => say({ kind: 'closed', index, code }));
  socket.once('data', () => say({ kind: 'answered', index }));
  process.on('message', () => {
    if (!socket.destroyed) socket.write('GET /version HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n');
  });
}
process.on('disconnect', () => process.exit());
`;

/** `at`: ms since 1970, of the machine's common clock. */
export type Closed = { readonly index: number; readonly code: string; readonly at: number };

export class SilentClients {
  readonly closed: Closed[] = [];
  readonly #child: ChildProcess;
  #open = 0;
  #answered = 0;
  #rest = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (this.#rest + text).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) this.#hear(JSON.parse(line));
    });
  }

  /** Resolves when all are open. They connect from these addresses in turn. Call close(). */
  static async open(
    namespace: string,
    count: number,
    { host, port }: { readonly host: string; readonly port: number },
    addresses: readonly string[],
  ): Promise<SilentClients> {
    const words = [process.execPath, '-e', CLIENT, host, `${port}`, `${count}`, ...addresses];
    const child = spawn('ip', ['netns', 'exec', namespace, ...words], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    const clients = new SilentClients(child);
    await waitUntil(`${count} silent clients are connected`, () => clients.#open >= count);
    return clients;
  }

  /** Has each that is left ask something: how many have an answer within `boundMs`. */
  async ask(boundMs: number): Promise<number> {
    const left = this.#open - this.closed.length;
    const until = performance.now() + boundMs;
    this.#child.send('ask');
    while (this.#answered < left && performance.now() < until) {
      await new Promise((done) => setTimeout(done, 20));
    }
    return this.#answered;
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }

  #hear(said: Closed & { readonly kind: 'open' | 'closed' | 'answered' }): void {
    if (said.kind === 'open') this.#open += 1;
    else if (said.kind === 'answered') this.#answered += 1;
    else this.closed.push(said);
  }
}

/** On the clock of Closed. */
export function commonNow(): number {
  return performance.timeOrigin + performance.now();
}
