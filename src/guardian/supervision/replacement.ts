/**
 * A balancer that takes another's place while that one is well: started beside it, and it serves before the other lets
 * go. Clients wait for nobody, and connections that are open stay where they are.
 */

import { setTimeout as setTimeoutPromise } from 'node:timers/promises';
import type { ServerStateRecord } from '../../health/server-state.ts';
import type { Log } from '../log.ts';
import { type BalancerLaunch, BalancerProcess } from './balancer-process.ts';

export type ReplacementOptions = {
  readonly launch: Omit<BalancerLaunch, 'standby' | 'servers'>;
  /** Where the servers are when it begins to serve. */
  readonly servers: () => readonly ServerStateRecord[];
  readonly log: Log;
  /** From its start until it serves. */
  readonly limitMs: number;
};

/** One that serves, and whose events nobody is told yet; or why there is none, with nothing left of it. */
export async function startReplacement({
  launch,
  servers,
  log,
  limitMs,
}: ReplacementOptions): Promise<BalancerProcess | string> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const balancer: BalancerProcess = new BalancerProcess(
    { ...launch, standby: true, servers: [] },
    {
      message: (message) => {
        if (message.kind === 'log') log(message.level, message.text, message.detail);
        if (message.kind === 'prepared') balancer.send({ kind: 'activate', servers: servers() });
        if (message.kind === 'serving') resolve(null);
      },
      breach: resolve,
      ended: resolve,
    },
  );
  const over = new AbortController();
  const late = setTimeoutPromise(limitMs, `It did not serve within ${limitMs} ms`, over);
  const problem = await Promise.race([promise, late.catch(() => null)]);
  over.abort();
  if (problem === null) return balancer;
  balancer.adopt({ message: () => {}, breach: () => {}, ended: () => {} });
  balancer.kill();
  return `The balancer that was to take over failed: ${problem}`;
}
