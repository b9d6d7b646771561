/** One node of the lab: its daemon, its apiserver, and what can be done to them. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StatusReport } from '../stats/status.ts';
import type { ApiserverReady } from './apiserver/main.ts';
import { LabError } from './lab-error.ts';
import { pidsIn } from './network.ts';
import {
  commandOf,
  descendantsOf,
  identify,
  isRunning,
  isWorking,
  type ProcessIdentity,
  signalProcess,
} from './processes.ts';
import { runCommand } from './run-command.ts';
import { quoteTail, type Service } from './service.ts';
import type { DaemonRole } from './stacks/stack.ts';
import type { LogKind, SyslogSink } from './syslog/sink.ts';
import { waitUntil } from './wait-until.ts';

export type LabNodeParts = {
  readonly name: string;
  readonly address: string;
  /** null: a process of the host like any other. */
  readonly namespace: string | null;
  readonly runDir: string;
  readonly apiserver: Service;
  /** null: only an apiserver runs here. */
  readonly daemon: Service | null;
  readonly syslog: SyslogSink | null;
  /** The evergate command that asks for the status: program and first arguments; null: it is none. */
  readonly evergate: readonly string[] | null;
  /** Programs of the daemon by role; null: they are in its pid files. */
  readonly programs: Readonly<Record<DaemonRole, string>> | null;
  /** Starts again what of the daemon does not run, where it does not do so itself; null: it does. */
  readonly startAgain: ((missing: readonly DaemonRole[]) => void) | null;
};

const ROLES: readonly DaemonRole[] = ['guardian', 'balancer'];
const KILL_ROUNDS_MAX = 10;
const KILL_BOUND_MS = 20_000;
const LOG_LINES = 40;

export class LabNode {
  readonly parts: LabNodeParts;
  readonly name: string;

  constructor(parts: LabNodeParts) {
    this.parts = parts;
    this.name = parts.name;
  }

  /** Resolves when the apiserver listens; harmless when it runs already. */
  async startApiserver(): Promise<void> {
    if (this.parts.apiserver.running) return;
    await this.parts.apiserver.startAndHear<ApiserverReady>();
  }

  startDaemon(): void {
    const { daemon } = this.parts;
    if (daemon !== null && !daemon.running) daemon.start();
  }

  /** What belongs here runs, and nothing of it is stopped. */
  async complete(): Promise<boolean> {
    return this.parts.apiserver.working && (await this.daemonComplete());
  }

  async daemonComplete(): Promise<boolean> {
    if (this.parts.daemon?.working === false) return false;
    const { programs } = this.parts;
    if (programs === null) return true;
    const found = await this.#programs();
    return ROLES.every((role) => {
      const own = found.get(programs[role]) ?? [];
      return own.length > 0 && own.every(isWorking);
    });
  }

