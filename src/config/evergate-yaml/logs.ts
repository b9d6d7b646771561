/** The `logs` section: targets as haproxy.cfg's `log` lines have them. */

import { parseEndpoint } from '../haproxy/address.ts';
import { FACILITIES, LEVELS } from '../haproxy/convert-log.ts';
import type { LogTarget } from '../model/process.ts';
import type { Draft } from './draft.ts';

const SYSLOG_PORT = 514;

type LogTo = LogTarget['address'];

/** null after an error. */
function toLogAddress(draft: Draft, to: string, index: number): LogTo | null {
  if (to === 'stderr' || to === 'stdout') return { kind: to };
  const endpoint = parseEndpoint(to);
  const port = endpoint.ok && 'port' in endpoint.value ? endpoint.value.port : null;
  const number = port === null || port === '' ? SYSLOG_PORT : Number(port);
  if (endpoint.ok && endpoint.value.kind === 'unix' && !to.includes('@')) {
    return { kind: 'unix', path: endpoint.value.path };
  }
  const usable =
    endpoint.ok &&
    !to.includes('@') &&
    endpoint.value.kind !== 'other' &&
    number >= 1 &&
    number <= 65_535;
  if (usable && 'host' in endpoint.value) {
    return { kind: 'udp', host: endpoint.value.host, port: number };
  }
  const text = `"logs[${index + 1}].to": "${to}" is no target; write stderr, /dev/log or 127.0.0.1:514`;
  draft.report.error(draft.place(['logs', index, 'to']), 'bad-value', text);
  return null;
}

export type Logs = {
  readonly events: readonly LogTarget[];
  readonly connections: readonly LogTarget[];
};

/** Targets of the file; complaints are reported. */
export function toLogs(draft: Draft): Logs {
  const events: LogTarget[] = [];
  const connections: LogTarget[] = [];
  for (const [index, log] of draft.file.logs.entries()) {
    const address = toLogAddress(draft, log.to, index);
    if (address === null) continue;
    const standard = address.kind === 'stderr' || address.kind === 'stdout';
    const target: LogTarget = {
      address,
      format: standard ? 'short' : 'rfc3164',
      facility: FACILITIES.indexOf(log.facility),
      levelMax: LEVELS.indexOf(log.level),
      levelMin: 0,
    };
    events.push(target);
    if (log.connections) connections.push(target);
  }
  return { events, connections };
}
