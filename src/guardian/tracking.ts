/**
 * What this node's instances follow: the local balancer, track scripts, processes and files. Watches
 * them and tells the election whenever an instance's verdict changes. Interfaces are tracked by the
 * election itself, which hears of them first.
 */

import type { ElectionConfig, ElectionInstanceConfig } from '../config/model/election.ts';
import type { Election, TrackingVerdict } from '../contracts/election.ts';
import type { ScriptStatus } from '../stats/status.ts';
import {
  newScriptState,
  type ScriptState,
  stepScript,
  type TrackedEntry,
  verdictOf,
} from '../tracking/verdict.ts';
import { FileWatch } from './file-watch.ts';
import type { Log } from './log.ts';
import { type ProcessCount, ProcessWatch } from './process-watch.ts';
import type { CommandOutcome } from './running-command.ts';
import { ScriptRunner } from './script-runner.ts';

type TrackedScript = { state: ScriptState; lastExit: string };

type Watch = { stop(): void };

export class Tracking {
  readonly #election: Election;
  readonly #log: Log;
  readonly #scripts = new Map<string, TrackedScript>();
  readonly #processes = new Map<string, ProcessCount | null>();
  readonly #files = new Map<string, number | null>();
  readonly #told = new Map<string, string>();
  #config: ElectionConfig;
  /** By kind, name and settings: they live as long as these stay the same. */
  #watches: ReadonlyMap<string, Watch> = new Map();
  /** What a reload brought and nothing is known of yet. */
  readonly #pending = new Set<string>();
  /** Instances that go on as master: they keep the verdict they have until all they track is known. */
  readonly #resumed: Set<string>;
  /** null: nothing was heard of the balancer yet. */
  #serving: boolean | null;

  /**
   * `serving`: whether this node balances now. Throws OperationalError when a script's account does not exist;
   * nothing is left running then.
   */
  constructor(config: ElectionConfig, election: Election, log: Log, serving: boolean) {
    this.#config = config;
    this.#election = election;
    this.#log = log;
    this.#note(config);
    // At the start what must work keeps us out until it is known to.
    this.#pending.clear();
    this.#serving = serving ? true : null;
    const masters = election.status().filter(({ state }) => state === 'master');
    this.#resumed = new Set(masters.map(({ name }) => name));
    this.#tell();
    this.change(config).commit();
  }

