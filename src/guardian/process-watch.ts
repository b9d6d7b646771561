/**
 * Whether processes run that an instance tracks (keepalived.conf(5), vrrp_track_process), from proc(5).
 *
 * Known processes are looked at every time, which costs a small read each. All of /proc is gone through
 * only when too few of them are left, and at most once a second.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { TrackProcessConfig } from '../config/model/election.ts';

const LOOK_INTERVAL_MS = 100;
const SEARCH_INTERVAL_MS = 1000;
/** Processes looked at in one search; the kernel's own limit is 2^22. */
const PROCESSES_MAX = 100_000;
/** Enough of them are remembered to stay above the quorum when some end. */
const KNOWN_MAX = 256;

export type ProcessCount = { readonly running: number; readonly enough: boolean };

export class ProcessWatch {
  readonly #config: TrackProcessConfig;
  readonly #onChange: (count: ProcessCount) => void;
  readonly #proc: string;
  #known: readonly string[] = [];
  #searchedAt = Number.NEGATIVE_INFINITY;
  #enough: boolean | null = null;
  /** Since when the opposite of `#enough` is seen; null: it is not. */
  #changedAt: number | null = null;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  /** Tells the first count, and each change once it has lasted the configured delay. */
  constructor(
    config: TrackProcessConfig,
    onChange: (count: ProcessCount) => void,
    proc: string = '/proc',
  ) {
    this.#config = config;
    this.#onChange = onChange;
    this.#proc = proc;
    void this.#countProcesses();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer ?? undefined);
  }

  async #countProcesses(): Promise<void> {
    const known = await this.#filter(this.#known);
    this.#known = known.length >= this.#config.quorum ? known : await this.#search(known);
    if (this.#stopped) return;
    this.#judge(performance.now());
    this.#timer = setTimeout(() => void this.#countProcesses(), LOOK_INTERVAL_MS);
  }

  async #search(known: readonly string[]): Promise<readonly string[]> {
    const now = performance.now();
    if (now - this.#searchedAt < SEARCH_INTERVAL_MS) return known;
    this.#searchedAt = now;
    return this.#filter(processIds(this.#proc).slice(0, PROCESSES_MAX));
  }

  #judge(now: number): void {
    const running = this.#known.length;
    const enough = running >= this.#config.quorum;
    if (enough === this.#enough) {
      this.#changedAt = null;
      return;
    }
    const delayMs = enough ? this.#config.startDelayMs : this.#config.endDelayMs;
    this.#changedAt ??= now;
    if (this.#enough !== null && now - this.#changedAt < delayMs) return;
    this.#enough = enough;
    this.#changedAt = null;
    this.#onChange({ running, enough });
  }

  async #filter(pids: readonly string[]): Promise<readonly string[]> {
    const matching: string[] = [];
    for (const pid of pids) {
      if (matching.length >= KNOWN_MAX) break;
      if (await this.#matches(pid)) matching.push(pid);
    }
    return matching;
  }

  async #matches(pid: string): Promise<boolean> {
    const { command, parameters, fullCommand } = this.#config;
    if (!fullCommand) return this.#nameOf(pid) === command;
    const [first, ...rest] = await this.#commandLineOf(pid);
    if (first !== command) return false;
    return parameters === null || sameWords(rest, parameters);
  }

  /** Kept by the kernel: the read never waits. */
  #nameOf(pid: string): string | null {
    try {
      return readFileSync(`${this.#proc}/${pid}/comm`, 'utf8').trimEnd();
    } catch {
      return null;
    }
  }

  /** In the process's own memory, which may have to come back from the disk: not on this thread. */
  async #commandLineOf(pid: string): Promise<readonly string[]> {
    try {
      const text = await readFile(`${this.#proc}/${pid}/cmdline`, 'utf8');
      return text.replace(/\0$/, '').split('\0');
    } catch {
      return [];
    }
  }
}

function processIds(proc: string): readonly string[] {
  try {
    return readdirSync(proc).filter((name) => /^\d+$/.test(name));
  } catch {
    // Without /proc nothing is known to run.
    return [];
  }
}

function sameWords(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((word, index) => word === right[index]);
}
