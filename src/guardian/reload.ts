/**
 * Reloads: reads the configuration again, applies it or refuses it as a whole, and remembers both for status.
 * One at a time; whoever asks while one runs gets the next, which reads what is there then.
 */

import {
  type Diagnostic,
  diagnosticInLog,
  formatDiagnostic,
  hasErrors,
} from '../config/diagnostics.ts';
import type { NameAddresses } from '../config/evergate-yaml/draft.ts';
import type { Config } from '../config/model/config.ts';
import { EVENT_ITEMS_MAX, type EventDetail } from '../contracts/events.ts';
import { OperationalError } from '../core/errors.ts';
import { SystemError } from '../linux/errno.ts';
import type { ConfigurationStatus } from '../stats/status.ts';
import type { Applied } from './apply-config.ts';
import type { Log } from './log.ts';

/** Errors told of a file that is refused; it may have thousands. */
const ERRORS_TOLD_MAX = 20;

export type ReadConfig = {
  readonly config: Config;
  readonly diagnostics: readonly Diagnostic[];
  /** The name the file gives this machine; null: none. */
  readonly node: string | null;
  /** Where the names of nodes lead; absent: no node is given by one. */
  readonly names?: NameAddresses;
};

export type ReloadResult = {
  readonly applied: boolean;
  /** What changed, or why it was refused; never empty. */
  readonly lines: readonly string[];
};

export type ReloaderOptions = {
  /** Reads the files; rejects with OperationalError when what they say cannot be used here. */
  readonly read: () => Promise<ReadConfig>;
  /** Rejects with OperationalError with nothing changed. */
  readonly apply: (read: ReadConfig) => Promise<Applied>;
  readonly log: Log;
  /** The wall clock. */
  readonly now: () => Date;
};

export class Reloader {
  readonly #options: ReloaderOptions;
  #status: ConfigurationStatus;
  #running: Promise<ReloadResult> | null = null;
  #next: Promise<ReloadResult> | null = null;
  #applying: Promise<unknown> | null = null;
  #closed = false;

  constructor(options: ReloaderOptions) {
    this.#options = options;
    this.#status = { loadedAt: options.now().toISOString(), reloads: 0, refused: null };
  }

  get status(): ConfigurationStatus {
    return this.#status;
  }

  /** `asker`: for the log. Never rejects. */
  reload(asker: string): Promise<ReloadResult> {
    if (this.#running === null) return this.#begin(asker);
    this.#next ??= this.#running.then(() => {
      this.#next = null;
      return this.#begin(asker);
    });
    return this.#next;
  }

  /** Nothing is taken over any more; resolves when nothing is on its way to that. */
  async close(): Promise<void> {
    this.#closed = true;
    // What comes of it, its asker hears.
    await this.#applying?.catch(() => {});
  }

  #begin(asker: string): Promise<ReloadResult> {
    this.#running = this.#run(asker).finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #run(asker: string): Promise<ReloadResult> {
    const { log, now, read, apply } = this.#options;
    log('info', `Reload (${asker}): reading the configuration again`);
    const readAt = now().toISOString();
    try {
      const found = await read();
      const { diagnostics } = found;
      if (hasErrors(diagnostics)) {
        const told = firstErrors(diagnostics, diagnosticInLog);
        return this.#refuse(asker, firstErrors(diagnostics, formatDiagnostic), readAt, told);
      }
      for (const each of diagnostics) log(each.severity, diagnosticInLog(each));
      if (this.#closed) throw new OperationalError('refused', 'Evergate is stopping');
      const applying = apply(found);
      this.#applying = applying;
      const { changes, waiting, ended } = await applying;
      const lines = [...changes];
      if (changes.length + waiting.length === 0) lines.push('Nothing has changed');
      if (ended > 0) lines.push(`${ended} connections that it does not allow were reset`);
      const later = waiting.map((line) => `${line} waits for a restart`);
      const detail = reloadDetail('applied', asker, [...lines, ...later]);
      for (const [index, line] of lines.entries()) {
        log('info', `Reload: ${line}`, index === 0 ? detail : undefined);
      }
      for (const line of later) log('warning', `Reload: ${line}`);
      this.#status = { loadedAt: readAt, reloads: this.#status.reloads + 1, refused: null };
      return { applied: true, lines: [...lines, ...later] };
    } catch (error) {
      if (!(error instanceof OperationalError || error instanceof SystemError)) throw error;
      return this.#refuse(asker, [`${error.message} [${error.code}]`], readAt);
    }
  }

  /** `told`: the same as `lines`, as the log has it. */
  #refuse(
    asker: string,
    lines: readonly string[],
    at: string,
    told: readonly string[] = lines,
  ): ReloadResult {
    const { log } = this.#options;
    for (const line of told) log('error', line);
    const detail = reloadDetail('refused', asker, lines);
    log('error', 'Reload: refused; what ran before goes on unchanged', detail);
    this.#status = { ...this.#status, refused: { at, reason: lines[0] ?? '' } };
    return { applied: false, lines };
  }
}

function reloadDetail(
  to: 'applied' | 'refused',
  by: string,
  changes: readonly string[],
): EventDetail {
  return { kind: 'reload', to, by, changes: changes.slice(0, EVENT_ITEMS_MAX) };
}

function firstErrors(
  diagnostics: readonly Diagnostic[],
  format: (diagnostic: Diagnostic) => string,
): readonly string[] {
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  const told = errors.slice(0, ERRORS_TOLD_MAX).map(format);
  const untold = errors.length - told.length;
  return untold === 0 ? told : [...told, `... and ${untold} more; see evergate check`];
}
