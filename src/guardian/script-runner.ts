/**
 * Runs keepalived's track scripts (keepalived.conf(5), vrrp_script): one run every interval, never two at
 * once. Exit code 0 is success.
 */

import type { TrackScriptConfig } from '../config/model/election.ts';
import { type CommandOutcome, RunningCommand } from './running-command.ts';
import { type ScriptAccount, scriptAccount } from './script-account.ts';

export class ScriptRunner {
  readonly #config: TrackScriptConfig;
  readonly #onOutcome: (outcome: CommandOutcome) => void;
  readonly #account: ScriptAccount | null;
  readonly #interval: NodeJS.Timeout;
  #running: RunningCommand | null = null;
  #stopped = false;

  /** Throws OperationalError when the account to run as does not exist. */
  constructor(config: TrackScriptConfig, onOutcome: (outcome: CommandOutcome) => void) {
    this.#config = config;
    this.#onOutcome = onOutcome;
    this.#account = scriptAccount(config);
    this.#interval = setInterval(() => this.#run(), config.intervalMs);
    this.#run();
  }

  /** Ends a run that is under way; no outcome is told any more. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#interval);
    this.#running?.signal('SIGKILL');
  }

  #run(): void {
    if (this.#running !== null) return;
    const { argv, timeoutMs, guarded = false } = this.#config;
    const command = { argv, account: this.#account, guarded };
    this.#running = new RunningCommand(command, timeoutMs, (outcome) => {
      this.#running = null;
      if (!this.#stopped) this.#onOutcome(outcome);
    });
  }
}
