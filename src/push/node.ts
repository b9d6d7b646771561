/** One node of a push: what it has, what is done to it, and what state it is in. */

import { setTimeout as sleep } from 'node:timers/promises';
import { type Diagnostic, formatDiagnostic } from '../config/diagnostics.ts';
import { type Outcome, type Place, type ReachOptions, runOn } from './reach.ts';
import { CHANGED_MEANWHILE, DROP, LOOK, RELOAD, RESTORE, STAGE, SWITCH } from './scripts.ts';

export type Target = {
  /** The configuration file on the nodes. */
  readonly file: string;
  readonly text: string;
  /** SHA-256 of the text, hex. */
  readonly digest: string;
  /** Name of the waiting file, of this push alone. */
  readonly waiting: string;
  readonly program: string;
  readonly runDir: string;
  readonly healthLimitMs: number;
};

export type Health = {
  /** null: it does not run. */
  readonly verdict: 'healthy' | 'degraded' | 'down' | null;
  readonly reasons: readonly string[];
  readonly isOwner: boolean;
};

type Looked = { readonly digest: string; readonly health: Health };

const RANK = { healthy: 0, degraded: 1, down: 2 } as const;
const LOOK_GAP_MS = 500;
/** So long in a row: what a check finds of a server that the file is wrong about comes after a few of them. */
const STEADY_MS = 4000;
/** A node that was not reached is tried again, on the way back, before it is given up. */
const RESTORE_TRIES = 5;
const RESTORE_GAP_MS = 2000;

export class PushNode {
  readonly name: string;
  readonly #place: Place;
  readonly #reach: ReachOptions;
  readonly #target: Target;
  #before: Looked | null = null;
  /** Whether something waits there, and whether the file may be the new one. */
  #isStaged = false;
  #mayBeNew = false;

  constructor(place: Place, reach: ReachOptions, target: Target) {
    this.name = place.name;
    this.#place = place;
    this.#reach = reach;
    this.#target = target;
  }

  get before(): Looked {
    if (this.#before === null) throw new Error('The node is looked at first');
    return this.#before;
  }

  get hasFile(): boolean {
    return this.before.digest === this.#target.digest;
  }

  get isTouched(): boolean {
    return this.#isStaged || this.#mayBeNew;
  }

  get isChanged(): boolean {
    return this.#mayBeNew;
  }

  /** What is wrong; null: nothing. */
  async look(): Promise<string | null> {
    const outcome = await this.#look();
    if ('problem' in outcome) return outcome.problem;
    this.#before = outcome;
    return null;
  }

  /** Copies the file beside its place, and has the node check it. What is wrong, a line each. */
  async stage(): Promise<readonly string[]> {
    const { file, waiting, digest, program, text } = this.#target;
    this.#isStaged = true;
    const outcome = await this.#run(STAGE, [file, waiting, digest, program], text);
    if (outcome.code !== 0) return [failure(outcome, 'was not copied')];
    return refusals(outcome.stdout, waiting, file);
  }

  /** Puts the new file in its place and has the node go on by it. What is wrong; null: nothing. */
  async activate(): Promise<string | null> {
    const { file, waiting, program, runDir } = this.#target;
    if (!this.hasFile) {
      this.#mayBeNew = true;
      const words = [file, waiting, oldFile(file), this.before.digest];
      const switched = await this.#run(SWITCH, words);
      if (switched.code === CHANGED_MEANWHILE) this.#mayBeNew = false;
      if (switched.code !== 0) return failure(switched, 'could not be given the file');
      this.#isStaged = false;
    }
    const { verdict } = this.before.health;
    if (verdict === null) return null;
    const reloaded = await this.#run(RELOAD, [program, runDir]);
    if (reloaded.code !== 0) return failure(reloaded, 'refused the reload');
    return await this.#becomesHealthy(verdict, STEADY_MS);
  }

  /** As it was before. What is wrong; null: nothing. */
  async undo(): Promise<string | null> {
    const { waiting } = this.#target;
    const restored = this.#mayBeNew ? await this.#restore() : null;
    if (restored !== null || !this.#isStaged) return restored;
    const dropped = await this.#persist(DROP, [waiting]);
    if (dropped.code !== 0) return `${waiting} is left over there: ${failure(dropped, '')}`;
    this.#isStaged = false;
    return null;
  }

  /** Healthy as before, or better, within the limit, and steadily so from then on. What is wrong; null: nothing. */
  async #becomesHealthy(wanted: keyof typeof RANK, steadyMs: number): Promise<string | null> {
    const deadline = performance.now() + this.#target.healthLimitMs;
    let last = 'nothing was heard of it';
    let wellSince: number | null = null;
    while (wellSince !== null || performance.now() < deadline) {
      const looked = await this.#look();
      const ill = 'problem' in looked ? looked.problem : illness(looked.health, wanted);
      if (ill === null) {
        wellSince ??= performance.now();
        if (performance.now() - wellSince >= steadyMs) return null;
      } else {
        wellSince = null;
        last = ill;
      }
      await sleep(LOOK_GAP_MS);
    }
    return `is not ${wanted} within ${this.#target.healthLimitMs / 1000} s (${last})`;
  }

  async #restore(): Promise<string | null> {
    const { file, digest, program, runDir } = this.#target;
    const old = this.before.digest;
    const restored = await this.#persist(RESTORE, [file, digest, oldFile(file), old]);
    if (restored.code !== 0) {
      const way = old === 'none' ? `rm ${file}` : `cp -p ${oldFile(file)} ${file}`;
      return `MAY HAVE THE NEW FILE, ${failure(restored, 'was not restored')}; there: ${way} && ${program} reload`;
    }
    this.#mayBeNew = false;
    const { verdict } = this.before.health;
    if (verdict === null || old === 'none') return null;
    const reloaded = await this.#persist(RELOAD, [program, runDir]);
    if (reloaded.code !== 0) {
      return `has the old file, ${failure(reloaded, 'but did not reload it')}; there: ${program} reload`;
    }
    const unwell = await this.#becomesHealthy(verdict, 0);
    return unwell === null ? null : `has the old file and goes by it, but ${unwell}`;
  }

