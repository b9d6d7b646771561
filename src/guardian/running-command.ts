/**
 * One run of a command of the operator's: a track or notify script. TERM after a time limit, KILL two
 * seconds later, both to its whole process group.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { whyForbidden } from '../linux/command-safety.ts';
import type { ScriptAccount } from './script-account.ts';

/** From TERM to KILL for a command that overran its limit. */
const KILL_DELAY_MS = 2000;

/** `text`: how it ended, in words. */
export type CommandOutcome = { readonly passed: boolean; readonly text: string };

/** A command with the account it runs as; null: the guardian's own. */
export type AccountedCommand = {
  readonly argv: readonly string[];
  readonly account: ScriptAccount | null;
  /** See Guarded of config/model/election.ts. */
  readonly guarded: boolean;
};

export class RunningCommand {
  /** null: it may not run. */
  readonly #child: ChildProcess | null;
  #ended = false;

  /** `onEnd` is called once, after this returns, also when the command cannot be started. */
  constructor(
    { argv, account, guarded }: AccountedCommand,
    timeoutMs: number,
    onEnd: (outcome: CommandOutcome) => void,
  ) {
    const [command = '', ...args] = argv;
    // Each time: rights may have changed since the start.
    const refusal = guarded && process.getuid?.() === 0 ? whyForbidden(command, account) : null;
    if (refusal !== null) {
      this.#child = null;
      setImmediate(onEnd, { passed: false, text: `"${command}" is not run: ${refusal}` });
      return;
    }
    const child = spawn(command, args, {
      // Its own process group, so that a signal reaches what the command started, too.
      detached: true,
      stdio: 'ignore',
      ...account,
    });
    this.#child = child;
    let overran = false;
    let kill: NodeJS.Timeout | undefined;
    const term = setTimeout(() => {
      overran = true;
      this.signal('SIGTERM');
      kill = setTimeout(() => this.signal('SIGKILL'), KILL_DELAY_MS);
    }, timeoutMs);
    const end = (passed: boolean, text: string): void => {
      if (this.#ended) return;
      this.#ended = true;
      clearTimeout(term);
      clearTimeout(kill);
      onEnd({ passed, text });
    };
    child.once('error', (error) => end(false, `Cannot run "${command}": ${error.message}`));
    child.once('exit', (code, signal) => {
      const how = signal === null ? `exit code ${code}` : `killed by ${signal}`;
      if (overran) end(false, `No exit within ${timeoutMs} ms`);
      else end(code === 0, how);
    });
  }

  signal(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (pid === undefined || this.#ended) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // The group is gone; 'exit' tells the rest.
    }
  }

  /** Lets our process end while the command still runs. */
  unref(): void {
    this.#child?.unref();
  }
}
