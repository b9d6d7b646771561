/**
 * The balancer process from the guardian's point of view: messages in, messages out, and an end for every
 * case. What is to happen when is decided in lifecycle.ts; here it is carried out. Knows nothing of how bytes
 * move: the data plane is handed in.
 */

import type { StartDataPlane } from '../contracts/data-plane.ts';
import { serverDetail } from '../contracts/events.ts';
import type { BalancerToGuardian, GuardianToBalancer } from '../contracts/protocol.ts';
import { cutLine } from '../contracts/protocol-table.ts';
import { BALANCER_TITLE } from '../contracts/run-directory.ts';
import { assert } from '../core/assert.ts';
import { Balancer } from './balancer.ts';
import {
  LIFECYCLE_START,
  type LifecycleEffect,
  type LifecycleEvent,
  type LifecycleMessage,
  type LifecycleTask,
  lifecycleStep,
  type StartMessage,
} from './lifecycle.ts';
import { ReloadRequests } from './reload-requests.ts';

/** The process around a balancer, as far as it needs one. */
export type BalancerHost = {
  readonly startDataPlane: StartDataPlane;
  /** Messages to a guardian that is gone are dropped; `sent` is called in every case. */
  send(message: BalancerToGuardian, sent?: () => void): void;
  onMessage(listener: (message: GuardianToBalancer) => void): void;
  onDisconnect(listener: () => void): void;
  /** SIGTERM: it has a meaning only once the guardian is gone. */
  onTerminate(listener: () => void): void;
  /**
   * Once all is ready that needs rights; a sentence about those that could not be given up, or null. `startsThreads`:
   * this process has some to start yet, and startNothingMore() follows when it has.
   */
  confine(startsThreads: boolean): Promise<string | null>;
  /** As confine(), of the right that was left. */
  startNothingMore(): string | null;
  exit(code: number): void;
  /** The process title, as `ps` shows it. */
  setTitle(title: string): void;
};

/** Waits for 'start' and runs to the end of the process. */
export function runBalancer(host: BalancerHost): { fail(text: string): void } {
  const run = new BalancerRun(host);
  host.onMessage((message) => {
    try {
      run.receive(message);
    } catch (error) {
      run.fail(textOf(error));
    }
  });
  host.onDisconnect(() => run.dispatch({ kind: 'guardian-gone' }));
  host.onTerminate(() => run.dispatch({ kind: 'terminated' }));
  return { fail: (text) => run.fail(text) };
}

class BalancerRun {
  readonly #host: BalancerHost;
  readonly #reloads: ReloadRequests;
  #state = LIFECYCLE_START;
  #balancer: Balancer | null = null;
  #orphanEnd: NodeJS.Timeout | undefined;

  constructor(host: BalancerHost) {
    this.#host = host;
    this.#reloads = new ReloadRequests((id) => host.send({ kind: 'ask-reload', id }));
  }

  receive(message: GuardianToBalancer): void {
    switch (message.kind) {
      case 'start':
      case 'activate':
      case 'reload':
      case 'retire':
      case 'stop':
        this.dispatch(message);
        break;
      default:
        this.#answer(message);
    }
  }

  fail(text: string): void {
    this.dispatch({ kind: 'failed', text });
  }

  dispatch(event: LifecycleEvent): void {
    const step = lifecycleStep(this.#state, event);
    this.#state = step.state;
    for (const effect of step.effects) this.#perform(effect);
  }

  #perform(effect: LifecycleEffect): void {
    const host = this.#host;
    switch (effect.kind) {
      case 'create':
        this.#balancer = this.#create(effect.message);
        break;
      case 'carry-out':
        this.#carryOut(effect.task).then(
          () => this.dispatch({ kind: 'task-done' }),
          (error) => this.fail(textOf(error)),
        );
        break;
      case 'tell':
        host.send({ kind: effect.what });
        break;
      case 'take-title':
        host.setTitle(BALANCER_TITLE);
        break;
      case 'start-orphan-time':
        this.#orphanEnd = setTimeout(() => this.dispatch({ kind: 'orphan-time-over' }), effect.ms);
        break;
      case 'end-orphan-time':
        clearTimeout(this.#orphanEnd);
        break;
      case 'stop':
        this.#finish(this.#active.stop(effect.graceMs));
        break;
      case 'retire':
        this.#finish(this.#active.retire(effect.closes));
        break;
      case 'give-up':
        host.send({ kind: 'failed', text: cutLine(effect.text) }, () => host.exit(1));
        // The verdict is out; what can still be closed is closed, whatever state it is in.
        this.#balancer?.stop(0).catch(() => {});
        break;
      case 'exit':
        host.exit(effect.code);
        break;
    }
  }

  get #active(): Balancer {
    assert(this.#balancer !== null, 'a balancer is created before it is used');
    return this.#balancer;
  }

  #create(message: StartMessage): Balancer {
    return new Balancer(message, {
      servers: (servers) => this.#host.send({ kind: 'servers', servers }),
      log: (level, text, change) => {
        const detail = change === undefined ? {} : { detail: serverDetail(change) };
        this.#host.send({ kind: 'log', level, text: cutLine(text), ...detail });
      },
      failed: (text) => this.fail(text),
      check: (asked) => this.#host.send(asked),
      askReload: () => this.#reloads.ask(),
    });
  }

  async #carryOut(task: LifecycleTask): Promise<void> {
    switch (task.kind) {
      case 'prepare':
        await this.#active.prepare(this.#host.startDataPlane);
        return this.#confine();
      case 'activate':
        return this.#active.activate(task.servers);
      case 'reload': {
        const { error, ended } = await this.#active.reload(task.message);
        const told = error === null ? null : cutLine(error);
        this.#host.send({ kind: 'reload', id: task.message.id, error: told, ended });
      }
    }
  }

  async #confine(): Promise<void> {
    const { lateThreads } = this.#active;
    const tell = (problem: string | null): void => {
      if (problem !== null) this.#host.send({ kind: 'log', level: 'warning', text: problem });
    };
    tell(await this.#host.confine(lateThreads !== null));
    void lateThreads?.then(() => tell(this.#host.startNothingMore()));
  }

  #finish(stopped: Promise<void>): void {
    stopped.then(
      () => this.dispatch({ kind: 'stopped', clean: true }),
      () => this.dispatch({ kind: 'stopped', clean: false }),
    );
  }

  /** Questions, and news that change nothing about this process's life. */
  #answer(message: Exclude<GuardianToBalancer, LifecycleMessage>): void {
    const balancer = this.#balancer;
    switch (message.kind) {
      case 'reload-told':
        this.#reloads.answer(message.id, message.text);
        break;
      case 'report': {
        // Before it serves there is nothing to report; the guardian gives up waiting by itself.
        const report = balancer?.report() ?? null;
        if (report !== null) this.#host.send({ kind: 'report', id: message.id, report });
        break;
      }
      case 'checked':
        balancer?.noteChecked(message.id, message.result);
        break;
      case 'facts':
        balancer?.keepFacts(message.facts);
        break;
      case 'set-server': {
        const { id, backend, server, admin } = message;
        const error =
          balancer === null
            ? 'The balancer does not serve yet'
            : balancer.setServer(backend, server, admin);
        const told = error === null ? null : cutLine(error);
        this.#host.send({ kind: 'set-server', id, error: told });
        break;
      }
    }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
