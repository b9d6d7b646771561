/**
 * The guardian's side of VRRP: starts the speaker's thread, keeps what it tells, passes verdicts on. The
 * thread does the protocol and the addresses by itself, so that nothing here can delay it.
 */

import { once } from 'node:events';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { removeStaleAddresses } from '../../address/resolve.ts';
import type { VrrpConfig } from '../../config/model/vrrp.ts';
import type {
  Election,
  ElectionEvent,
  ElectionSection,
  TrackingVerdict,
} from '../../contracts/election.ts';
import { assert, unreachable } from '../../core/assert.ts';
import { OperationalError } from '../../core/errors.ts';
import { openWakeup, wake } from '../../linux/epoll.ts';
import { closeFd } from '../../linux/files.ts';
import { RouteSocket } from '../../linux/netlink-route.ts';
import type { InstanceStatus } from '../../stats/status.ts';
import { resolveOrAwait } from './awaited.ts';
import {
  BEAT_INTERVAL_MS,
  BEAT_SLOT,
  DONE_SLOT,
  type FromSpeaker,
  GO_SLOT,
  SHARED_BYTES,
  type SpeakerData,
  STOP_SLOT,
  type ToSpeaker,
} from './messages.ts';
import { VrrpSection } from './section.ts';

/** A master serves on until somebody follows, up to 1 s (vrrp/timers.ts, leaveMs()). */
const STOP_MS_MAX = 2500;
/** The thread takes a reload in one turn; a drain waits for a successor, up to 1 s. */
const ANSWER_MS_MAX = 5000;

/**
 * Starts VRRP for all instances. Resolves when the address probes are over (about 0.3 s; up to 4 s when
 * somebody answers for an address and no master is heard; at once where a speaker with the same
 * `mastershipFile` was killed as master just now and this one goes on). Throws OperationalError: missing-interface,
 * no-raw-sockets, address-taken, vrrp-failed, and that of `takeOver` (contracts/election.ts);
 * nothing is left behind then.
 */
export async function startVrrp(
  config: VrrpConfig,
  mastershipFile: string,
  onEvent: (event: ElectionEvent) => void,
  takeOver: () => Promise<void> = async () => {},
): Promise<Election> {
  const speaker = new Speaker(config, mastershipFile, onEvent, takeOver);
  try {
    await speaker.started;
    return speaker;
  } catch (error) {
    await speaker.stop();
    throw error;
  }
}

class Speaker implements Election {
  readonly started: Promise<void>;
  #config: VrrpConfig;
  readonly #onEvent: (event: ElectionEvent) => void;
  readonly #takeOver: () => Promise<void>;
  readonly #wakeupFd = openWakeup();
  readonly #slots = new Int32Array(new SharedArrayBuffer(SHARED_BYTES));
  readonly #port: MessagePort;
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  readonly #beat: NodeJS.Timeout;
  readonly #start = Promise.withResolvers<void>();
  readonly #onExit = () => this.#stopNow();
  #reloaded: PromiseWithResolvers<void> | null = null;
  #drained: PromiseWithResolvers<void> | null = null;
  #statuses: readonly InstanceStatus[] = [];
  #phase: 'starting' | 'running' | 'stopping' | 'ended' = 'starting';

