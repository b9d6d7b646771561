/** One balancer process: started with the inherited sockets, spoken to over Node's IPC channel. */

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { InheritedListener } from '../balancer/data-plane.ts';
import type { BalancerToGuardian, GuardianToBalancer } from '../balancer/protocol.ts';
import type { BalancerConfig } from '../config/model.ts';
import type { ServerStateRecord } from '../health/server-state.ts';

const BALANCER_ENTRY = fileURLToPath(new URL('../balancer/main.ts', import.meta.url));

/** Descriptors 0 to 2 are the standard ones, 3 is the IPC channel; inherited ones follow. */
const FIRST_INHERITED_FD = 4;

export type BalancerLaunch = {
  readonly config: BalancerConfig;
  readonly relays: number;
  readonly listeners: readonly InheritedListener[];
  readonly beatFd: number;
  readonly servers: readonly ServerStateRecord[];
};

export type BalancerEvents = {
  message(message: BalancerToGuardian): void;
  /** Told exactly once, after the last message. */
  ended(why: string): void;
};

export class BalancerProcess {
  readonly pid: number | null;
  readonly #child: ChildProcess;
  #ended = false;

  constructor(launch: BalancerLaunch, events: BalancerEvents) {
    const inherited = [launch.beatFd, ...launch.listeners.map(({ fd }) => fd)];
    this.#child = spawn(process.execPath, [...process.execArgv, BALANCER_ENTRY], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...inherited],
      serialization: 'json',
    });
    this.pid = this.#child.pid ?? null;
    const end = (why: string): void => {
      if (this.#ended) return;
      this.#ended = true;
      events.ended(why);
    };
    this.#child.on('message', (message) => events.message(message as BalancerToGuardian));
    this.#child.once('exit', (code, signal) =>
      end(signal === null ? `It ended with exit code ${code}` : `It was killed by ${signal}`),
    );
    this.#child.once('error', (error) => end(`It could not be started: ${error.message}`));
    this.send({
      kind: 'start',
      config: launch.config,
      relays: launch.relays,
      beatFd: FIRST_INHERITED_FD,
      listeners: launch.listeners.map(({ purpose }, index) => ({
        fd: FIRST_INHERITED_FD + 1 + index,
        purpose,
      })),
      servers: launch.servers,
    });
  }

  /** Never waits; a message to a process that is gone is dropped, its end is told by `ended`. */
  send(message: GuardianToBalancer): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
