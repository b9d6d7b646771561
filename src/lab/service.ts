/** A process the lab starts and starts again: a node's daemon, its apiserver, the client. */

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { LabError } from './lab-error.ts';
import {
  identify,
  isRunning,
  isWorking,
  type ProcessIdentity,
  signalProcess,
} from './processes.ts';

export type ServiceSpec = {
  /** "evergate on k8s-master" */
  readonly name: string;
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** Standard output and error; begun anew with the first start. */
  readonly logFile: string;
  /** The service tells that it is ready, and more, over an IPC channel, and ends when that closes. */
  readonly channel: boolean;
};

export type ServiceExit = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
};

/** A bind mount of a directory of this node over one that all nodes would share. */
export type PrivateDirectory = { readonly from: string; readonly over: string };

const READY_BOUND_MS = 30_000;
const TAIL_LINES = 10;

// `ip netns exec` has made a mount namespace of its own: these mounts are seen by this process only.
const ENTER_SCRIPT =
  'while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit 125; shift 2; done; shift; exec "$@"';

/** The command that runs `command` inside a network namespace, under the same pid. */
export function inNamespace(
  namespace: string,
  directories: readonly PrivateDirectory[],
  command: readonly string[],
): string[] {
  const mounts = directories.flatMap(({ from, over }) => [from, over]);
  const enter = ['ip', 'netns', 'exec', namespace, 'sh', '-c', ENTER_SCRIPT, 'sh'];
  return [...enter, ...mounts, '--', ...command];
}

export class Service {
  readonly spec: ServiceSpec;
  /** Called when the process ends, unless it was ended through this object. */
  onSurprise: (exit: ServiceExit) => void = () => undefined;
  #child: ChildProcess | null = null;
  #identity: ProcessIdentity | null = null;
  #ended = true;
  #startedBefore = false;

  constructor(spec: ServiceSpec) {
    this.spec = spec;
  }

  /** Starts the process; the service must not be running. */
  start(): ChildProcess {
    if (this.running) throw new LabError(`"${this.spec.name}" is running already`);
    const [file = '', ...args] = this.spec.command;
    const log = openSync(this.spec.logFile, this.#startedBefore ? 'a' : 'w', 0o644);
    // A session of its own: the terminal's Ctrl-C is for the lab, which then ends things in order.
    const child = spawn(file, args, {
      stdio: ['ignore', log, log, this.spec.channel ? 'ipc' : 'ignore'],
      detached: true,
    });
    closeSync(log);
    this.#startedBefore = true;
    this.#ended = false;
    this.#child = child;
    this.#identity = child.pid === undefined ? null : identify(child.pid);
    child.on('error', () => undefined);
    child.on('exit', (code, signal) => {
      if (!this.#ended && this.#child === child) this.onSurprise({ code, signal });
    });
    return child;
  }

  get running(): boolean {
    return this.#identity !== null && isRunning(this.#identity);
  }

  get working(): boolean {
    return this.#identity !== null && isWorking(this.#identity);
  }

  get identity(): ProcessIdentity | null {
    return this.#identity;
  }

  /** Sends a signal; `expectEnd` says that its end, now or later, is no surprise. */
  signal(signal: NodeJS.Signals, expectEnd: boolean): boolean {
    if (expectEnd) this.#ended = true;
    return this.#identity !== null && signalProcess(this.#identity, signal);
  }

  /** Its end is no surprise from now on. */
  expectEnd(): void {
    this.#ended = true;
  }

  /** Starts it and resolves with the first message it says; LabError when it ends before, or in 10 s. */
  startAndHear<Message>(): Promise<Message> {
    return new Promise((resolve, reject) => {
      const child = this.start();
      // Until it is ready its end is this promise's matter.
      this.#ended = true;
      const fail = (why: string): void => {
        clearTimeout(timer);
        reject(new LabError(`"${this.spec.name}" ${why}${quoteTail(this.tail(TAIL_LINES))}`));
      };
      const timer = setTimeout(() => fail('did not get ready within 30 s'), READY_BOUND_MS);
      child.once('exit', (code, signal) => fail(`ended at its start (${signal ?? code})`));
      child.once('error', (error) => fail(`did not start: ${error.message}`));
      child.once('message', (message) => {
        clearTimeout(timer);
        this.#ended = false;
        resolve(message as Message);
      });
    });
  }

  /** The last lines of its log. */
  tail(lines: number): string[] {
    try {
      return readFileSync(this.spec.logFile, 'utf8').trimEnd().split('\n').slice(-lines);
    } catch {
      return [];
    }
  }
}

/** Lines as the end of an error message. */
export function quoteTail(lines: readonly string[]): string {
  return lines.length === 0 ? '' : `; its last words:\n  ${lines.join('\n  ')}`;
}
