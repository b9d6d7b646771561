/** `evergate events`: what happened on this node, from the file of its timeline: also while no Evergate runs. */

import { type FSWatcher, watch } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { EVENTS_FORMAT, type NodeEvent } from '../contracts/events.ts';
import { DEFAULT_RUN_DIR } from '../contracts/run-directory.ts';
import { oneLine } from '../core/controls.ts';
import { OperationalError } from '../core/errors.ts';
import { eventsPath } from '../guardian/run-dir.ts';
import { paint } from './paint.ts';
import { complain, printPainted } from './printing.ts';
import { readEvents } from './read-events.ts';
import { timeOf } from './time-of-event.ts';

/** How late --follow is at most, where the file system tells of no change. */
const LOOK_MS = 1000;

type Options = {
  readonly runDir: string;
  readonly since?: number;
  readonly json: boolean;
  readonly follow: boolean;
};

export function eventsCommand(): Command {
  return new Command('events')
    .addOption(
      new Option('--since <time>', 'only what is not older, e.g. 10m, 2h, 1d').argParser(parseSpan),
    )
    .option('--follow', 'go on as events happen, over stops and starts of Evergate', false)
    .option('--json', 'print each event as a line of JSON (docs/events.md)', false)
    .option('--run-dir <dir>', 'directory of the instance', DEFAULT_RUN_DIR)
    .action((options: Options) => run(options));
}

async function run(options: Options): Promise<void> {
  const { runDir, since, follow } = options;
  const { events, torn } = readEvents(runDir);
  if (torn > 0) complain(`evergate: warning: ${torn} events cannot be read, and are left out\n`);
  const from = since === undefined ? 0 : Date.now() - since;
  const show = (event: NodeEvent): void => {
    printPainted(options.json ? jsonLine(event) : eventLine(event));
  };
  for (const event of events) if (event.at >= from) show(event);
  if (follow) await followEvents(runDir, events.at(-1)?.n ?? 0, show);
}

/** As "journalctl --follow" does: to the end of the process, or of whoever reads. `last`: number of the event shown last. */
async function followEvents(
  runDir: string,
  last: number,
  show: (event: NodeEvent) => void,
): Promise<void> {
  const follower = new Follower(runDir, last, show);
  const stopped = Promise.withResolvers<void>();
  process.stdout.once('error', () => stopped.resolve());
  follower.look();
  const timer = setInterval(() => follower.look(), LOOK_MS);
  await stopped.promise;
  clearInterval(timer);
  follower.close();
}

class Follower {
  readonly #runDir: string;
  readonly #show: (event: NodeEvent) => void;
  #shown: number;
  #watcher: FSWatcher | null = null;
  /** Why there is nothing to follow now; null: there is. */
  #trouble: string | null = null;

  constructor(runDir: string, last: number, show: (event: NodeEvent) => void) {
    this.#runDir = runDir;
    this.#shown = last;
    this.#show = show;
  }

  look(): void {
    try {
      this.#watcher ??= this.#watch();
      this.#tell(readEvents(this.#runDir).events);
      this.#trouble = null;
    } catch (error) {
      this.close();
      this.#wait(error as Error);
    }
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = null;
  }

  #watch(): FSWatcher | null {
    try {
      const watcher = watch(eventsPath(this.#runDir), () => this.look());
      return watcher.on('error', () => {});
    } catch {
      // The look that follows says what is wrong; where it is but the watching, looks have to do.
      return null;
    }
  }

  #tell(events: readonly NodeEvent[]): void {
    const newest = events.at(-1)?.n ?? 0;
    // Another run directory has taken the place of the one before: it counts anew.
    if (newest < this.#shown) this.#shown = 0;
    for (const event of events) if (event.n > this.#shown) this.#show(event);
    this.#shown = newest;
  }

  /** Says so once. */
  #wait(error: Error): void {
    if (!(error instanceof OperationalError)) throw error;
    const isStopped = error.code === 'not-running';
    // The directory went with its Evergate; the next one counts anew.
    if (isStopped) this.#shown = 0;
    const why = isStopped ? `Evergate was stopped, and "${this.#runDir}" is gone` : error.message;
    if (why !== this.#trouble) complain(`evergate: warning: ${why}. Waiting for the next start\n`);
    this.#trouble = why;
  }
}

/** One event, for people. */
export function eventLine(event: NodeEvent): string {
  const { at, kind, level, text } = event;
  const line = `${timeOf(at)}  ${kind.padEnd(8)}  ${oneLine(text)}`;
  return `${level === 'info' ? line : paint(level === 'error' ? 'red' : 'yellow', line)}\n`;
}

function jsonLine(event: NodeEvent): string {
  const time = new Date(event.at).toISOString();
  return `${JSON.stringify({ version: EVENTS_FORMAT, time, ...event })}\n`;
}

const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** "10m" in ms. */
export function parseSpan(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const factor = UNITS[unit];
  if (factor === undefined) throw new InvalidArgumentError('Write it as 30s, 10m, 2h or 1d.');
  return Number(count) * factor;
}
