/**
 * One balancer process, active or spare: started with the inherited sockets, spoken to over Node's IPC
 * channel, watched through a page of beats of its own.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { BalancerConfig } from '../../config/model/config.ts';
import type { PrivilegedPlane } from '../../contracts/data-plane.ts';
import type { InheritedListener } from '../../contracts/listeners.ts';
import type { BalancerToGuardian, GuardianToBalancer } from '../../contracts/protocol.ts';
import { BEAT_PAGE_BYTES, MAIN_BEAT_SLOT, RELAY_BEAT_SLOT, TID_SLOT } from '../../core/beats.ts';
import type { ServerStateRecord } from '../../health/server-state.ts';
import { openDescriptorChannel, sendDescriptors } from '../../linux/descriptor-channel.ts';
import { closeFd, createSharedMemory, mapSharedMemory } from '../../linux/files.ts';
import { ChildOutput } from '../output/child-output.ts';
import type { Outputs } from '../output/standard-streams.ts';
import { threadState } from '../process-table.ts';
import {
  type LoopWatch,
  MAIN_SILENCE_MS,
  observeLoop,
  RELAY_SILENCE_MS,
  watchLoop,
} from './beat-monitor.ts';

const BALANCER_ENTRY = fileURLToPath(new URL('../../balancer/main.ts', import.meta.url));

/** Descriptors 0 to 2 are the standard ones, 3 is the IPC channel; inherited ones follow. */
const FIRST_INHERITED_FD = 4;

export type BalancerLaunch = {
  readonly config: BalancerConfig;
  readonly plane: PrivilegedPlane;
  readonly listeners: readonly InheritedListener[];
  /** Gets ready and waits for activate(). */
  readonly standby: boolean;
  readonly servers: readonly ServerStateRecord[];
  readonly orphanMs: number;
  /** Where its standard output and error go. */
  readonly outputs: Outputs;
};

export type BalancerEvents = {
  message(message: BalancerToGuardian): void;
  /** Told exactly once, after the last message. */
  ended(why: string): void;
};

export class BalancerProcess {
  readonly pid: number | null;
  /** Resolves when it is gone and all it wrote to its standard streams is passed on. */
  readonly silent: Promise<unknown>;
  readonly #child: ChildProcess;
  /** Of the data plane. */
  readonly #loops: readonly string[];
  readonly #beats: Uint32Array;
  /** Our end of the channel that takes listeners to it. */
  readonly #channel: number;
  /** Ids of the listeners it has. */
  #known: ReadonlySet<number>;
  #watches: LoopWatch[] = [];
  #lookedAt = 0;
  #failure: string | null = null;
  #ended = false;

  constructor(launch: BalancerLaunch, events: BalancerEvents) {
    this.#loops = launch.plane.loops;
    const beatFd = createSharedMemory('evergate-beats', BEAT_PAGE_BYTES);
    this.#beats = new Uint32Array(mapSharedMemory(beatFd, BEAT_PAGE_BYTES));
    const { near, far } = openDescriptorChannel();
    this.#channel = near;
    this.#known = new Set(launch.listeners.map(({ id }) => id));
    const stdout = new ChildOutput(launch.outputs.stdout);
    const stderr = new ChildOutput(launch.outputs.stderr);
    this.silent = Promise.all([stdout.ended, stderr.ended]);
    const inherited = [beatFd, far, ...launch.listeners.map(({ fd }) => fd)];
    this.#child = spawn(process.execPath, [...process.execArgv, BALANCER_ENTRY], {
      stdio: ['ignore', stdout.fd, stderr.fd, 'ipc', ...inherited],
      serialization: 'json',
    });
    closeFd(beatFd);
    closeFd(far);
    stdout.opened();
    stderr.opened();
    this.pid = this.#child.pid ?? null;
    const end = (why: string): void => {
      if (this.#ended) return;
      this.#ended = true;
      closeFd(near);
      events.ended(this.#failure ?? why);
    };
    this.#child.on('message', (message: BalancerToGuardian) => {
      if (message.kind === 'failed') this.#failure = message.text;
      events.message(message);
    });
    this.#child.once('exit', (code, signal) =>
      end(signal === null ? `It ended with exit code ${code}` : `It was killed by ${signal}`),
    );
    this.#child.once('error', (error) => end(`It could not be started: ${error.message}`));
    this.send({
      kind: 'start',
      config: launch.config,
      grant: launch.plane.grant(FIRST_INHERITED_FD),
      beatFd: FIRST_INHERITED_FD,
      channelFd: FIRST_INHERITED_FD + 1,
      standby: launch.standby,
      listeners: launch.listeners.map(({ id, purpose }, index) => ({
        id,
        fd: FIRST_INHERITED_FD + 2 + index,
        purpose,
      })),
      servers: launch.servers,
      orphanMs: launch.orphanMs,
    });
  }

  /** What it said itself before it ended; null: nothing. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Never waits; a message to a process that is gone is dropped, its end is told by `ended`. */
  send(message: GuardianToBalancer): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  /**
   * Has it go on by another configuration; it answers with a 'reload' message. Throws SystemError, with
   * nothing said, when the new listeners cannot be sent.
   */
  reload(id: number, config: BalancerConfig, listeners: readonly InheritedListener[]): void {
    if (this.#ended || !this.#child.connected) return;
    const fresh = listeners.filter((one) => !this.#known.has(one.id));
    sendDescriptors(
      this.#channel,
      fresh.map(({ fd }) => fd),
    );
    this.#known = new Set(listeners.map((one) => one.id));
    this.send({
      kind: 'reload',
      id,
      config,
      listeners: listeners.map((one) => ({ id: one.id, purpose: one.purpose })),
      fresh: fresh.map((one) => one.id),
    });
  }

  kill(): void {
    this.#watches = [];
    this.#child.kill('SIGKILL');
  }

  /** Holds its loops to their beats from now on. */
  watch(): void {
    const now = performance.now();
    this.#lookedAt = now;
    const main = watchLoop('main thread', MAIN_SILENCE_MS, now);
    this.#watches = [main, ...this.#loops.map((name) => watchLoop(name, RELAY_SILENCE_MS, now))];
  }

  /** One look at its beats, planned every `everyMs`; says why it hangs, or null. */
  checkBeats(everyMs: number): string | null {
    const { pid } = this;
    const now = performance.now();
    const lateMs = Math.max(0, now - this.#lookedAt - 2 * everyMs);
    this.#lookedAt = now;
    if (pid === null) return null;
    let hung: string | null = null;
    this.#watches = this.#watches.map((watch, index) => {
      const slot = index === 0 ? MAIN_BEAT_SLOT : RELAY_BEAT_SLOT + index - 1;
      const thread = () => threadState(pid, this.#beats[TID_SLOT + slot] ?? 0);
      const verdict = observeLoop(watch, this.#beats[slot] ?? 0, now, lateMs, thread);
      hung ??= verdict.hung;
      return verdict.watch;
    });
    return hung;
  }
}
