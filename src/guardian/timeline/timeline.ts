/**
 * A node's timeline: what the log is told with details goes into the file, too. Nothing here ends or refuses anything: a
 * node without a timeline is a node all the same.
 */

import { existsSync } from 'node:fs';
import type { EventDetail, NodeEvent, VipDetail } from '../../contracts/events.ts';
import type { VipMoves } from '../../stats/node-facts.ts';
import type { Log, LogLevel } from '../log.ts';
import { EventFile } from './event-file.ts';

/** Of a start, until it is known to be one. */
const WAITING_MAX = 64;

const NO_MOVES = { taken: 0, given: 0, lastGapMs: null };

type Told = Omit<NodeEvent, 'n'>;

export type TimelineOptions = {
  readonly log: Log;
  readonly node: () => string;
  /** The wall clock, ms since 1970. */
  readonly now: () => number;
};

export class Timeline {
  readonly #options: TimelineOptions;
  #path: string | null = null;
  #file: EventFile | null = null;
  /** null: they are written at once. */
  #waiting: Told[] | null = [];
  #hasFailed = false;
  readonly #moves = new Map<string, VipMoves>();

  constructor(options: TimelineOptions) {
    this.#options = options;
  }

  /** To the log, and what has details into the timeline. */
  readonly log: Log = (level, text, detail) => {
    this.#options.log(level, text, detail);
    if (detail === undefined) return;
    if (detail.kind === 'vip') this.#count(detail);
    const told = this.#told(level, text, detail);
    if (this.#waiting === null) this.#append(told);
    else if (this.#waiting.length < WAITING_MAX) this.#waiting.push(told);
  };

  /** Goes on with what an earlier guardian left there; where there is nothing it waits for keep(). */
  follow(path: string): void {
    this.#path = path;
    if (!existsSync(path)) return;
    this.keep();
    const last = this.#file?.kept.events.findLast(({ kind }) => kind === 'guardian');
    // Once of each: starts that fail after it tell nothing new.
    if (last?.kind !== 'guardian' || last.to !== 'started') return;
    const text = `The guardian before (${last.pid}) ended without a word`;
    this.log('info', text, { kind: 'guardian', to: 'lost', pid: last.pid });
  }

  /** The node works: from now on everything is kept. */
  keep(): void {
    if (this.#path === null || this.#waiting === null) return;
    const waiting = this.#waiting;
    this.#waiting = null;
    this.#try(() => {
      this.#file = EventFile.open(this.#path ?? '');
    });
    for (const told of waiting) this.#append(told);
  }

  /** Lets the members of a group read it, undefined: nobody else. */
  showTo(gid: number | undefined): void {
    try {
      this.#file?.showTo(gid);
    } catch (error) {
      const text = 'The group that may read the events cannot be changed';
      this.#options.log('warning', `${text}: ${(error as Error).message}`);
    }
  }

  close(): void {
    this.#file?.close();
    this.#file = null;
  }

  get moves(): readonly VipMoves[] {
    return [...this.#moves.values()];
  }

  #count({ instance, from, to, gapMs }: VipDetail): void {
    const { taken, given, lastGapMs } = this.#moves.get(instance) ?? NO_MOVES;
    this.#moves.set(instance, {
      instance,
      taken: taken + (to === 'master' ? 1 : 0),
      given: given + (from === 'master' ? 1 : 0),
      lastGapMs: gapMs ?? lastGapMs,
    });
  }

  #told(level: LogLevel, text: string, detail: EventDetail): Told {
    const { node, now } = this.#options;
    return { at: now(), node: node(), level, text, ...detail };
  }

  #append(told: Told): void {
    const file = this.#file;
    if (file === null) return;
    this.#try(() => file.append({ n: file.nextNumber, ...told } as NodeEvent));
  }

  /** Of a disk that stays full one line is enough. */
  #try(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      this.#options.log('warning', `Events are not kept: ${(error as Error).message}`);
    }
  }
}
