/**
 * The balancer process from the guardian's point of view: messages in, messages out, and an end for every
 * case. Knows nothing of how bytes move: the data plane is handed in.
 */

import type { StartDataPlane } from '../contracts/data-plane.ts';
import type { InheritedListener } from '../contracts/listeners.ts';
import type { BalancerToGuardian, GuardianToBalancer } from '../contracts/protocol.ts';
import { BALANCER_TITLE } from '../contracts/run-directory.ts';
import type { ServerStateRecord } from '../health/server-state.ts';
import { SystemError } from '../linux/errno.ts';
import { Balancer, type ReloadMessage } from './balancer.ts';

/** The process around a balancer, as far as it needs one. */
export type BalancerHost = {
  readonly startDataPlane: StartDataPlane;
  /** Messages to a guardian that is gone are dropped; `sent` is called in every case. */
  send(message: BalancerToGuardian, sent?: () => void): void;
  onMessage(listener: (message: GuardianToBalancer) => void): void;
  onDisconnect(listener: () => void): void;
  /** SIGTERM: it has a meaning only once the guardian is gone. */
  onTerminate(listener: () => void): void;
  exit(code: number): void;
  /** The process title, as `ps` shows it. */
  setTitle(title: string): void;
};

/** Waits for 'start' and runs to the end of the process. */
export function runBalancer(host: BalancerHost): { fail(text: string): void } {
  let balancer: Balancer | null = null;
  let ending = false;
  let standby = false;
  let orphanMs = 0;
  let orphanEnd: NodeJS.Timeout | null = null;
  // Steps of its life, one after the other: prepared, active, reloads.
  let steps: Promise<void> = Promise.resolve();
  const asked = new Map<number, (text: string) => void>();
  let nextAsked = 1;

  const fail = (text: string): void => {
    if (ending) return;
    ending = true;
    host.send({ kind: 'failed', text }, () => host.exit(1));
    // The verdict is out; what can still be closed is closed, whatever state it is in.
    balancer?.stop(0).catch(() => {});
  };

  const failWith = (error: unknown): void =>
    fail(error instanceof Error ? error.message : String(error));

  const finish = (how: (active: Balancer) => Promise<void>): void => {
    if (ending) return;
    ending = true;
    const finished = balancer === null ? Promise.resolve() : how(balancer);
    finished.then(
      () => host.exit(0),
      () => host.exit(1),
    );
  };

  const end = (graceMs: number): void => finish((active) => active.stop(graceMs));

  /** Another balancer serves in its place. */
  const retire = (): void => finish((active) => active.retire());

  const start = (message: Extract<GuardianToBalancer, { kind: 'start' }>): void => {
    balancer = new Balancer(message, {
      servers: (servers) => host.send({ kind: 'servers', servers }),
      log: (level, text) => host.send({ kind: 'log', level, text }),
      failed: fail,
      askReload,
    });
    standby = message.standby;
    orphanMs = message.orphanMs;
    steps = balancer.prepare(host.startDataPlane);
    if (standby) settle(steps, 'prepared');
    else activate(message.servers);
  };

  const activate = (servers: readonly ServerStateRecord[]): void => {
    const active = balancer;
    if (active === null) throw new Error('A balancer is activated before it was started');
    standby = false;
    host.setTitle(BALANCER_TITLE);
    // A spare may be called before it is ready: it is still ahead of a new process.
    steps = steps.then(() => active.activate(servers));
    settle(steps, 'serving');
  };

  const reload = (message: ReloadMessage): void => {
    const active = balancer;
    if (active === null) throw new Error('A balancer is reloaded before it was started');
    const tell = (error: string | null, ended: number): void =>
      host.send({ kind: 'reload', id: message.id, error, ended });
    steps = steps.then(async () => {
      if (ending) return;
      let listeners: readonly InheritedListener[];
      try {
        listeners = active.takeListeners(message);
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        tell(error.message, 0);
        return;
      }
      tell(null, await active.reload(message.config, listeners));
    });
    steps.catch(failWith);
  };

  const askReload = (): Promise<string> =>
    new Promise((resolve) => {
      const id = nextAsked++;
      asked.set(id, resolve);
      host.send({ kind: 'ask-reload', id });
    });

  const settle = (step: Promise<void>, kind: 'prepared' | 'serving'): void => {
    step.then(() => {
      if (!ending) host.send({ kind });
    }, failWith);
  };

  const handle = (message: GuardianToBalancer): void => {
    switch (message.kind) {
      case 'start':
        if (balancer !== null) throw new Error('The balancer was started twice');
        start(message);
        break;
      case 'activate':
        activate(message.servers);
        break;
      case 'reload':
        reload(message);
        break;
      case 'reload-told':
        asked.get(message.id)?.(message.text);
        asked.delete(message.id);
        break;
      case 'report': {
        // Before it serves there is nothing to report; the guardian gives up waiting by itself.
        const report = balancer?.report() ?? null;
        if (report !== null) host.send({ kind: 'report', id: message.id, report });
        break;
      }
      case 'facts':
        balancer?.keepFacts(message.facts);
        break;
      case 'set-server': {
        const { id, backend, server, admin } = message;
        const error =
          balancer === null
            ? 'The balancer does not serve yet'
            : balancer.setServer(backend, server, admin);
        host.send({ kind: 'set-server', id, error });
        break;
      }
      case 'stop':
        end(message.graceMs);
        break;
    }
  };

  host.onMessage((message) => {
    try {
      handle(message);
    } catch (error) {
      fail(error instanceof Error ? error.message : String(error));
    }
  });
  host.onDisconnect(() => {
    // A spare serves nobody. An active balancer goes on, so that the VIP is of use until a backup has it or a
    // restarted guardian takes both over.
    if (standby) host.exit(0);
    else orphanEnd = setTimeout(() => end(0), orphanMs);
  });
  host.onTerminate(() => {
    if (orphanEnd === null) return;
    clearTimeout(orphanEnd);
    retire();
  });
  return { fail };
}
