/**
 * One balancer process, active or spare: started with the inherited sockets, spoken to over a channel, watched
 * through a page of beats of its own. What it says is taken for no more than a claim: it is killed when it breaks
 * the protocol.
 */

import { setTimeout as setTimeoutPromise } from 'node:timers/promises';
import type { BalancerConfig } from '../../config/model/config.ts';
import type { PrivilegedPlane } from '../../contracts/data-plane.ts';
import type { InheritedListener } from '../../contracts/listeners.ts';
import type { BalancerToGuardian, GuardianToBalancer } from '../../contracts/protocol.ts';
import { messageBytesMax, parseFromBalancer } from '../../contracts/protocol-table.ts';
import { assert } from '../../core/assert.ts';
import { LOOP_BEAT_SLOT, LOOPS_MAX, MAIN_BEAT_SLOT, TID_SLOT } from '../../core/beats.ts';
import type { Identity } from '../../core/identity.ts';
import type { ServerStateRecord } from '../../health/server-state.ts';
import { sendDescriptors } from '../../linux/descriptor-channel.ts';
import { SystemError } from '../../linux/errno.ts';
import { closeFd } from '../../linux/files.ts';
import type { Outputs } from '../output/standard-streams.ts';
import { threadState } from '../process-table.ts';
import { BalancerShell, BEAT_FD, CHANNEL_FD } from './balancer-shell.ts';
import {
  LOOP_SILENCE_MS,
  type LoopWatch,
  MAIN_SILENCE_MS,
  observeLoop,
  watchLoop,
} from './beat-monitor.ts';
import { ChildChannel } from './child-channel.ts';
import { askToServe, type Conversation, converse, startConversation } from './conversation.ts';
import { spendLine, startLineBudget } from './line-budget.ts';
import type { EndFault } from './supervision.ts';

/** From the end of its channel to the end of a process, or the other way round. */
const END_MS = 200;

/** From a balancer's word that it failed to its end; it takes 200 ms for its last words. */
const FAILED_MS = 1000;

export type BalancerLaunch = {
  readonly config: BalancerConfig;
  readonly plane: PrivilegedPlane;
  readonly listeners: readonly InheritedListener[];
  /** Gets ready and waits for activate(). */
  readonly standby: boolean;
  readonly servers: readonly ServerStateRecord[];
  readonly orphanMs: number;
  /** What it runs as; null: as this process. */
  readonly identity: Identity | null;
  /** Where its standard output and error go. */
  readonly outputs: Outputs;
};

export type BalancerEvents = {
  message(message: BalancerToGuardian): void;
  /** Told once: it broke the protocol, says nothing any more, and is to be killed. */
  breach(why: string): void;
  /** Told exactly once, after the last message. */
  ended(why: string): void;
};

export class BalancerProcess {
  readonly #shell: BalancerShell;
  /** Of the data plane. */
  readonly #loops: readonly string[];
  readonly #channel: ChildChannel<BalancerToGuardian, GuardianToBalancer>;
  #events: BalancerEvents;
  #conversation: Conversation;
  #lines = startLineBudget(performance.now());
  /** Ids of the listeners it has. */
  #known: ReadonlySet<number>;
  #watches: LoopWatch[] = [];
  #lookedAt = 0;
  #failure: { readonly text: string; readonly fault: EndFault | null } | null = null;
  #ended = false;

  /** `shell`: one that waits already; absent: another is started. */
  constructor(launch: BalancerLaunch, events: BalancerEvents, shell?: BalancerShell) {
    this.#loops = launch.plane.loops;
    assert(this.#loops.length <= LOOPS_MAX, 'every loop has a slot of its own to beat in');
    this.#known = idsOf(launch.listeners);
    this.#events = events;
    this.#shell = (shell ?? new BalancerShell(launch.outputs)).take();
    this.#conversation = startConversation(launch.standby);
    this.#channel = new ChildChannel(
      this.#shell.channel,
      messageBytesMax(itemsOf(launch.config)),
      parseFromBalancer,
      {
        message: (message) => this.#receive(message),
        breach: (why) => this.#onBreach(why),
      },
    );
    this.#watchEnd();
    this.#begin(launch);
  }

  get pid(): number | null {
    return this.#shell.pid;
  }

  /** Resolves when it is gone and all it wrote to its standard streams is passed on. */
  get silent(): Promise<unknown> {
    return this.#shell.silent;
  }

  /** What it said itself before it ended, or broke the protocol by; null: nothing. */
  get failure(): string | null {
    return this.#failure?.text ?? null;
  }

  get fault(): EndFault | null {
    return this.#failure?.fault ?? null;
  }

