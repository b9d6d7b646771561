/**
 * Keeps the table of redirects (redirect-rules.ts) in the kernel: before the VIP comes, until it is gone,
 * and again where somebody has flushed it. Nothing waits for it.
 */

import { nodeCrypto } from '../../builtins.ts';
import type { RedirectConfig } from '../../config/model/addresses.ts';
import { DEFAULT_RUN_DIR } from '../../contracts/run-directory.ts';
import { OperationalError } from '../../core/errors.ts';
import { addressWithPort } from '../../core/ip-address.ts';
import { SystemError } from '../../linux/errno.ts';
import { applyNft, NftablesSocket } from '../../linux/nftables.ts';
import type { RedirectStatus } from '../../stats/status.ts';
import type { Log } from '../log.ts';
import { putScript, removeScript } from './redirect-rules.ts';

/** One look costs a system call or two. */
const LOOK_INTERVAL_MS = 250;
/** From one put-back to the next, doubled each time, so that there is no fight with what removes it. */
const PAUSE_MS = 250;
const PAUSE_MS_MAX = 30_000;
/** So long without trouble, and the next put-back is a first one. */
const QUIET_MS = 60_000;

/** Of the instance with this run directory: two on one machine leave each other's alone. */
export function redirectTable(runDir: string): string {
  if (runDir === DEFAULT_RUN_DIR) return 'evergate';
  return `evergate_${nodeCrypto().createHash('sha256').update(runDir).digest('hex').slice(0, 8)}`;
}

export class Redirects {
  readonly #runDir: string;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  #wanted: readonly RedirectConfig[] = [];
  /** null: there is nothing to look after. */
  #nftables: NftablesSocket | null = null;
  /** What is in the kernel while it is as we left it. */
  #rules: Buffer = Buffer.alloc(0);
  #generation = 0;
  /** Changes of ours, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #busy = false;
  #problem: string | null = null;
  #pauseMs = PAUSE_MS;
  #lastPutAt = Number.NEGATIVE_INFINITY;

  constructor(runDir: string, log: Log) {
    this.#runDir = runDir;
    this.#log = log;
    this.#timer = setInterval(() => this.look(), LOOK_INTERVAL_MS);
    this.#timer.unref();
  }

  get #table(): string {
    return redirectTable(this.#runDir);
  }

  get status(): RedirectStatus | undefined {
    if (this.#wanted.length === 0) return undefined;
    const ports = this.#wanted.map(({ address, port, toPort }) => ({
      from: addressWithPort(address, port),
      toPort,
    }));
    return { table: this.#table, ports, problem: this.#problem };
  }

  /**
   * Puts these in place of what there is; rejects with OperationalError (cannot-redirect) with nothing changed. The
   * result goes back.
   */
  async change(wanted: readonly RedirectConfig[]): Promise<() => Promise<void>> {
    const before = this.#wanted;
    if (JSON.stringify(before) === JSON.stringify(wanted)) return async () => {};
    await this.#inTurn(() => this.#replace(wanted));
    return () => this.#inTurn(() => this.#replace(before));
  }

  /** Looks whether the table is as we left it, and puts it back where it is not. */
  look(): void {
    if (this.#nftables === null || this.#busy) return;
    const why = this.#whyWrong(this.#nftables);
    const now = performance.now();
    if (why === null) {
      if (now - this.#lastPutAt >= QUIET_MS) this.#pauseMs = PAUSE_MS;
      this.#problem = null;
      return;
    }
    this.#problem ??= why;
    if (now - this.#lastPutAt < this.#pauseMs) return;
    this.#lastPutAt = now;
    this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE_MS_MAX);
    void this.#inTurn(() => this.#putBack(why));
  }

  /** When the virtual addresses are gone; connections that are open live on. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#inTurn(async () => {
      if (this.#nftables === null) return;
      this.#nftables.close();
      this.#nftables = null;
      const problem = await applyNft(removeScript(this.#table));
      if (problem !== null) {
        this.#log('warning', `The nft table "${this.#table}" is not removed: ${problem}`);
      }
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const run = this.#work.then(async () => {
      this.#busy = true;
      try {
        await work();
      } finally {
        this.#busy = false;
      }
    });
    // Who asked hears of it.
    this.#work = run.catch(() => {});
    return run;
  }

  async #replace(wanted: readonly RedirectConfig[]): Promise<void> {
    const script = wanted.length === 0 ? removeScript(this.#table) : putScript(this.#table, wanted);
    const problem = (await applyNft(script)) ?? this.#remember(wanted.length > 0);
    if (problem !== null) {
      throw new OperationalError(
        'cannot-redirect',
        `Ports of the VIP cannot be redirected: ${problem}`,
      );
    }
    this.#wanted = wanted;
    this.#problem = null;
  }

  async #putBack(why: string): Promise<void> {
    const problem = (await applyNft(putScript(this.#table, this.#wanted))) ?? this.#remember(true);
    this.#problem = problem;
    const outcome = problem === null ? 'it is put back' : `it cannot be put back: ${problem}`;
    this.#log('warning', `${why}; ${outcome}`);
  }

  /** Notes what is in the kernel now; what is wrong, or null. */
  #remember(isThere: boolean): string | null {
    if (!isThere) {
      this.#nftables?.close();
      this.#nftables = null;
      return null;
    }
    try {
      this.#nftables ??= new NftablesSocket();
      this.#generation = this.#nftables.generation();
      this.#rules = this.#nftables.rulesOf(this.#table);
      return this.#rules.length > 0 ? null : 'the rules are gone as soon as they are there';
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      return error.message;
    }
  }

  /** null: all is as we left it. */
  #whyWrong(nftables: NftablesSocket): string | null {
    try {
      const generation = nftables.generation();
      if (generation === this.#generation) return this.#problem;
      const rules = nftables.rulesOf(this.#table);
      if (!rules.equals(this.#rules)) {
        return `Somebody has ${rules.length === 0 ? 'removed' : 'changed'} the nft table "${this.#table}"`;
      }
      this.#generation = generation;
      return null;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      return `The nft table "${this.#table}" cannot be looked at: ${error.message}`;
    }
  }
}