  constructor(
    config: VrrpConfig,
    mastershipFile: string,
    onEvent: (event: ElectionEvent) => void,
    takeOver: () => Promise<void>,
  ) {
    this.#config = config;
    this.#onEvent = onEvent;
    this.#takeOver = takeOver;
    this.started = this.#start.promise;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#port.on('message', (message: FromSpeaker) => this.#onMessage(message));
    const workerData: SpeakerData = {
      config,
      mastershipFile,
      port: port2,
      wakeupFd: this.#wakeupFd,
      shared: this.#sharedBuffer(),
    };
    this.#worker = new Worker(new URL('./thread.ts', import.meta.url), {
      workerData,
      transferList: [port2],
      name: 'vrrp',
    });
    this.#worker.on('error', (error) => this.#onFailed(String(error)));
    // The port closes after its last message, so nothing the thread said is lost.
    const closed = once(this.#port, 'close');
    const exited = once(this.#worker, 'exit');
    this.#ended = Promise.all([closed, exited]).then(() => this.#onThreadEnd());
    this.#beat = setInterval(() => Atomics.add(this.#slots, BEAT_SLOT, 1), BEAT_INTERVAL_MS);
    process.once('exit', this.#onExit);
  }

  track(instance: string, verdict: TrackingVerdict): void {
    if (this.#phase !== 'running') return;
    this.#send({ kind: 'track', instance, verdict });
  }

  learnClock(addresses: readonly string[], utcLessBootMs: number): void {
    if (this.#phase !== 'running') return;
    this.#send({ kind: 'clock', addresses, utcLessBootMs });
  }

  async reload(section: ElectionSection): Promise<void> {
    assert(this.#reloaded === null, 'reloads come one after the other');
    assert(section instanceof VrrpSection, 'an election is not replaced by a reload');
    const { config } = section;
    this.#reloaded = Promise.withResolvers<void>();
    try {
      await this.#ask({ kind: 'reload', config }, this.#reloaded);
      this.#config = config;
    } finally {
      this.#reloaded = null;
    }
  }

  async setDrained(drained: boolean): Promise<void> {
    if (this.#drained !== null) {
      throw new OperationalError('refused', 'A drain of this node is under way; ask again');
    }
    this.#drained = Promise.withResolvers<void>();
    try {
      await this.#ask({ kind: 'drain', drained }, this.#drained);
    } finally {
      this.#drained = null;
    }
  }

  /** Resolves or rejects as `answer` does, which the thread's message settles. */
  async #ask(message: ToSpeaker, answer: PromiseWithResolvers<void>): Promise<void> {
    if (this.#phase !== 'running') {
      throw new OperationalError('vrrp-failed', 'The VRRP speaker does not run');
    }
    const timer = setTimeout(() => {
      const text = `The VRRP speaker does not answer within ${ANSWER_MS_MAX} ms`;
      answer.reject(new OperationalError('vrrp-failed', text));
    }, ANSWER_MS_MAX);
    this.#send(message);
    try {
      await answer.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  #send(message: ToSpeaker): void {
    this.#port.postMessage(message);
    wake(this.#wakeupFd);
  }

  status(): readonly InstanceStatus[] {
    return this.#statuses;
  }

  async stop(): Promise<void> {
    if (this.#phase === 'ended') return;
    this.#phase = 'stopping';
    this.#askToStop();
    const timeout = Promise.withResolvers<void>();
    const timer = setTimeout(timeout.resolve, STOP_MS_MAX);
    await Promise.race([this.#ended, timeout.promise]);
    clearTimeout(timer);
    if (this.#isEnded()) return;
    // The thread hangs: what it holds is released from here.
    this.#removeAddresses();
    await this.#worker.terminate();
  }

  #isEnded(): boolean {
    return this.#phase === 'ended';
  }

  #sharedBuffer(): SharedArrayBuffer {
    const { buffer } = this.#slots;
    assert(buffer instanceof SharedArrayBuffer, 'the slots are shared');
    return buffer;
  }

  #onMessage(message: FromSpeaker): void {
    switch (message.kind) {
      case 'loaded':
        this.#takeOver().then(
          () => this.#go(),
          (error) => this.#start.reject(error),
        );
        break;
      case 'ready':
        if (this.#phase === 'starting') this.#phase = 'running';
        this.#start.resolve();
        break;
      case 'refused':
        if (this.#phase === 'running') this.#onFailed(message.text);
        this.#start.reject(new OperationalError(message.code, message.text));
        break;
      case 'failed':
        this.#onFailed(message.text);
        break;
      case 'reloaded': {
        const { refusal } = message;
        if (refusal === null) this.#reloaded?.resolve();
        else this.#reloaded?.reject(new OperationalError(refusal.code, refusal.text));
        break;
      }
      case 'drain-settled':
        if (message.refusal === null) this.#drained?.resolve();
        else this.#drained?.reject(new OperationalError('refused', message.refusal));
        break;
      case 'event':
        this.#onEvent(message.event);
        break;
      case 'status':
        this.#statuses = message.instances;
        this.#onEvent({ kind: 'alive' });
        break;
      default:
        unreachable(message);
    }
  }

  /** The thread ended by an error; at the start the caller is told, later the listener, once. */
  #onFailed(text: string): void {
    const failure = `The VRRP speaker failed: ${text}`;
    this.#start.reject(new OperationalError('vrrp-failed', failure));
    if (this.#phase !== 'running') return;
    this.#phase = 'stopping';
    this.#removeAddresses();
    this.#onEvent({ kind: 'failed', text: failure });
  }

  #onThreadEnd(): void {
    this.#onFailed('its thread ended');
    this.#phase = 'ended';
    clearInterval(this.#beat);
    process.removeListener('exit', this.#onExit);
    closeFd(this.#wakeupFd);
  }

  #go(): void {
    Atomics.store(this.#slots, GO_SLOT, 1);
    Atomics.notify(this.#slots, GO_SLOT);
  }

  #askToStop(): void {
    Atomics.store(this.#slots, STOP_SLOT, 1);
    wake(this.#wakeupFd);
    this.#go();
  }

  /** The process exits without stop(): the last chance to hand the addresses over in order. */
  #stopNow(): void {
    this.#askToStop();
    Atomics.wait(this.#slots, DONE_SLOT, 0, STOP_MS_MAX);
  }

  #removeAddresses(): void {
    const route = new RouteSocket();
    try {
      const links = route.links();
      const present = route.addresses();
      const { resolved } = resolveOrAwait(this.#config, links, present);
      removeStaleAddresses(route, resolved, links, present);
    } catch {
      // The interface went with its addresses, or the lifetime ends them.
    } finally {
      route.close();
    }
  }
}