  /** Lets go on what was stopped and starts what is missing. */
  async startMissing(): Promise<void> {
    this.parts.apiserver.signal('SIGCONT', false);
    for (const identity of await this.#daemonProcesses()) signalProcess(identity, 'SIGCONT');
    await this.startApiserver();
    const { programs, startAgain, daemon } = this.parts;
    if (daemon?.running === true && programs !== null) {
      const found = await this.#programs();
      startAgain?.(ROLES.filter((role) => !found.has(programs[role])));
    }
    this.startDaemon();
  }

  /** The pid in the run directory's file; LabError when no such process of this node runs. */
  async processOf(role: DaemonRole): Promise<ProcessIdentity> {
    const file = join(this.parts.runDir, `${role}.pid`);
    let pid: number;
    try {
      pid = Number.parseInt(readFileSync(file, 'utf8'), 10);
    } catch {
      throw new LabError(`No ${role} runs on "${this.name}": there is no file "${file}"`);
    }
    // The file of a killed process stays, and its number may be another's by now.
    const found = (await this.#daemonProcesses()).find((identity) => identity.pid === pid);
    if (found === undefined) throw new LabError(`No ${role} runs on "${this.name}"`);
    return found;
  }

  /** LabError when no such process of this node runs. */
  async signalDaemon(role: DaemonRole, signal: NodeJS.Signals): Promise<void> {
    const { programs } = this.parts;
    if (programs !== null) {
      const found = (await this.#programs()).get(programs[role]) ?? [];
      if (found.length === 0) throw new LabError(`No ${programs[role]} runs on "${this.name}"`);
      for (const identity of found) signalProcess(identity, signal);
      return;
    }
    const identity = await this.processOf(role);
    if (role === 'guardian') this.parts.daemon?.expectEnd();
    signalProcess(identity, signal);
  }

  /** SIGKILL to the daemon and everything it has started, parents first, until nothing is left. */
  async killDaemon(): Promise<void> {
    this.parts.daemon?.expectEnd();
    await this.#killAll(() => this.#daemonProcesses());
  }

  /** SIGKILL to every process of the node. */
  async killEverything(): Promise<void> {
    this.parts.daemon?.expectEnd();
    this.parts.apiserver.expectEnd();
    await this.#killAll(() => this.#allProcesses());
  }

  /** What `evergate status --json` says; LabError when the daemon does not answer. */
  async status(): Promise<StatusReport> {
    if (this.parts.evergate === null) throw new LabError(`No Evergate runs on "${this.name}"`);
    const [file = '', ...first] = this.parts.evergate;
    const args = [...first, 'status', '--json', '--run-dir', this.parts.runDir];
    const output = await runCommand(file, args, null, { anyExitCode: true });
    const report: StatusReport | { readonly error: string } = JSON.parse(output);
    if ('error' in report) throw new LabError(`No status from "${this.name}": ${report.error}`);
    return report;
  }

  /** The last lines of the daemon's own log and of what it sent to syslog. */
  logs(only: LogKind): string[] {
    const { daemon, syslog, programs } = this.parts;
    const own = only === 'connections' ? [] : (daemon?.tail(LOG_LINES) ?? []);
    const name = programs === null ? 'evergate' : 'daemons';
    return [
      ...own.map((line) => `${name}: ${line}`),
      ...(syslog?.lines(only).slice(-LOG_LINES) ?? []).map((line) => `syslog: ${line}`),
    ];
  }

  /** LabError with the daemon's last words when it should run and does not. */
  assertDaemonRuns(): void {
    const { daemon } = this.parts;
    if (daemon === null || daemon.running) return;
    throw new LabError(`"${daemon.spec.name}" ended${quoteTail(daemon.tail(10))}`);
  }

  async #killAll(find: () => Promise<ProcessIdentity[]>): Promise<void> {
    // A supervisor may start another while we look: again until a look finds none.
    for (let round = 0; round < KILL_ROUNDS_MAX; round++) {
      const found = await find();
      if (found.length === 0) return;
      for (const identity of found) signalProcess(identity, 'SIGKILL');
      const bound = { what: 'processes to end', boundMs: KILL_BOUND_MS, everyMs: 5 };
      await waitUntil(() => !found.some(isRunning), bound);
    }
    throw new LabError(`Processes of "${this.name}" come back after SIGKILL`);
  }

  async #allProcesses(): Promise<ProcessIdentity[]> {
    const { namespace, daemon } = this.parts;
    if (namespace !== null) return identifyAll(await pidsIn(namespace));
    const root = daemon?.identity ?? null;
    if (root === null) return [];
    return [...identifyAll([root.pid]), ...descendantsOf(root.pid)];
  }

  /** Processes of the daemon by the name that the kernel has of them. */
  async #programs(): Promise<ReadonlyMap<string, readonly ProcessIdentity[]>> {
    return Map.groupBy(await this.#daemonProcesses(), ({ pid }) => commandOf(pid) ?? '');
  }

  async #daemonProcesses(): Promise<ProcessIdentity[]> {
    const apiserver = this.parts.apiserver.identity?.pid;
    const all = await this.#allProcesses();
    const guardian = this.parts.daemon?.identity?.pid;
    return all
      .filter((identity) => identity.pid !== apiserver)
      .sort((one, other) => Number(other.pid === guardian) - Number(one.pid === guardian));
  }
}

function identifyAll(pids: readonly number[]): ProcessIdentity[] {
  return pids.map(identify).filter((identity) => identity !== null);
}
