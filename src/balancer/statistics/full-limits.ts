/** Which limits of connections are reached at this moment, in sentences for `evergate status`. */

import type { BalancerConfig } from '../../config/model/config.ts';
import type { FrontendConfig } from '../../config/model/traffic.ts';
import type { DataPlane } from '../../contracts/data-plane.ts';
import type { Rates } from './rates.ts';

export type LimitSources = {
  readonly config: BalancerConfig;
  readonly plane: Pick<DataPlane, 'counters' | 'limits'>;
  readonly rates: Rates;
};

/** Totals whose growth of the last second tells of clients turned away, under these keys of the rates. */
export const ACCEPT_PAUSES = 'accept pauses';
export const deniedKey = (frontend: string): string => `denied ${frontend}`;

function limitsSources({ sourceRate, connectionRules = [] }: FrontendConfig): boolean {
  return sourceRate !== undefined || connectionRules.some(({ action }) => action === 'track');
}

/** Empty: there is room everywhere, and nobody was turned away in the last second. */
export function fullLimits({ config, plane, rates }: LimitSources): readonly string[] {
  const { counters } = plane;
  const sentences: string[] = [];
  let all = 0;
  for (const [index, frontend] of config.frontends.entries()) {
    const { name, connectionsMax } = frontend;
    const current = counters.frontend(index, 'connectionsCurrent');
    all += current;
    if (connectionsMax > 0 && current >= connectionsMax) {
      sentences.push(
        `Frontend "${name}" has all of its ${connectionsMax} connections: clients wait`,
      );
    }
    const denied = rates.get(deniedKey(name)).current;
    if (limitsSources(frontend) && denied > 0) {
      sentences.push(
        `Frontend "${name}" turned ${denied} connections of the last second away, by its rules and the limit of each source`,
      );
    }
  }
  const { connections } = plane.limits();
  if (all >= connections) {
    sentences.push(`The balancer has all of its ${connections} connections: clients wait`);
  }
  if (rates.get(ACCEPT_PAUSES).current > 0) {
    sentences.push('File descriptors ran out: no client is accepted until some are free again');
  }
  for (const [index, { name, servers }] of config.backends.entries()) {
    const ofServers = servers.map((_, server) => counters.server(index, server, 'queueCurrent'));
    const waiting = ofServers.reduce(
      (sum, one) => sum + one,
      counters.backend(index, 'queueCurrent'),
    );
    if (waiting > 0) {
      sentences.push(`Backend "${name}" has ${waiting} clients waiting for a server with room`);
    }
  }
  return sentences;
}