  /**
   * Starts to watch what another configuration tracks; throws as the constructor does. What stays as it is
   * goes on. Until the first word about what is new, it is taken to be well: a reload moves no VIP for that.
   */
  change(config: ElectionConfig): { commit(): void; abandon(): void } {
    const watches = new Map<string, Watch>();
    const started: Watch[] = [];
    const start = (key: string, create: () => Watch): void => {
      const known = this.#watches.get(key);
      const watch = known ?? create();
      if (known === undefined) started.push(watch);
      watches.set(key, watch);
    };
    const stopStarted = (): void => {
      for (const watch of started) watch.stop();
    };
    try {
      for (const [key, create] of this.#plan(config)) start(key, create);
    } catch (error) {
      stopStarted();
      throw error;
    }
    const commit = (): void => {
      for (const [key, watch] of this.#watches) if (!watches.has(key)) watch.stop();
      this.#watches = watches;
      this.#config = config;
      this.#note(config);
      this.#told.clear();
      this.#tell();
    };
    return { commit, abandon: stopStarted };
  }

  #plan(config: ElectionConfig): readonly (readonly [string, () => Watch])[] {
    const { processes, files } = config;
    return [
      ...trackedScripts(config).map((script) => {
        const onOutcome = (outcome: CommandOutcome) => this.#onOutcome(script.name, outcome);
        return [keyOf('script', script), () => new ScriptRunner(script, onOutcome)] as const;
      }),
      ...processes.map((process) => {
        const onChange = (count: ProcessCount) => this.#onCount(process.name, count);
        return [keyOf('process', process), () => new ProcessWatch(process, onChange)] as const;
      }),
      ...files.map((file) => {
        const onValue = (value: number) => this.#onValue(file.name, value);
        const warn = (text: string) => this.#log('warning', text);
        return [keyOf('file', file), () => new FileWatch(file, onValue, warn)] as const;
      }),
    ];
  }

  /** Keeps a place for all that is tracked, with what is known of it, and for nothing else. */
  #note(config: ElectionConfig): void {
    const note = <Value>(
      kind: string,
      places: Map<string, Value>,
      wanted: readonly { readonly name: string }[],
      create: () => Value,
    ): void => {
      const names = new Set(wanted.map(({ name }) => name));
      for (const name of places.keys()) if (!names.has(name)) places.delete(name);
      for (const name of names) {
        if (places.has(name)) continue;
        places.set(name, create());
        this.#pending.add(`${kind} ${name}`);
      }
    };
    const unknown = () => ({ state: newScriptState(), lastExit: 'not run yet' });
    note('script', this.#scripts, trackedScripts(config), unknown);
    note('process', this.#processes, config.processes, () => null);
    note('file', this.#files, config.files, () => null);
  }

  setServing(serving: boolean): void {
    this.#serving = serving;
    this.#tell();
  }

  status(): readonly ScriptStatus[] {
    const scripts = [...this.#scripts].map(([name, { state, lastExit }]) => ({
      name,
      passing: state.passing,
      lastExit,
    }));
    const processes = [...this.#processes].map(([name, count]) => ({
      kind: 'process' as const,
      name,
      passing: count?.enough ?? null,
      lastExit: count === null ? 'not looked for yet' : `${count.running} run`,
    }));
    const files = [...this.#files].map(([name, value]) => ({
      kind: 'file' as const,
      name,
      passing: value === null ? null : value === 0,
      lastExit: value === null ? 'not read yet' : `holds ${value}`,
    }));
    return [...scripts, ...processes, ...files];
  }

  stop(): void {
    for (const watch of this.#watches.values()) watch.stop();
  }

  #onOutcome(name: string, outcome: CommandOutcome): void {
    const script = this.#scripts.get(name);
    const config = this.#config.scripts.find((candidate) => candidate.name === name);
    // Between change() and commit() something new may speak before its time.
    if (script === undefined || config === undefined) return;
    const before = script.state.passing;
    script.state = stepScript(script.state, config, outcome.passed);
    script.lastExit = outcome.text;
    this.#pending.delete(`script ${name}`);
    if (script.state.passing !== before) {
      const verb = script.state.passing ? 'passes' : 'fails';
      this.#log(
        script.state.passing ? 'info' : 'warning',
        `Script "${name}" ${verb}: ${outcome.text}`,
      );
    }
    this.#tell();
  }

  #onCount(name: string, count: ProcessCount): void {
    this.#processes.set(name, count);
    this.#pending.delete(`process ${name}`);
    const verb = count.enough ? 'runs' : 'does not run as often as it must';
    this.#log(count.enough ? 'info' : 'warning', `Process "${name}" ${verb}: ${count.running} run`);
    this.#tell();
  }

  #onValue(name: string, value: number): void {
    this.#files.set(name, value);
    this.#pending.delete(`file ${name}`);
    this.#log('info', `Tracked file "${name}" holds ${value}`);
    this.#tell();
  }

  #tell(): void {
    for (const instance of this.#config.instances) {
      const entries = this.#entries(instance);
      if (this.#resumed.has(instance.name) && entries.some(isUnknown)) continue;
      this.#resumed.delete(instance.name);
      const verdict = this.#verdict(instance, entries);
      const key = JSON.stringify(verdict);
      if (this.#told.get(instance.name) === key) continue;
      this.#told.set(instance.name, key);
      this.#election.track(instance.name, verdict);
    }
  }

  #entries({
    trackScripts,
    trackProcesses,
    trackFiles,
  }: ElectionInstanceConfig): readonly TrackedEntry[] {
    return [
      ...trackScripts.map(({ name, weight }) => {
        const passing = this.#scripts.get(name)?.state.passing ?? null;
        return { kind: 'script' as const, name, weight, passing };
      }),
      ...trackProcesses.map(({ name, weight }) => {
        const passing = this.#processes.get(name)?.enough ?? null;
        return { kind: 'process' as const, name, weight, passing };
      }),
      ...trackFiles.map(({ name, weight }) => {
        return { kind: 'file' as const, name, weight, value: this.#files.get(name) ?? null };
      }),
    ];
  }

  #verdict(
    { trackBalancer }: ElectionInstanceConfig,
    entries: readonly TrackedEntry[],
  ): TrackingVerdict {
    return verdictOf(
      entries.filter(({ kind, name }) => !this.#pending.has(`${kind} ${name}`)),
      trackBalancer === null ? null : { weight: trackBalancer.weight, serving: this.#serving },
    );
  }
}

/** Scripts no instance tracks are not run, as keepalived does it. */
function trackedScripts({ instances, scripts }: ElectionConfig) {
  const names = new Set(
    instances.flatMap((instance) => instance.trackScripts.map(({ name }) => name)),
  );
  return scripts.filter(({ name }) => names.has(name));
}

function keyOf(kind: string, config: { readonly name: string }): string {
  return `${kind} ${JSON.stringify(config)}`;
}

function isUnknown(entry: TrackedEntry): boolean {
  return (entry.kind === 'file' ? entry.value : entry.passing) === null;
}
