/**
 * Tells the operator's scripts and pipes of changes of state (keepalived.conf(5), notify, notify_master,
 * ..., notify_fifo). Commands run in the order of the changes, one at a time, and nobody waits for them.
 */

import type {
  NotifyCommand,
  NotifyConfig,
  NotifyFifoConfig,
  SyncGroupConfig,
  VrrpInstanceConfig,
} from '../config/model.ts';
import { assert } from '../core/assert.ts';
import type { InstanceStatus } from '../stats/status.ts';
import type { Log } from './log.ts';
import { NotifyFifo } from './notify-fifo.ts';
import { RunningCommand } from './running-command.ts';
import { type ScriptAccount, scriptAccount } from './script-account.ts';

/** Commands that wait; above it the oldest is left out: the newest states matter. */
const QUEUE_MAX = 256;
/** A command that hangs must not keep the news of later changes for ever. */
const COMMAND_MS_MAX = 60_000;

/** keepalived's words for our states. */
const WORDS: Readonly<Record<InstanceStatus['state'], string>> = {
  initialize: 'STOP',
  backup: 'BACKUP',
  master: 'MASTER',
  fault: 'FAULT',
};

const KEYS = {
  initialize: 'stop',
  backup: 'backup',
  master: 'master',
  fault: 'fault',
} as const;

type Queued = { readonly argv: readonly string[]; readonly account: ScriptAccount | null };

export type NotifierConfig = {
  readonly instances: readonly Pick<VrrpInstanceConfig, 'name' | 'notify'>[];
  readonly syncGroups: readonly Pick<SyncGroupConfig, 'name' | 'notify'>[];
  readonly notifyFifos: readonly NotifyFifoConfig[];
};

export class Notifier {
  readonly #config: NotifierConfig;
  readonly #log: Log;
  readonly #accounts = new Map<NotifyCommand, ScriptAccount | null>();
  readonly #fifos: NotifyFifo[] = [];
  readonly #queue: Queued[] = [];
  #running: RunningCommand | null = null;
  #onIdle: (() => void) | null = null;

  /**
   * Makes the pipes and starts their readers. Throws OperationalError: missing-account, notify-pipe;
   * nothing is left open then.
   */
  constructor(config: NotifierConfig, log: Log) {
    this.#config = config;
    this.#log = log;
    for (const { name, notify } of [...config.instances, ...config.syncGroups]) {
      for (const command of Object.values(notify)) {
        if (command === null) continue;
        this.#accounts.set(command, scriptAccount({ ...command, name: `notify of ${name}` }));
      }
    }
    try {
      for (const fifo of config.notifyFifos) this.#fifos.push(new NotifyFifo(fifo, log));
    } catch (error) {
      this.#closeFifos();
      throw error;
    }
  }

  /** An instance has changed its state, now with this priority. */
  instance(name: string, state: InstanceStatus['state'], priority: number): void {
    const instance = this.#config.instances.find((candidate) => candidate.name === name);
    assert(instance !== undefined, `instance ${name} is configured`);
    this.#tell(instance.notify, KEYS[state], ['INSTANCE', name, WORDS[state], String(priority)]);
  }

  /** A sync group has; groups have no priority. */
  group(name: string, state: InstanceStatus['state']): void {
    const group = this.#config.syncGroups.find((candidate) => candidate.name === name);
    assert(group !== undefined, `sync group ${name} is configured`);
    this.#tell(group.notify, KEYS[state], ['GROUP', name, WORDS[state], '0']);
  }

  /** Lets what waits run for at most `graceMs`; a command under way then goes on alone. */
  async close(graceMs: number): Promise<void> {
    if (this.#running !== null) {
      const over = Promise.withResolvers<void>();
      this.#onIdle = over.resolve;
      const timer = setTimeout(over.resolve, graceMs);
      await over.promise;
      clearTimeout(timer);
    }
    if (this.#queue.length > 0) {
      this.#log('warning', `Left out ${this.#queue.length} notify scripts: earlier ones still run`);
      this.#queue.length = 0;
    }
    this.#running?.unref();
    this.#closeFifos();
  }

  #tell(notify: NotifyConfig, key: keyof NotifyConfig, words: readonly string[]): void {
    for (const fifo of this.#fifos) fifo.write(fifoLine(words));
    this.#enqueue(notify[key], []);
    this.#enqueue(notify.any, words);
  }

  #enqueue(command: NotifyCommand | null, words: readonly string[]): void {
    if (command === null) return;
    if (this.#queue.length >= QUEUE_MAX) {
      const dropped = this.#queue.shift();
      this.#log('warning', `Left out notify script "${dropped?.argv.join(' ')}": too many wait`);
    }
    const account = this.#accounts.get(command) ?? null;
    this.#queue.push({ argv: [...command.argv, ...words], account });
    if (this.#running === null) this.#next();
  }

  #next(): void {
    const queued = this.#queue.shift();
    if (queued === undefined) {
      this.#onIdle?.();
      return;
    }
    const { argv, account } = queued;
    this.#running = new RunningCommand(argv, account, COMMAND_MS_MAX, ({ passed, text }) => {
      if (!passed) this.#log('warning', `Notify script "${argv.join(' ')}" failed: ${text}`);
      this.#running = null;
      this.#next();
    });
  }

  #closeFifos(): void {
    for (const fifo of this.#fifos) fifo.close();
    this.#fifos.length = 0;
  }
}

/** `INSTANCE "VI_1" MASTER 100`, as keepalived writes it. */
function fifoLine([kind, name, state, priority]: readonly string[]): string {
  return `${kind} "${name}" ${state} ${priority}\n`;
}
