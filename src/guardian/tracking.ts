/**
 * What this node's VRRP instances follow: the local balancer, track scripts, processes and files. Watches
 * them and tells the election whenever an instance's verdict changes. Interfaces are tracked by the
 * election itself, which hears of them first.
 */

import type { VrrpConfig, VrrpInstanceConfig } from '../config/model.ts';
import { assert } from '../core/assert.ts';
import type { ScriptStatus } from '../stats/status.ts';
import {
  newScriptState,
  type ScriptState,
  stepScript,
  type TrackedEntry,
  verdictOf,
} from '../vrrp/tracking.ts';
import type { Election, TrackingVerdict } from './election.ts';
import { FileWatch } from './file-watch.ts';
import type { Log } from './log.ts';
import { type ProcessCount, ProcessWatch } from './process-watch.ts';
import type { CommandOutcome } from './running-command.ts';
import { ScriptRunner } from './script-runner.ts';

type TrackedScript = { state: ScriptState; lastExit: string };

export class Tracking {
  readonly #config: VrrpConfig;
  readonly #election: Election;
  readonly #log: Log;
  readonly #scripts = new Map<string, TrackedScript>();
  readonly #processes = new Map<string, ProcessCount | null>();
  readonly #files = new Map<string, number | null>();
  readonly #watches: { stop(): void }[] = [];
  readonly #told = new Map<string, string>();
  #serving = false;

  /** Throws OperationalError when a script's account does not exist; nothing is left running then. */
  constructor(config: VrrpConfig, election: Election, log: Log) {
    this.#config = config;
    this.#election = election;
    this.#log = log;
    const scripts = this.#trackedScripts();
    for (const { name } of scripts) {
      this.#scripts.set(name, { state: newScriptState(), lastExit: 'not run yet' });
    }
    for (const { name } of config.processes) this.#processes.set(name, null);
    for (const { name } of config.files) this.#files.set(name, null);
    this.#tell();
    try {
      for (const script of scripts) {
        const runner = new ScriptRunner(script, (outcome) => this.#onOutcome(script.name, outcome));
        this.#watches.push(runner);
      }
      for (const process of config.processes) {
        const onChange = (count: ProcessCount) => this.#onCount(process.name, count);
        this.#watches.push(new ProcessWatch(process, onChange));
      }
      for (const file of config.files) {
        const onValue = (value: number) => this.#onValue(file.name, value);
        this.#watches.push(new FileWatch(file, onValue, (text) => log('warning', text)));
      }
    } catch (error) {
      this.stop();
      throw error;
    }
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
    for (const watch of this.#watches) watch.stop();
  }

  /** Scripts no instance tracks are not run, as keepalived does it. */
  #trackedScripts() {
    const names = new Set(
      this.#config.instances.flatMap((instance) => instance.trackScripts.map(({ name }) => name)),
    );
    return this.#config.scripts.filter(({ name }) => names.has(name));
  }

  #onOutcome(name: string, outcome: CommandOutcome): void {
    const script = this.#scripts.get(name);
    const config = this.#config.scripts.find((candidate) => candidate.name === name);
    assert(script !== undefined && config !== undefined, `script ${name} is tracked`);
    const before = script.state.passing;
    script.state = stepScript(script.state, config, outcome.passed);
    script.lastExit = outcome.text;
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
    const verb = count.enough ? 'runs' : 'does not run as often as it must';
    this.#log(count.enough ? 'info' : 'warning', `Process "${name}" ${verb}: ${count.running} run`);
    this.#tell();
  }

  #onValue(name: string, value: number): void {
    this.#files.set(name, value);
    this.#log('info', `Tracked file "${name}" holds ${value}`);
    this.#tell();
  }

  #tell(): void {
    for (const instance of this.#config.instances) {
      const verdict = this.#verdict(instance);
      const key = JSON.stringify(verdict);
      if (this.#told.get(instance.name) === key) continue;
      this.#told.set(instance.name, key);
      this.#election.track(instance.name, verdict);
    }
  }

  #verdict(instance: VrrpInstanceConfig): TrackingVerdict {
    const { trackBalancer, trackScripts, trackProcesses, trackFiles } = instance;
    const entries: TrackedEntry[] = [
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
    return verdictOf(
      entries,
      trackBalancer === null ? null : { weight: trackBalancer.weight, serving: this.#serving },
    );
  }
}
