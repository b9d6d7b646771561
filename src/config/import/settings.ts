/** What evergate.yaml says once for all services: algorithm, timeouts, attempts. */

import { algorithmOf } from '../../balance/algorithms.ts';
import type { BackendConfig, FrontendConfig } from '../model/traffic.ts';
import type { ImportDraft, Scalar } from './draft.ts';
import { durationText } from './draft.ts';
import type { HaproxyLines } from './haproxy-lines.ts';
import type { Place } from './remarks.ts';
import { isSame } from './same.ts';

/** A frontend with a backend that its clients go to. */
export type OldService = {
  readonly frontend: FrontendConfig;
  readonly backend: BackendConfig;
  /** Only those go there whose hello has one of these; empty: all others. */
  readonly names: readonly string[];
};

type Row = {
  readonly path: readonly string[];
  /** Directives that say it, in the frontend or the backend. */
  readonly frontend?: readonly string[];
  readonly backend?: readonly string[];
  readonly of: (service: OldService) => Scalar;
  /** ms: the bounds of a duration. Absent: no duration. */
  readonly min?: number;
  readonly max?: number;
  readonly why: string;
};

const HOUR_MS = 3_600_000;
/** Longest value of `timeouts.idle`. */
const WEEK_MS = 168 * HOUR_MS;
/** Kernel's own, tcp(7). */
const KERNEL_KEEPALIVE = { idleMs: 2 * HOUR_MS, intervalMs: 75_000, probes: 9 };

/** 0 is no limit. */
function shorter(...times: readonly (number | null)[]): number {
  const limits = times.filter((time): time is number => time !== null && time > 0);
  return limits.length === 0 ? 0 : Math.min(...limits);
}

function silence({ frontend, backend }: OldService): number {
  return shorter(frontend.clientTimeoutMs, backend.serverTimeoutMs);
}

function keepalive({ frontend, backend }: OldService) {
  const said = frontend.keepalive ?? backend.keepalive ?? null;
  if (said === null) return null;
  return {
    idleMs: said.idleMs ?? KERNEL_KEEPALIVE.idleMs,
    intervalMs: said.intervalMs ?? KERNEL_KEEPALIVE.intervalMs,
    probes: said.probes ?? KERNEL_KEEPALIVE.probes,
  };
}

const CLIENT_AND_SERVER = { frontend: ['timeout client'], backend: ['timeout server'] };
const PROBED = {
  frontend: ['option clitcpka', 'option tcpka'],
  backend: ['option srvtcpka', 'option tcpka'],
};

const ROWS: readonly Row[] = [
  {
    path: ['balance'],
    backend: ['balance'],
    of: ({ backend }) => backend.balance.kind,
    why: 'connections to apiservers live for hours, and counting them keeps long watches even',
  },
  {
    path: ['hash'],
    backend: ['hash-type'],
    of: ({ backend }) => ('hash' in backend.balance && backend.balance.hash) || 'map-based',
    why: 'it belongs to "balance: source"',
  },
  {
    path: ['retries'],
    backend: ['retries'],
    of: ({ backend }) => Math.min(backend.retries, 100),
    why: 'a client is given up after four servers',
  },
  {
    path: ['timeouts', 'connect'],
    backend: ['timeout connect'],
    of: ({ backend }) => backend.connectTimeoutMs,
    min: 10,
    max: 60_000,
    why: 'in a network of one site a connect that takes longer will not come',
  },
  {
    path: ['timeouts', 'queue'],
    backend: ['timeout queue', 'timeout connect'],
    of: ({ backend }) => backend.queueTimeoutMs ?? backend.connectTimeoutMs,
    min: 10,
    max: HOUR_MS,
    why: 'after a failover all clients come at once, and those that wait are served in a few seconds',
  },
  {
    path: ['timeouts', 'handshake'],
    ...CLIENT_AND_SERVER,
    of: silence,
    min: 1000,
    max: HOUR_MS,
    why: 'it only concerns connections in which not both sides have spoken',
  },
  {
    path: ['timeouts', 'idle'],
    backend: ['timeout tunnel', 'timeout server'],
    of: (service) => service.backend.tunnelTimeoutMs ?? silence(service),
    min: 1000,
    max: WEEK_MS,
    why: 'idle watches and "kubectl logs -f" are cut by shorter ones; 4h is the limit of the kubelet',
  },
  {
    path: ['timeouts', 'half-closed'],
    frontend: ['timeout client-fin', 'timeout client'],
    backend: ['timeout server-fin', 'timeout server'],
    of: (service) => {
      const { frontend, backend } = service;
      const rest = shorter(backend.tunnelTimeoutMs, null) || silence(service);
      return shorter(frontend.clientFinTimeoutMs, backend.serverFinTimeoutMs) || rest;
    },
    min: 1000,
    max: HOUR_MS,
    why: 'a side that has ended its half mostly waits for nothing more',
  },
];

