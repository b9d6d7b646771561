/**
 * Tells the operator's scripts and pipes of changes of state (keepalived.conf(5), notify, notify_master,
 * ..., notify_fifo). Commands run in the order of the changes, one at a time, and nobody waits for them.
 */

import type {
  ElectionInstanceConfig,
  NotifyCommand,
  NotifyConfig,
  NotifyFifoConfig,
  SyncGroupConfig,
} from '../config/model/election.ts';
import { assert } from '../core/assert.ts';
import type { InstanceStatus } from '../stats/status.ts';
import type { Log } from './log.ts';
import { NotifyFifo } from './notify-fifo.ts';
import { type AccountedCommand, RunningCommand } from './running-command.ts';
import { scriptAccount } from './script-account.ts';

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

type Accounted = Readonly<Record<keyof NotifyConfig, AccountedCommand | null>>;
/** By the name of the instance or group. */
type Commands = ReadonlyMap<string, Accounted>;

export type NotifierConfig = {
  readonly instances: readonly Pick<ElectionInstanceConfig, 'name' | 'notify'>[];
  readonly syncGroups: readonly Pick<SyncGroupConfig, 'name' | 'notify'>[];
  readonly notifyFifos: readonly NotifyFifoConfig[];
};

export class Notifier {
  readonly #log: Log;
  #instances: Commands = new Map();
  #groups: Commands = new Map();
  #fifos: ReadonlyMap<string, NotifyFifo> = new Map();
  readonly #queue: AccountedCommand[] = [];
  #running: RunningCommand | null = null;
  #onIdle: (() => void) | null = null;

  /**
   * Makes the pipes and starts their readers. Throws OperationalError: missing-account, notify-pipe;
   * nothing is left open then.
   */
  constructor(config: NotifierConfig, log: Log) {
    this.#log = log;
    this.change(config).commit();
  }

  /**
   * Gets ready for another configuration; throws as the constructor does. Until commit() or abandon() the
   * instances of both are known: what happens on the way from one to the other is told by the newer.
   */
  change(config: NotifierConfig): { commit(): void; abandon(): void } {
    const [instances, groups] = [commandsOf(config.instances), commandsOf(config.syncGroups)];
    const fifos = new Map<string, NotifyFifo>();
    const opened: NotifyFifo[] = [];
    try {
      for (const fifo of config.notifyFifos) {
        const key = JSON.stringify(fifo);
        const known = this.#fifos.get(key);
        if (known === undefined) opened.push(new NotifyFifo(fifo, this.#log));
        fifos.set(key, known ?? (opened.at(-1) as NotifyFifo));
      }
    } catch (error) {
      for (const fifo of opened) fifo.close();
      throw error;
    }
    const before = { instances: this.#instances, groups: this.#groups };
    this.#instances = new Map([...before.instances, ...instances]);
    this.#groups = new Map([...before.groups, ...groups]);
    return {
      commit: () => {
        this.#instances = instances;
        this.#groups = groups;
        for (const [key, fifo] of this.#fifos) if (!fifos.has(key)) fifo.close();
        this.#fifos = fifos;
      },
      abandon: () => {
        this.#instances = before.instances;
        this.#groups = before.groups;
        for (const fifo of opened) fifo.close();
      },
    };
  }

  /** An instance has changed its state, now with this priority. */
  instance(name: string, state: InstanceStatus['state'], priority: number): void {
    const commands = this.#instances.get(name);
    assert(commands !== undefined, `instance ${name} is configured`);
    this.#tell(commands, KEYS[state], ['INSTANCE', name, WORDS[state], String(priority)]);
  }

  /** The priority of an instance has changed: told to the pipes alone, as keepalived does. */
  priority(name: string, state: 'master' | 'backup', priority: number): void {
    const words = ['INSTANCE', name, `${WORDS[state]}_PRIORITY`, String(priority)];
    for (const fifo of this.#fifos.values()) fifo.write(fifoLine(words));
  }

  /** A master, with this priority, hears one of a lower. */
  rival(name: string, priority: number): void {
    const words = ['INSTANCE', name, 'MASTER_RX_LOWER_PRI', String(priority)];
    for (const fifo of this.#fifos.values()) fifo.write(fifoLine(words));
    this.#enqueue(this.#instances.get(name)?.rival ?? null, []);
  }

  /** A sync group has; groups have no priority. */
  group(name: string, state: InstanceStatus['state']): void {
    const commands = this.#groups.get(name);
    assert(commands !== undefined, `sync group ${name} is configured`);
    this.#tell(commands, KEYS[state], ['GROUP', name, WORDS[state], '0']);
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

  #tell(notify: Accounted, key: keyof NotifyConfig, words: readonly string[]): void {
    for (const fifo of this.#fifos.values()) fifo.write(fifoLine(words));
    this.#enqueue(notify[key], []);
    this.#enqueue(notify.any, words);
  }

  #enqueue(command: AccountedCommand | null, words: readonly string[]): void {
    if (command === null) return;
    if (this.#queue.length >= QUEUE_MAX) {
      const dropped = this.#queue.shift();
      this.#log('warning', `Left out notify script "${dropped?.argv.join(' ')}": too many wait`);
    }
    this.#queue.push({ ...command, argv: [...command.argv, ...words] });
    if (this.#running === null) this.#next();
  }

  #next(): void {
    const queued = this.#queue.shift();
    if (queued === undefined) {
      this.#onIdle?.();
      return;
    }
    const { argv } = queued;
    this.#running = new RunningCommand(queued, COMMAND_MS_MAX, ({ passed, text }) => {
      if (!passed) this.#log('warning', `Notify script "${argv.join(' ')}" failed: ${text}`);
      this.#running = null;
      this.#next();
    });
  }

  #closeFifos(): void {
    for (const fifo of this.#fifos.values()) fifo.close();
    this.#fifos = new Map();
  }
}

/** With the accounts they run as; throws OperationalError: missing-account. */
function commandsOf(
  owners: readonly { readonly name: string; readonly notify: NotifyConfig }[],
): Commands {
  return new Map(
    owners.map(({ name, notify }) => {
      const accounted = (command: NotifyCommand | null): AccountedCommand | null =>
        command === null
          ? null
          : {
              argv: command.argv,
              account: scriptAccount({ ...command, name: `notify of ${name}` }),
              guarded: command.guarded ?? false,
            };
      const { master, backup, fault, stop, any, rival } = notify;
      const commands = {
        master: accounted(master),
        backup: accounted(backup),
        fault: accounted(fault),
        stop: accounted(stop),
        any: accounted(any),
        rival: accounted(rival),
      };
      return [name, commands];
    }),
  );
}

/** `INSTANCE "VI_1" MASTER 100`, as keepalived writes it. */
function fifoLine([kind, name, state, priority]: readonly string[]): string {
  return `${kind} "${name}" ${state} ${priority}\n`;
}
