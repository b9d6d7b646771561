/** The status report as people read it: aligned columns, worst news first. */

import type {
  BackendStatus,
  CheckerStatus,
  InstanceStatus,
  ServerStatus,
  StatusReport,
} from '../stats/status.ts';
import { explainWait } from '../stats/waits-for.ts';

export function renderStatus(report: StatusReport): string {
  const lines = [
    `${report.node}: ${report.verdict} (Evergate ${report.version}, up ${duration(report.uptimeMs)})`,
    ...report.reasons.map((reason) => `  ! ${reason}`),
    ...report.vrrp.flatMap(renderInstance),
    ...renderRedirects(report),
    ...renderClients(report),
    ...renderBalancer(report),
    ...report.scripts.map(
      ({ kind = 'script', name, passing, lastExit }) =>
        `Tracked ${kind} ${name}: ` +
        `${passing === null ? 'not known yet' : passing ? 'passes' : 'fails'} (${lastExit})`,
    ),
    `Configuration: read ${report.configuration.loadedAt}` +
      (report.configuration.reloads === 0 ? '' : `, ${report.configuration.reloads} reloads`),
    ...report.notes.map((note) => `Note: ${note}`),
  ];
  return `${lines.join('\n')}\n`;
}

function renderInstance(instance: InstanceStatus): string[] {
  const [claim, wire] = renderFigures(instance);
  const drained = instance.lastResort ? ', drained (last resort)' : ', drained';
  const state = `${instance.state}${instance.drained ? drained : ''}`;
  return [
    `${instance.virtualRouterId === undefined ? 'VIP' : 'VRRP'} ${instance.name}: ${state}${claim} on ${instance.interface}`,
    `  master    ${masterText(instance)}`,
    ...(instance.waitsFor === null ? [] : [`  waits     ${explainWait(instance.waitsFor)}`]),
    `  addresses ${instance.addresses.join(' ')} (${instance.held ? 'held here' : 'not here'})`,
    ...wire,
    ...(instance.warnings ?? []).map((warning) => `  warning   ${warning}`),
  ];
}

function masterText({ master, masterName }: InstanceStatus): string {
  if (master === null) return masterName ?? 'nobody heard';
  return masterName === undefined ? master : `${masterName} (${master})`;
}

function renderRedirects({ redirects }: StatusReport): string[] {
  if (redirects === undefined) return [];
  const { table, ports, problem } = redirects;
  const state = problem === null ? `nft table inet ${table}` : 'not now';
  return ports.map(({ from, toPort }) => `Redirect: ${from} to port ${toPort} here (${state})`);
}

function renderClients({ clients }: StatusReport): string[] {
  if (clients === undefined) return [];
  const { told, known, pokes, problem, skipped } = clients;
  return [
    `Clients: ${told} here, others know of them; ${known} of others known here; ${pokes} pokes sent`,
    ...(problem === null ? [] : [`  problem   ${problem}`]),
    ...skipped.map((each) => `  skipped   ${each}`),
  ];
}

/** What VRRP tells of its claim and of the wire; another election tells neither. */
function renderFigures(instance: InstanceStatus): readonly [string, readonly string[]] {
  if (instance.virtualRouterId === undefined) return ['', []];
  const { effectivePriority, priority, virtualRouterId } = instance;
  const changed = effectivePriority === priority ? '' : ` (configured ${priority})`;
  const dropped = Object.entries(instance.dropped).map(([reason, count]) => `${reason} ${count}`);
  return [
    `, priority ${effectivePriority}${changed}, VRID ${virtualRouterId}`,
    [
      `  adverts   ${instance.advertsSent} sent, ${instance.advertsReceived} received`,
      ...(dropped.length === 0 ? [] : [`  dropped   ${dropped.join(', ')}`]),
    ],
  ];
}