const TCP_ROWS: readonly Row[] = [
  {
    path: ['tcp', 'keepalive-idle'],
    ...PROBED,
    of: (service) => keepalive(service)?.idleMs ?? 0,
    min: 1000,
    max: 9 * HOUR_MS,
    why: 'peers that are gone without a word are found within a minute',
  },
  {
    path: ['tcp', 'keepalive-interval'],
    ...PROBED,
    of: (service) => keepalive(service)?.intervalMs ?? 0,
    min: 1000,
    max: 9 * HOUR_MS,
    why: 'peers that are gone without a word are found within a minute',
  },
  {
    path: ['tcp', 'keepalive-probes'],
    ...PROBED,
    of: (service) => Math.min(keepalive(service)?.probes ?? 1, 100),
    why: 'peers that are gone without a word are found within a minute',
  },
];

/** What HAProxy does not do unless it is asked to, and evergate.yaml does. */
const EXTRAS: readonly {
  readonly path: readonly string[];
  readonly value: Scalar;
  readonly isDuration: boolean;
  readonly why: string;
}[] = [
  {
    path: ['hedge', 'connect'],
    value: 0,
    isDuration: true,
    why: 'a hung apiserver costs a client a fraction of a second, not a timeout',
  },
  {
    path: ['hedge', 'first-answer'],
    value: 0,
    isDuration: true,
    why: 'an apiserver that takes connections and answers nothing is gone past',
  },
  {
    path: ['admission', 'max'],
    value: 0,
    isDuration: false,
    why: 'the crowd after a failover does not storm an apiserver',
  },
];

function placeOf(row: Row, { frontend, backend }: OldService, lines: HaproxyLines): Place | null {
  for (const name of row.backend ?? []) {
    const found = lines.backend(backend.name, [name]);
    if (found !== null) return found;
  }
  for (const name of row.frontend ?? []) {
    const found = lines.frontend(frontend.name, [name]);
    if (found !== null) return found;
  }
  return null;
}

/** Within the bounds of the key; a limit that is not there becomes the longest. */
function bounded(draft: ImportDraft, row: Row, value: Scalar, place: Place | null): Scalar {
  const { path, min, max } = row;
  if (min === undefined || max === undefined || typeof value !== 'number') return value;
  const key = path.join('.');
  const within = value === 0 ? max : Math.min(Math.max(value, min), max);
  if (within === value || draft.modern) return within;
  const was = value === 0 ? 'no limit' : durationText(value);
  draft.remark(
    'changed',
    key,
    place,
    `"${key}" is ${durationText(within)}, as near to ${was} as it goes`,
  );
  return within;
}

function write(
  draft: ImportDraft,
  rows: readonly Row[],
  [first, ...others]: readonly OldService[],
  lines: HaproxyLines,
): void {
  if (first === undefined) return;
  for (const row of rows) {
    const { path, why, min } = row;
    const key = path.join('.');
    const place = placeOf(row, first, lines);
    const isDuration = min !== undefined;
    if (key === 'hash' && algorithmOf(first.backend.balance.kind).withHash === undefined) continue;
    draft.setting({
      path,
      value: bounded(draft, row, row.of(first), place),
      isDuration,
      place,
      why,
    });
    for (const other of others) {
      if (draft.modern || isSame(row.of(other), row.of(first))) continue;
      const show = (value: Scalar): Scalar => (isDuration ? durationText(Number(value)) : value);
      const text =
        `"${key}" is one for all services: that of "${first.frontend.name}", ${show(row.of(first))}, ` +
        `and not the ${show(row.of(other))} of "${other.frontend.name}"`;
      draft.remark('left-out', key, placeOf(row, other, lines), text);
    }
  }
}

/** `services`: the one whose settings are those of the file first. */
export function writeSettings(
  draft: ImportDraft,
  services: readonly OldService[],
  lines: HaproxyLines,
): void {
  write(draft, ROWS, services, lines);
  const [first] = services;
  if (first !== undefined && keepalive(first) !== null) write(draft, TCP_ROWS, services, lines);
  else if (first !== undefined) {
    const text =
      'Peers that are gone without a word are found by TCP keepalive within a minute; before, they were not looked for';
    draft.remark('changed', 'tcp', null, text);
  }
  for (const { path, value, isDuration, why } of EXTRAS) {
    draft.setting({ path, value, isDuration, place: null, why });
  }
  const balance = first?.backend.balance;
  if (balance === undefined || !algorithmOf(balance.kind).sharesRoom) return;
  const why = 'after the restart of an apiserver the others would keep all clients';
  draft.setting({ path: ['rebalance', 'rate'], value: 0, isDuration: false, place: null, why });
}
