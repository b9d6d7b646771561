/**
 * A balancer's process before it is told anything: it loads its code and waits for 'start'. The first one of a node is
 * started while the files are still being read, and so is there when they have been (docs/adr/0026).
 */

import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { GUARDIAN_FD } from '../../contracts/protocol.ts';
import { BEAT_PAGE_BYTES } from '../../core/beats.ts';
import { openDescriptorChannel } from '../../linux/descriptor-channel.ts';
import { closeFd, createSharedMemory, mapSharedMemory } from '../../linux/files.ts';
import { ChildOutput } from '../output/child-output.ts';
import type { Outputs } from '../output/standard-streams.ts';
import { channelOf } from './child-channel.ts';

const BALANCER_ENTRY = fileURLToPath(new URL('../../balancer/main.ts', import.meta.url));
/** Relays are hot for as long as they have clients, unlike all else here (bin/evergate). */
const RUNTIME_FLAGS = ['--turbofan'];

/** Descriptors there: of its beat page, and of its end of the channel that listeners come over. */
export const BEAT_FD = GUARDIAN_FD + 1;
export const CHANNEL_FD = GUARDIAN_FD + 2;

/** `started`: it was a process. */
export type ShellEnd = { readonly why: string; readonly started: boolean };

export class BalancerShell {
  readonly pid: number | null;
  /** Resolves when it is gone and all it wrote to its standard streams is passed on. */
  readonly silent: Promise<unknown>;
  /** Resolves when the process is over, or could not be started. */
  readonly over: Promise<ShellEnd>;
  readonly channel: Socket;
  readonly beats: Uint32Array;
  /** Our end of the channel that takes listeners to it; who takes the shell closes it. */
  readonly descriptors: number;
  readonly #child: ChildProcess;
  #taken = false;
  #isOver = false;

  constructor(outputs: Outputs) {
    const beatFd = createSharedMemory('evergate-beats', BEAT_PAGE_BYTES);
    this.beats = new Uint32Array(mapSharedMemory(beatFd, BEAT_PAGE_BYTES));
    const { near, far } = openDescriptorChannel();
    this.descriptors = near;
    const stdout = new ChildOutput(outputs.stdout);
    const stderr = new ChildOutput(outputs.stderr);
    this.silent = Promise.all([stdout.ended, stderr.ended]);
    const args = [...process.execArgv, ...RUNTIME_FLAGS, BALANCER_ENTRY];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', stdout.fd, stderr.fd, 'pipe', beatFd, far],
    });
    this.#child = child;
    closeFd(beatFd);
    closeFd(far);
    stdout.opened();
    stderr.opened();
    this.pid = child.pid ?? null;
    this.channel = channelOf(child);
    // One that ends before it is told anything ends this process by no error.
    this.channel.on('error', () => {});
    this.over = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        const by = signal === null ? `ended with exit code ${code}` : `was killed by ${signal}`;
        resolve({ why: `It ${by}`, started: true });
      });
      child.once('error', ({ message }) =>
        resolve({ why: `It could not be started: ${message}`, started: false }),
      );
    });
    void this.over.then(() => {
      this.#isOver = true;
    });
  }

  /** It has ended, or never was a process, before anybody took it or after. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whoever is to tell it what to do has it from now on. */
  take(): BalancerShell {
    this.#taken = true;
    return this;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Ends it, unless somebody has taken it. */
  drop(): void {
    if (this.#taken) return;
    this.#taken = true;
    this.kill();
    closeFd(this.descriptors);
  }
}
