/**
 * Keeps a checker running as long as there are checks that need a secret (health/apart.ts), and takes what balancers
 * ask of it there and back. One that ends, hangs, or breaks the protocol is replaced; meanwhile nobody looks, which says
 * nothing about the servers.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type {
  BalancerToGuardian,
  CheckerToGuardian,
  GuardianToChecker,
} from '../../contracts/protocol.ts';
import { messageBytesMax, parseFromChecker } from '../../contracts/protocol-table.ts';
import type { Identity } from '../../core/identity.ts';
import type { ApartCheck } from '../../health/apart.ts';
import type { CheckResult } from '../../health/server-state.ts';
import type { CheckerStatus } from '../../stats/status.ts';
import type { Log } from '../log.ts';
import { ChildOutput } from '../output/child-output.ts';
import type { Outputs } from '../output/standard-streams.ts';
import { type RestartDelay, restartDelay } from '../restart-delay.ts';
import { ChildChannel, channelOf } from './child-channel.ts';
import { spendLine, startLineBudget } from './line-budget.ts';

const ENTRY = fileURLToPath(new URL('../../balancer/checker/main.ts', import.meta.url));

/** It starts a runtime, and reads certificates; doubled for each in a row that took longer. */
const START_MS = 10_000;
const START_MS_MAX = 80_000;
/** Beyond the time that a check may take by itself: it hangs. */
const MARGIN_MS = 2000;
const TICK_MS = 250;
/** Checks that are asked for at once, of one server each: as many as an evergate.yaml has servers, and more. */
const ASKED_MAX = 1024;

type Answer = (result: CheckResult | null) => void;

export type CheckAsked = Omit<
  Extract<BalancerToGuardian, { readonly kind: 'check' }>,
  'kind' | 'id'
>;

type Asked = { readonly name: string; readonly until: number; readonly answer: Answer };

type Running = {
  readonly child: ChildProcess;
  readonly channel: ChildChannel<CheckerToGuardian, GuardianToChecker>;
  readonly startedAt: number;
  readonly asked: Map<number, Asked>;
  ready: boolean;
  why: string | null;
};

export type CheckerOptions = {
  /** What it runs as; null: as this process. */
  readonly identity: Identity | null;
  readonly log: Log;
  /** Where its standard error goes. */
  readonly outputs: Pick<Outputs, 'stderr'>;
  /** Called with the pid of each new one. */
  readonly onPid: (pid: number) => void;
};

export class CheckerKeeper {
  readonly #options: CheckerOptions;
  readonly #tick: NodeJS.Timeout;
  #checks: ReadonlyMap<string, ApartCheck> = new Map();
  #running: Running | null = null;
  #retry: NodeJS.Timeout | null = null;
  #delay: RestartDelay = { shortLived: 0, delayMs: 0 };
  #startMs = START_MS;
  #nextId = 1;
  #restarts = 0;
  #lastExit: string | null = null;
  #lines = startLineBudget(performance.now());

  constructor(options: CheckerOptions) {
    this.#options = options;
    this.#tick = setInterval(() => this.#look(), TICK_MS);
  }

