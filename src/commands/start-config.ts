/**
 * The configuration that a node starts with. It is waited for where the node has no address yet, and, under a service
 * manager, where the start before this one has already failed over the same files.
 */

import { statSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { nodeCrypto } from '../builtins.ts';
import { type Diagnostic, diagnosticInLog, hasErrors } from '../config/diagnostics.ts';
import { OperationalError } from '../core/errors.ts';
import type { Log } from '../guardian/log.ts';
import type { DescriptorStore } from '../guardian/service/descriptor-store.ts';
import type { ServiceEnvironment } from '../guardian/service/environment.ts';
import {
  forgetRefusedStart,
  noteRefusedStart,
  pauseAfterMs,
  readRefusedStart,
} from '../guardian/service/refused-start.ts';
import type { ServiceManager } from '../guardian/service/service-manager.ts';
import type { LoadedConfig } from '../load-config/load.ts';
import { localAddresses } from '../load-config/local-addresses.ts';

/** Reads the files; rejects only over broken invariants. */
export type ReadFiles = () => Promise<LoadedConfig>;

export type StartOptions = {
  readonly files: readonly string[];
  readonly runDir: string;
  /** null: nobody starts the node again at once. */
  readonly service: ServiceEnvironment | null;
};

type Told = {
  readonly log: Log;
  readonly manager: ServiceManager;
  readonly store: Pick<DescriptorStore, 'forgetRest'>;
};

/** Between two looks at addresses and files. */
const POLL_MS = 250;
/** How often all is read again though neither has changed: names, keys, interfaces. */
const READ_AGAIN_MS = 5000;
/** What a start may take after its wait. */
const START_MS = 30_000;
/** Errors, and warnings beside them, that the start with a wrong file tells. */
const TOLD_MAX = 20;

/**
 * `first`: what the files say, read meanwhile; `read`: what they say now. Throws OperationalError 'config-invalid' when
 * it has errors.
 */
export async function configToStart(
  options: StartOptions,
  first: Promise<LoadedConfig>,
  read: ReadFiles,
  told: Told,
): Promise<LoadedConfig> {
  const { runDir, service, files } = options;
  const refused = service === null ? null : new RefusedFiles(runDir, told.manager);
  const awaited = new AwaitedAddress(told);
  let seen = { files: stateOf(files), addresses: '' };
  try {
    for (let loaded = await first; ; loaded = await read()) {
      if (loaded.awaits !== undefined) awaited.tell(loaded.awaits, loaded.diagnostics);
      else if (hasErrors(loaded.diagnostics)) refuse(loaded.diagnostics, seen.files, refused, told);
      else {
        if (refused !== null) forgetRefusedStart(runDir);
        tell(loaded.diagnostics, told.log);
        return loaded;
      }
      // Nobody would take what waits in their queues.
      told.store.forgetRest();
      const until = loaded.awaits === undefined ? refused?.until : null;
      seen = await change(seen, files, until ?? Number.POSITIVE_INFINITY);
    }
  } finally {
    refused?.close();
  }
}

/** Returns where the files are waited for; throws OperationalError 'config-invalid' where this start is to fail. */
function refuse(
  diagnostics: readonly Diagnostic[],
  files: string,
  refused: RefusedFiles | null,
  { log }: Told,
): void {
  const first = diagnosticInLog(diagnostics.find(isError) as Diagnostic);
  const verdict = refused?.judge(files, first) ?? 'new';
  if (verdict === 'wait') return;
  if (verdict === 'new') tell(diagnostics, log);
  const again = verdict === 'new' ? 'The configuration has errors' : `Still: ${first}`;
  throw new OperationalError('config-invalid', `${again}; nothing was started`);
}

/** What a start does about files that the starts before it failed over, too. */
class RefusedFiles {
  readonly #runDir: string;
  readonly #manager: ServiceManager;
  readonly #before;
  /** By performance.now(): when this start fails, so that who waits for it does not wait for ever. */
  #until: number | null = null;
  // Whoever ends this process wants the next one to be as the first.
  readonly #forget = (): void => forgetRefusedStart(this.#runDir);

  constructor(runDir: string, manager: ServiceManager) {
    this.#runDir = runDir;
    this.#manager = manager;
    this.#before = readRefusedStart(runDir);
  }

  /** null: nothing is waited for. */
  get until(): number | null {
    return this.#until;
  }

  /** "new": nobody has been told of these files. "again": they have been waited for. `error`: the first of theirs. */
  judge(state: string, error: string): 'new' | 'again' | 'wait' {
    const files = nodeCrypto().createHash('sha256').update(state).digest('hex');
    const starts = this.#before?.files === files ? this.#before.starts : 0;
    if (starts > 0 && this.#until === null) {
      const pauseMs = pauseAfterMs(starts);
      this.#until = performance.now() + pauseMs;
      this.#manager.extendStart(pauseMs + START_MS);
      this.#manager.status(`Does not serve, waits for its files to change: ${error}`);
      process.on('exit', this.#forget);
      return 'wait';
    }
    if (starts > 0 && performance.now() < (this.#until ?? 0)) return 'wait';
    noteRefusedStart(this.#runDir, { files, starts: starts + 1 });
    return starts > 0 ? 'again' : 'new';
  }

  close(): void {
    process.off('exit', this.#forget);
  }
}

/** At boot a node may start before it has an address: that is said once. */
class AwaitedAddress {
  readonly #told: Told;
  #isTold = false;

  constructor(told: Told) {
    this.#told = told;
  }

  tell(node: string, diagnostics: readonly Diagnostic[]): void {
    if (this.#isTold) return;
    this.#isTold = true;
    const { log, manager } = this.#told;
    for (const each of diagnostics) log('warning', diagnosticInLog(asWarning(each)));
    const text = `This seems to be node "${node}": waits for one of its addresses`;
    log('warning', text);
    manager.status(text);
  }
}

type Seen = { readonly files: string; readonly addresses: string };

/** Resolves when the files or the addresses are others than those `seen`, when it is time to read again, or `until`. */
async function change(seen: Seen, files: readonly string[], until: number): Promise<Seen> {
  const end = Math.min(until, performance.now() + READ_AGAIN_MS);
  for (;;) {
    // What was here when the first reading began is not known: one that has to wait is followed by another at once.
    const now = { files: stateOf(files), addresses: JSON.stringify(localAddresses()) };
    const isSame = now.files === seen.files && now.addresses === seen.addresses;
    if (!isSame || performance.now() >= end) return now;
    await setTimeout(POLL_MS);
  }
}

/** Of what changes whenever a file is written. */
export function stateOf(files: readonly string[]): string {
  const facts = files.map((file) => {
    const { ino, size, mtimeMs } = fileFacts(file) ?? {};
    return [file, ino, size, mtimeMs];
  });
  return JSON.stringify(facts);
}

function fileFacts(file: string) {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function tell(diagnostics: readonly Diagnostic[], log: Log): void {
  const told = hasErrors(diagnostics) ? firstOfEach(diagnostics) : diagnostics;
  for (const diagnostic of told) log(diagnostic.severity, diagnosticInLog(diagnostic));
  const untold = diagnostics.length - told.length;
  if (untold > 0) log('error', `... and ${untold} more; see evergate check`);
}

/** The first errors and the first warnings, in their order: a wrong file may have thousands. */
function firstOfEach(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const left = { error: TOLD_MAX, warning: TOLD_MAX };
  return diagnostics.filter(({ severity }) => left[severity]-- > 0);
}

function isError({ severity }: Diagnostic): boolean {
  return severity === 'error';
}

function asWarning(diagnostic: Diagnostic): Diagnostic {
  return { ...diagnostic, severity: 'warning' };
}