  /** Again where it was not reached. */
  async #persist(script: string, words: readonly string[]): Promise<Outcome> {
    let outcome = await this.#run(script, words);
    for (let tries = 1; outcome.code === null && tries < RESTORE_TRIES; tries++) {
      await sleep(RESTORE_GAP_MS);
      outcome = await this.#run(script, words);
    }
    return outcome;
  }

  async #look(): Promise<Looked | { readonly problem: string }> {
    const { file, program, runDir } = this.#target;
    const outcome = await this.#run(LOOK, [file, program, runDir]);
    if (outcome.code !== 0) return { problem: failure(outcome, 'cannot be looked at') };
    const [digest = ''] = outcome.stdout.split('\n', 1);
    const health = healthOf(outcome.stdout.slice(digest.length));
    return 'problem' in health ? health : { digest, health };
  }

  #run(script: string, words: readonly string[], input?: string): Promise<Outcome> {
    return runOn(this.#place, this.#reach, script, words, input);
  }
}

/** null: as well as it was, or better. */
function illness({ verdict, reasons }: Health, wanted: keyof typeof RANK): string | null {
  if (verdict !== null && RANK[verdict] <= RANK[wanted]) return null;
  return `${verdict ?? 'not running'}${reasons.length === 0 ? '' : `: ${reasons.join('; ')}`}`;
}

/** Where a node keeps the file that a push replaced. */
function oldFile(file: string): string {
  return `${file}.old`;
}

function failure({ code, stdout, stderr }: Outcome, what: string): string {
  const said = (stderr.trim() === '' ? stdout : stderr).trim().split('\n').slice(-3).join('; ');
  const why = said === '' ? `exit code ${code}` : said;
  return code === null ? `was not reached (${why})` : `${what} (${why})`;
}

/** Only where nobody listens it does not run: whoever is silent may carry the VIP, and go on by what it had. */
function healthOf(text: string): Health | { readonly problem: string } {
  const none = {
    problem: `is not known to be well: its status is none: ${text.trim().slice(0, 200)}`,
  };
  try {
    const report = JSON.parse(text) as Partial<{
      verdict: string;
      pid: number;
      error: string;
      code: string;
      reasons: readonly string[];
      vrrp: readonly { readonly held?: boolean }[];
    }>;
    const { verdict, pid, error, code, reasons = [], vrrp = [] } = report;
    if (code === 'not-running') return { verdict: null, reasons: [], isOwner: false };
    if (error !== undefined) return { problem: `is not known to be well: ${error}` };
    if (pid === undefined || verdict === undefined || !Object.hasOwn(RANK, verdict)) return none;
    const isOwner = vrrp.some(({ held }) => held === true);
    return { verdict: verdict as keyof typeof RANK, reasons, isOwner };
  } catch {
    return none;
  }
}

/** What a node's own check has against the file; a machine that is none of the nodes would not run it either. */
function refusals(json: string, waiting: string, file: string): readonly string[] {
  try {
    const said = JSON.parse(json) as readonly Diagnostic[];
    return said
      .filter(({ severity, code }) => severity === 'error' || code === 'unknown-node')
      .map((each) => formatDiagnostic(each).replaceAll(waiting, file));
  } catch {
    return [`its check said what is none: ${json.slice(0, 200)}`];
  }
}
