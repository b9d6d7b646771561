/**
 * Runs keepalived's track scripts (keepalived.conf(5), vrrp_script): one run every interval, never two at
 * once, TERM after the timeout and KILL two seconds later. Exit code 0 is success.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import type { TrackScriptConfig } from '../config/model.ts';
import { type ScriptAccount, scriptAccount } from './script-account.ts';

/** From TERM to KILL for a script that overran its timeout. */
const KILL_DELAY_MS = 2000;

export type ScriptOutcome = { readonly passed: boolean; readonly text: string };

export class ScriptRunner {
  readonly #config: TrackScriptConfig;
  readonly #onOutcome: (outcome: ScriptOutcome) => void;
  readonly #account: ScriptAccount | null;
  readonly #interval: NodeJS.Timeout;
  #child: ChildProcess | null = null;
  #stopped = false;

  /** Throws OperationalError when the account to run as does not exist. */
  constructor(config: TrackScriptConfig, onOutcome: (outcome: ScriptOutcome) => void) {
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
    this.#signal('SIGKILL');
  }

  #run(): void {
    if (this.#child !== null) return;
    const [command = '', ...args] = this.#config.argv;
    const child = spawn(command, args, {
      // Its own process group, so that a timeout reaches what the script started, too.
      detached: true,
      stdio: 'ignore',
      ...this.#account,
    });
    this.#child = child;
    let overran = false;
    let kill: NodeJS.Timeout | undefined;
    const term = setTimeout(() => {
      overran = true;
      this.#signal('SIGTERM');
      kill = setTimeout(() => this.#signal('SIGKILL'), KILL_DELAY_MS);
    }, this.#config.timeoutMs);
    const end = (passed: boolean, text: string): void => {
      if (this.#child !== child) return;
      this.#child = null;
      clearTimeout(term);
      clearTimeout(kill);
      if (!this.#stopped) this.#onOutcome({ passed, text });
    };
    child.once('error', (error) => end(false, `Cannot run "${command}": ${error.message}`));
    child.once('exit', (code, signal) => {
      const how = signal === null ? `exit code ${code}` : `killed by ${signal}`;
      if (overran) end(false, `No exit within ${this.#config.timeoutMs} ms`);
      else end(code === 0, how);
    });
  }

  #signal(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // The group is gone; 'exit' tells the rest.
    }
  }
}