  #begin({ config, plane, listeners, standby, servers, identity, orphanMs }: BalancerLaunch): void {
    try {
      sendDescriptors(
        this.#shell.descriptors,
        listeners.map(({ fd }) => fd),
      );
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      // It has just ended, and says itself why.
      if (error.code === 'EPIPE') return;
      this.#failure = { text: `It cannot be given its sockets: ${error.message}`, fault: null };
      this.kill();
      return;
    }
    this.send({
      kind: 'start',
      config,
      grant: plane.grant(BEAT_FD),
      beatFd: BEAT_FD,
      channelFd: CHANNEL_FD,
      standby,
      listeners: listeners.map(({ id, purpose }) => ({ id, purpose })),
      servers,
      identity,
      orphanMs,
    });
  }

  /** It changes hands: these are told from now on, and no others. */
  adopt(events: BalancerEvents): void {
    this.#events = events;
  }

  /** Never waits; a message to a process that is gone is dropped, its end is told by `ended`. */
  send(message: GuardianToBalancer): void {
    if (message.kind === 'activate') this.#conversation = askToServe(this.#conversation);
    this.#channel.send(message);
  }

  /**
   * Has it go on by another configuration; it answers with a 'reload' message. Throws SystemError, with
   * nothing said, when the new listeners cannot be sent.
   */
  reload(id: number, config: BalancerConfig, listeners: readonly InheritedListener[]): void {
    if (this.#ended || !this.#channel.isOpen) return;
    const fresh = listeners.filter((one) => !this.#known.has(one.id));
    sendDescriptors(
      this.#shell.descriptors,
      fresh.map(({ fd }) => fd),
    );
    this.#known = idsOf(listeners);
    this.#channel.allow(messageBytesMax(itemsOf(config)));
    this.send({
      kind: 'reload',
      id,
      config,
      listeners: listeners.map((one) => ({ id: one.id, purpose: one.purpose })),
      fresh: fresh.map((one) => one.id),
    });
  }

  #receive(message: BalancerToGuardian): void {
    const conversation = converse(this.#conversation, message.kind);
    if (conversation === null) {
      this.#channel.close();
      this.#onBreach(`"${message.kind}" must not come here`);
      return;
    }
    this.#conversation = conversation;
    if (message.kind === 'failed') {
      this.#failure = { text: message.text, fault: 'failed' };
      setTimeout(() => this.#onBreach('it failed and did not end'), FAILED_MS);
    }
    if (message.kind !== 'log' || this.#admitsLine()) this.#events.message(message);
  }

  /** A line of the log beyond those it may have is left out, and counted. */
  #admitsLine(): boolean {
    const { lost } = this.#lines;
    const { budget, admitted } = spendLine(this.#lines, performance.now());
    this.#lines = budget;
    if (admitted) this.#tellLost(lost);
    return admitted;
  }

  #tellLost(lost: number): void {
    if (lost === 0) return;
    const text = `${lost} lines of the log of balancer ${this.pid} were left out: it says too much`;
    this.#events.message({ kind: 'log', level: 'warning', text });
  }

  #onBreach(why: string): void {
    if (this.#ended) return;
    const text = `It broke the protocol: ${why}`;
    this.#failure = { text, fault: 'breach' };
    this.#events.breach(text);
  }

  /** One ends when its process and its channel have, so that it is heard to its last word. */
  #watchEnd(): void {
    const shell = this.#shell;
    const channel = this.#channel;
    const end = (why: string): void => {
      if (this.#ended) return;
      this.#ended = true;
      channel.close();
      closeFd(shell.descriptors);
      this.#tellLost(this.#lines.lost);
      this.#events.ended(this.#failure?.text ?? why);
    };
    let over = false;
    void shell.over.then(async ({ why, started }) => {
      over = true;
      channel.finish();
      if (started) await Promise.race([channel.closed, setTimeoutPromise(END_MS)]);
      end(why);
    });
    void channel.closed.then(async () => {
      await setTimeoutPromise(END_MS);
      if (!over && !this.#ended) this.#onBreach('it closed its channel');
    });
  }

  kill(): void {
    this.#watches = [];
    this.#shell.kill();
  }

  /** Holds its loops to their beats from now on. */
  watch(): void {
    const now = performance.now();
    this.#lookedAt = now;
    const main = watchLoop('main thread', MAIN_SILENCE_MS, now);
    this.#watches = [main, ...this.#loops.map((name) => watchLoop(name, LOOP_SILENCE_MS, now))];
  }

  /** One look at its beats, planned every `everyMs`; says why it hangs, or null. */
  checkBeats(everyMs: number): string | null {
    const { pid } = this;
    const { beats } = this.#shell;
    const now = performance.now();
    const lateMs = Math.max(0, now - this.#lookedAt - 2 * everyMs);
    this.#lookedAt = now;
    if (pid === null) return null;
    let hung: string | null = null;
    this.#watches = this.#watches.map((watch, index) => {
      const slot = index === 0 ? MAIN_BEAT_SLOT : LOOP_BEAT_SLOT + index - 1;
      const thread = () => threadState(pid, beats[TID_SLOT + slot] ?? 0);
      const verdict = observeLoop(watch, beats[slot] ?? 0, now, lateMs, thread);
      hung ??= verdict.hung;
      return verdict.watch;
    });
    return hung;
  }
}

function idsOf(listeners: readonly InheritedListener[]): ReadonlySet<number> {
  const ids = new Set(listeners.map(({ id }) => id));
  assert(ids.size === listeners.length, 'a balancer has each listener once');
  return ids;
}

function itemsOf({ frontends, httpFrontends, backends }: BalancerConfig): number {
  const servers = backends.reduce((sum, backend) => sum + backend.servers.length, 0);
  return frontends.length + httpFrontends.length + backends.length + servers;
}
