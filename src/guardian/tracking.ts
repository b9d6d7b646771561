/**
 * What this node's VRRP instances follow: the local balancer and the track scripts. Runs the scripts and
 * tells the election whenever an instance's verdict changes.
 */

import type { VrrpConfig, VrrpInstanceConfig } from '../config/model.ts';
import { assert } from '../core/assert.ts';
import type { ScriptStatus } from '../stats/status.ts';
import { newScriptState, type ScriptState, stepScript, verdictOf } from '../vrrp/tracking.ts';
import type { Election, TrackingVerdict } from './election.ts';
import type { Log } from './log.ts';
import { type ScriptOutcome, ScriptRunner } from './script-runner.ts';

type TrackedScript = { state: ScriptState; lastExit: string; runner: ScriptRunner | null };

export class Tracking {
  readonly #config: VrrpConfig;
  readonly #election: Election;
  readonly #log: Log;
  readonly #scripts = new Map<string, TrackedScript>();
  readonly #told = new Map<string, string>();
  #serving = false;

  constructor(config: VrrpConfig, election: Election, log: Log) {
    this.#config = config;
    this.#election = election;
    this.#log = log;
    for (const script of this.#trackedScripts()) {
      this.#scripts.set(script.name, {
        state: newScriptState(),
        lastExit: 'not run yet',
        runner: null,
      });
    }
    this.#tell();
    for (const script of this.#trackedScripts()) {
      const runner = new ScriptRunner(script, (outcome) => this.#onOutcome(script.name, outcome));
      this.#tracked(script.name).runner = runner;
    }
  }

  setServing(serving: boolean): void {
    this.#serving = serving;
    this.#tell();
  }

  status(): readonly ScriptStatus[] {
    return [...this.#scripts].map(([name, { state, lastExit }]) => ({
      name,
      passing: state.passing,
      lastExit,
    }));
  }

  stop(): void {
    for (const { runner } of this.#scripts.values()) runner?.stop();
  }

  /** Scripts no instance tracks are not run, as keepalived does it. */
  #trackedScripts() {
    const names = new Set(
      this.#config.instances.flatMap((instance) => instance.trackScripts.map(({ name }) => name)),
    );
    return this.#config.scripts.filter(({ name }) => names.has(name));
  }

  #onOutcome(name: string, outcome: ScriptOutcome): void {
    const script = this.#tracked(name);
    const config = this.#config.scripts.find((candidate) => candidate.name === name);
    assert(config !== undefined, `script ${name} is configured`);
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
    const entries = instance.trackScripts.map(({ name, weight }) => ({
      name,
      weight,
      passing: this.#tracked(name).state.passing,
    }));
    const { trackBalancer } = instance;
    return verdictOf(
      entries,
      trackBalancer === null ? null : { weight: trackBalancer.weight, serving: this.#serving },
    );
  }

  #tracked(name: string): TrackedScript {
    const script = this.#scripts.get(name);
    assert(script !== undefined, `script ${name} is tracked`);
    return script;
  }
}
