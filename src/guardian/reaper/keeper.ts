/**
 * Keeps a reaper beside the guardian: a process that does nothing but wait until the guardian is gone, and
 * then sees to it that the virtual addresses do not outlive their use (docs/adr/0010).
 */

import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Log, logLines } from '../log.ts';
import { restartDelay } from '../restart-delay.ts';
import { LOG_FD, type ReaperOrder } from './order.ts';

const ENTRY = fileURLToPath(new URL('./main.ts', import.meta.url));

/** It allocates next to nothing, and is never in a hurry: the compilers would keep 2 MB for it. */
const RUNTIME_FLAGS = ['--max-old-space-size=16', '--max-semi-space-size=1', '--no-maglev'];

export type ReaperOptions = {
  /** URL of the election's module (contracts/election.ts). */
  readonly estateModule: string;
  readonly order: ReaperOrder;
  readonly log: Log;
  /** Called with the pid of each new reaper. */
  readonly onPid: (pid: number) => void;
};

export class ReaperKeeper {
  readonly #options: ReaperOptions;
  #order: ReaperOrder;
  #child: ChildProcess | null = null;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;
  /** Reapers in a row that did not live long. */
  #shortLived = 0;

  constructor(options: ReaperOptions) {
    this.#options = options;
    this.#order = options.order;
    this.#start();
  }

  /** The last word counts. */
  tell(order: ReaperOrder): void {
    this.#order = order;
    this.#child?.stdin?.write(`${JSON.stringify(order)}\n`);
  }

  /** Only when the addresses are gone: they have no reaper afterwards. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const child = this.#child;
    if (child === null || !child.kill('SIGKILL')) return;
    await once(child, 'exit');
  }

  #start(): void {
    const { estateModule, onPid } = this.#options;
    const args = [...process.execArgv, ...RUNTIME_FLAGS, ENTRY, estateModule];
    // The pipe's other end is held by nobody but us: it closes when we end, however we end. What it has to say
    // it says after that. Not as descriptor 2, which libuv makes a blocking one for a child, and so for us.
    const stdio: StdioOptions = ['pipe', 'ignore', 'pipe'];
    stdio[LOG_FD] = 2;
    const child = spawn(process.execPath, args, { stdio });
    this.#child = child;
    child.stdin?.on('error', () => {});
    // Before all else: a guardian that is killed before has no reaper.
    this.tell(this.#order);
    if (child.pid !== undefined) onPid(child.pid);
    child.stderr?.on('data', (text) => logLines(this.#options.log, 'warning', `Reaper: ${text}`));
    const startedAt = performance.now();
    let over = false;
    const onEnd = (why: string): void => {
      if (over || this.#stopped) return;
      over = true;
      const next = restartDelay(this.#shortLived, performance.now() - startedAt);
      this.#shortLived = next.shortLived;
      const when = next.delayMs === 0 ? 'at once' : `in ${next.delayMs} ms`;
      this.#options.log('warning', `The reaper is gone: ${why}; another starts ${when}`);
      if (next.delayMs === 0) this.#start();
      else this.#timer = setTimeout(() => this.#start(), next.delayMs);
    };
    child.once('error', (error) => onEnd(error.message));
    child.once('exit', (code, signal) => onEnd(`it ended with ${signal ?? code}`));
  }
}