function renderBalancer({ balancer }: StatusReport): string[] {
  if (balancer === null) return [];
  const replaced = balancer.restarts === 0 ? '' : `, replaced ${balancer.restarts} times`;
  const last = balancer.lastExit === null ? '' : ` (last: ${balancer.lastExit})`;
  const { spare } = balancer;
  const waiting = spare.state === 'none' ? 'no spare' : `spare ${spare.pid} ${spare.state}`;
  const lines = [
    `Balancer: ${balancer.state}, pid ${balancer.pid ?? '-'}, ${waiting}${replaced}${last}`,
  ];
  if (balancer.retired !== undefined) {
    lines.push(`  balancer ${balancer.retired} finishes the connections it has`);
  }
  if (balancer.checker !== undefined) lines.push(renderChecker(balancer.checker));
  for (const frontend of balancer.report?.frontends ?? []) {
    const { connectionsCurrent: current, connectionsLimit: limit } = frontend;
    // A frontend without a limit of its own has that of the process.
    const open = limit === 0 ? `${current} connections` : `${current} of ${limit} connections`;
    lines.push(
      `  frontend ${frontend.name}: ${open}, ${frontend.connectionsTotal} since start, ` +
        `${bytes(frontend.bytesIn)} in, ${bytes(frontend.bytesOut)} out`,
    );
  }
  for (const backend of balancer.report?.backends ?? []) lines.push(...renderBackend(backend));
  return lines;
}

/** "maint (resolution)" as HAProxy has it for a server whose name has no address. */
function stateOf({ admin, address, check }: ServerStatus): string {
  if (admin !== 'maint' && address === '') return 'maint (resolution)';
  return admin === 'ready' ? check : admin;
}

function renderChecker({ state, pid, restarts, lastExit }: CheckerStatus): string {
  const replaced = restarts === 0 ? '' : `, replaced ${restarts} times`;
  const last = lastExit === null ? '' : ` (last: ${lastExit})`;
  return `  checker ${pid ?? '-'} ${state}${replaced}${last}`;
}

function renderBackend(backend: BackendStatus): string[] {
  const head = `  backend ${backend.name}: ${backend.usableServers} of ${backend.servers.length} servers usable`;
  const rows = backend.servers.map((server) => [
    server.name,
    server.address === '' ? (server.host ?? '-') : server.address,
    stateOf(server),
    server.lastCheck,
    `${server.sessionsCurrent} open`,
    `${server.sessionsTotal} total`,
    server.reason,
  ]);
  const widths = rows.reduce<number[]>(
    (all, row) => row.map((cell, index) => Math.max(cell.length, all[index] ?? 0)),
    [],
  );
  return [
    head,
    ...rows.map(
      (row) =>
        `    ${row
          .map((cell, index) => cell.padEnd(widths[index] ?? 0))
          .join('  ')
          .trimEnd()}`,
    ),
    ...backend.servers.flatMap(renderHedges),
    ...(backend.skew === undefined ? [] : [`    uneven: ${backend.skew}`]),
    ...renderWarnings(backend.servers),
  ];
}

/** One cause, one line, with the servers it touches. */
function renderWarnings(servers: readonly ServerStatus[]): string[] {
  const causes = new Set(servers.flatMap(({ warnings }) => warnings));
  return [...causes].map((cause) => {
    const touched = servers.filter(({ warnings }) => warnings.includes(cause));
    return `    warning: ${cause} (${touched.map(({ name }) => name).join(', ')})`;
  });
}

/** What clients of a slow server cost the others, and what they gained. */
function renderHedges({ name, hedges, hedgesWon, hedgesRefused }: ServerStatus): string[] {
  if (hedges + hedgesWon + hedgesRefused === 0) return [];
  return [
    `    ${name}: hedges: ${hedges} away from it, ${hedgesRefused} refused, ${hedgesWon} won`,
  ];
}

function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return `${days}d ${hours}h`;
  if (hours > 0) return `${hours}h ${minutes}m`;
  if (minutes > 0) return `${minutes}m ${seconds % 60}s`;
  return `${seconds}s`;
}

function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