  /** null: there is nothing to check. */
  get status(): CheckerStatus | null {
    if (this.#checks.size === 0) return null;
    const running = this.#running;
    const state = running === null ? 'restarting' : running.ready ? 'ready' : 'starting';
    const pid = running?.child.pid ?? null;
    return { state, pid, restarts: this.#restarts, lastExit: this.#lastExit };
  }

  /** These are to be run from now on; none: there is no process for it. */
  take(checks: readonly ApartCheck[]): void {
    this.#checks = new Map(checks.map((check) => [nameOf(check.backend, check.server), check]));
    if (checks.length === 0) this.#end();
    else if (this.#running === null && this.#retry === null) this.#start();
    else this.#running?.channel.send(this.#order());
  }

  /** Calls back exactly once; with null where nobody could run it. */
  run({ backend, server, host, port }: CheckAsked, answer: Answer): void {
    const name = nameOf(backend, server);
    const check = this.#checks.get(name);
    const running = this.#running;
    const asked = running === null ? [] : [...running.asked.values()];
    const isBusy = asked.length >= ASKED_MAX || asked.some((one) => one.name === name);
    if (check === undefined || running?.ready !== true || isBusy) {
      answer(null);
      return;
    }
    const { connectTimeoutMs, responseTimeoutMs } = check.config;
    const until = performance.now() + connectTimeoutMs + (responseTimeoutMs ?? 0) + MARGIN_MS;
    const id = this.#nextId++;
    running.asked.set(id, { name, until, answer });
    running.channel.send({ kind: 'check', id, backend, server, host, port });
  }

  /** What that check keeps for the next one is not needed for a while. */
  endCheck(backend: string, server: string): void {
    if (!this.#checks.has(nameOf(backend, server)) || this.#running?.ready !== true) return;
    this.#running.channel.send({ kind: 'end-check', backend, server });
  }

  stop(): void {
    clearInterval(this.#tick);
    this.#checks = new Map();
    this.#end();
  }

  #order(): GuardianToChecker {
    const { identity } = this.#options;
    return { kind: 'checks', checks: [...this.#checks.values()], identity };
  }

  #start(): void {
    this.#retry = null;
    const stderr = new ChildOutput(this.#options.outputs.stderr);
    const child = spawn(process.execPath, [...process.execArgv, ENTRY], {
      stdio: ['ignore', 'ignore', stderr.fd, 'pipe'],
    });
    stderr.opened();
    const channel = new ChildChannel<CheckerToGuardian, GuardianToChecker>(
      channelOf(child),
      messageBytesMax(0),
      parseFromChecker,
      {
        message: (message) => this.#receive(running, message),
        breach: (why) => this.#kill(running, `It broke the protocol: ${why}`),
      },
    );
    const startedAt = performance.now();
    const asked = new Map<number, Asked>();
    const running: Running = { child, channel, startedAt, asked, ready: false, why: null };
    this.#running = running;
    if (child.pid !== undefined) this.#options.onPid(child.pid);
    child.once('error', (error) => this.#onEnded(running, error.message));
    child.once('exit', (code, signal) =>
      this.#onEnded(running, `It ended with ${signal ?? `exit code ${code}`}`),
    );
    channel.send(this.#order());
  }

  #receive(running: Running, message: CheckerToGuardian): void {
    switch (message.kind) {
      case 'ready':
        if (running.ready) this.#kill(running, 'It broke the protocol: it is ready twice');
        running.ready = true;
        this.#startMs = START_MS;
        this.#options.log('info', `Checker ${running.child.pid} is ready`);
        break;
      case 'checked': {
        const asked = running.asked.get(message.id);
        running.asked.delete(message.id);
        if (asked === undefined) this.#kill(running, 'It broke the protocol: nobody asked for it');
        else asked.answer(message.result);
        break;
      }
      case 'failed':
        this.#kill(running, message.text);
        break;
      case 'log': {
        const { budget, admitted } = spendLine(this.#lines, performance.now());
        this.#lines = budget;
        if (admitted) this.#options.log(message.level, `Checker: ${message.text}`);
      }
    }
  }

  /** Whether it hangs. */
  #look(): void {
    const running = this.#running;
    if (running === null) return;
    const now = performance.now();
    if (!running.ready && now - running.startedAt > this.#startMs) {
      this.#kill(running, `It did not get ready within ${this.#startMs} ms`);
      this.#startMs = Math.min(2 * this.#startMs, START_MS_MAX);
      return;
    }
    const late = [...running.asked.values()].some(({ until }) => until < now);
    if (late) this.#kill(running, 'It hangs: a check has had no end for longer than it may take');
  }

  #kill(running: Running, why: string): void {
    if (this.#running !== running || running.why !== null) return;
    this.#options.log('error', `Checker ${running.child.pid} is killed: ${why}`);
    running.why = why;
    running.channel.close();
    running.child.kill('SIGKILL');
  }

  #onEnded(running: Running, how: string): void {
    if (this.#running !== running) return;
    this.#letGo(running);
    const why = running.why ?? how;
    this.#lastExit = why;
    this.#restarts += 1;
    this.#delay = restartDelay(this.#delay.shortLived, performance.now() - running.startedAt);
    const { delayMs } = this.#delay;
    const when = delayMs === 0 ? 'at once' : `in ${delayMs} ms`;
    const text = `Checker ${running.child.pid} is gone: ${why}; another starts ${when}`;
    this.#options.log('warning', text);
    this.#retry = setTimeout(() => this.#start(), delayMs);
  }

  /** Nobody waits for it any more. */
  #letGo(running: Running): void {
    this.#running = null;
    running.channel.close();
    for (const { answer } of running.asked.values()) answer(null);
    running.asked.clear();
  }

  #end(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    const running = this.#running;
    if (running === null) return;
    this.#letGo(running);
    running.child.kill('SIGKILL');
  }
}

/** Names have no zero bytes. */
function nameOf(backend: string, server: string): string {
  return `${backend}\0${server}`;
}
