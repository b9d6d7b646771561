/**
 * What differs between two configurations, in words for logs and for the answer to a reload. Secrets are
 * named, never shown. The order is that of the model; what only the place in a file changes is no difference.
 */

import { addressWithPort } from '../core/ip-address.ts';
import { formatDuration, listChanges, valueChanges } from './diff-values.ts';
import { instanceChanges } from './diff-vrrp.ts';
import type { RedirectConfig } from './model/addresses.ts';
import type { BalancerConfig, Config } from './model/config.ts';
import type {
  BackendConfig,
  BindConfig,
  FrontendConfig,
  HttpFrontendConfig,
  ServerConfig,
  ServerName,
} from './model/traffic.ts';
import type { VrrpConfig } from './model/vrrp.ts';

export type ConfigDiff = {
  /** What takes effect at once, in a sentence each. */
  readonly changes: readonly string[];
  /** What takes effect at the next start only. */
  readonly waiting: readonly string[];
  /** Why one cannot follow the other in a process at work; null: it can. */
  readonly refusal: string | null;
};

export function diffConfigs(before: Config, after: Config): ConfigDiff {
  const parts = [
    ['a balancer', before.balancer, after.balancer],
    ['VRRP', before.vrrp, after.vrrp],
  ] as const;
  for (const [what, old, next] of parts) {
    if ((old === null) === (next === null)) continue;
    const verb = old === null ? 'asks for' : 'is without';
    const refusal = `The new configuration ${verb} ${what}; restart Evergate for that`;
    return { changes: [], waiting: [], refusal };
  }
  const balancer =
    before.balancer === null || after.balancer === null
      ? { changes: [], waiting: [] }
      : balancerChanges(before.balancer, after.balancer);
  const vrrp =
    before.vrrp === null || after.vrrp === null ? [] : vrrpChanges(before.vrrp, after.vrrp);
  return {
    changes: [
      ...balancer.changes,
      ...redirectChanges(before, after),
      ...vrrp,
      ...nodeChanges(before, after),
    ],
    waiting: balancer.waiting,
    refusal: null,
  };
}

/** That a secret is another one is said of VRRP. */
function peersText({ peers }: Config): object {
  return { port: peers?.port, clockToleranceMs: peers?.toleranceMs };
}

function nodeChanges(before: Config, after: Config): readonly string[] {
  const [old, next] = [before, after].map(({ nodes = [] }) => nodes);
  return [
    ...listChanges('node', old ?? [], next ?? [], nameOf, (what, one, other) =>
      valueChanges(what, one, other, {
        addresses: { label: 'address', format: (list: readonly string[]) => list.join(' ') },
      }),
    ),
    ...valueChanges('peers', peersText(before), peersText(after), {}),
    ...valueChanges(
      'status',
      { group: before.statusGroup },
      { group: after.statusGroup },
      { group: { label: 'group' } },
    ),
  ];
}

function redirectChanges(before: Config, after: Config): readonly string[] {
  const from = ({ address, port }: RedirectConfig) => addressWithPort(address, port);
  return listChanges(
    'redirect',
    before.redirects ?? [],
    after.redirects ?? [],
    from,
    (what, { toPort }, { toPort: next }) =>
      toPort === next ? [] : [`${what}: port ${toPort} -> ${next}`],
  );
}

function balancerChanges(
  before: BalancerConfig,
  after: BalancerConfig,
): Pick<ConfigDiff, 'changes' | 'waiting'> {
  const {
    relays: oldRelays,
    user: oldUser,
    group: oldGroup,
    spare: oldSpare,
    graceMs: oldGraceMs,
    statsSockets,
    ...rest
  } = before.process;
  const {
    relays,
    user,
    group,
    spare,
    graceMs,
    statsSockets: newSockets,
    ...newRest
  } = after.process;
  const waiting = valueChanges(
    'process',
    { relays: oldRelays, user: oldUser, group: oldGroup, spare: oldSpare, graceMs: oldGraceMs },
    { relays, user, group, spare, graceMs },
    { relays: { label: 'relay threads' }, graceMs: { label: 'grace', format: formatDuration } },
  );
  const changes = [
    ...valueChanges('process', rest, newRest, {
      connectionsMax: { label: 'maxconn' },
      hardStopAfterMs: { label: 'hard-stop-after', format: formatDuration },
      logs: { label: 'log targets' },
    }),
    ...listChanges('stats socket', statsSockets, newSockets, ({ path }) => path, plainChanges),
    ...listChanges('frontend', before.frontends, after.frontends, nameOf, frontendChanges),
    ...listChanges('page', before.httpFrontends, after.httpFrontends, nameOf, pageChanges),
    ...listChanges(
      'resolvers',
      before.resolvers ?? [],
      after.resolvers ?? [],
      nameOf,
      plainChanges,
    ),
    ...listChanges('backend', before.backends, after.backends, nameOf, backendChanges),
  ];
  return { changes, waiting };
}

function nameOf({ name }: { readonly name: string }): string {
  return name;
}

function plainChanges(what: string, before: object, after: object): readonly string[] {
  return valueChanges(what, before, after, {});
}

function frontendChanges(
  what: string,
  { binds, ...before }: FrontendConfig,
  { binds: newBinds, ...after }: FrontendConfig,
): readonly string[] {
  return [
    ...bindChanges(what, binds, newBinds),
    ...valueChanges(what, before, after, {
      connectionsMax: { label: 'maxconn' },
      clientTimeoutMs: { label: 'timeout client', format: formatDuration },
      clientFinTimeoutMs: { label: 'timeout client-fin', format: formatDuration },
      userTimeoutMs: { label: 'TCP user timeout', format: formatDuration },
      acceptProxy: { label: 'accept-proxy' },
      connectionRules: { label: 'rules over connections' },
      sessionRules: { label: 'rules over sessions' },
      inspection: { label: 'rules over what clients say' },
      routes: { label: 'routes to backends' },
      sourceRate: { label: 'limit of each source' },
    }),
  ];
}

function pageChanges(
  what: string,
  { binds, ...before }: HttpFrontendConfig,
  { binds: newBinds, ...after }: HttpFrontendConfig,
): readonly string[] {
  return [
    ...bindChanges(what, binds, newBinds),
    ...valueChanges(what, before, after, {
      connectionsMax: { label: 'maxconn' },
      clientTimeoutMs: { label: 'timeout client', format: formatDuration },
      monitorUri: { label: 'monitor-uri' },
      stats: { label: 'settings of the stats page' },
    }),
  ];
}

function bindChanges(
  what: string,
  before: readonly BindConfig[],
  after: readonly BindConfig[],
): readonly string[] {
  const [old, next] = [before.map(bindText), after.map(bindText)];
  return [
    ...next.filter((bind) => !old.includes(bind)).map((bind) => `${what}: bind ${bind} added`),
    ...old.filter((bind) => !next.includes(bind)).map((bind) => `${what}: bind ${bind} removed`),
  ];
}

function bindText({ address, interface: name, file }: BindConfig): string {
  if (address.kind === 'unix') {
    const { mode = null, user = null, group = null } = file ?? {};
    const owner = user === null && group === null ? '' : ` of ${user ?? ''}:${group ?? ''}`;
    return `${address.path}${mode === null ? '' : ` mode ${mode.toString(8)}`}${owner}`;
  }
  const on = name === undefined ? '' : ` interface ${name}`;
  if (address.kind === 'ipv4') return `${address.host}:${address.port}${on}`;
  return `[${address.host}]:${address.port}${address.v6only ? ' v6only' : ''}${on}`;
}

function backendChanges(
  what: string,
  { servers, ...before }: BackendConfig,
  { servers: newServers, ...after }: BackendConfig,
): readonly string[] {
  const named = (list: readonly ServerConfig[]) =>
    list.map((server) => ({ ...server, place: `${before.name}/${server.name}` }));
  return [
    ...valueChanges(what, before, after, {
      connectTimeoutMs: { label: 'timeout connect', format: formatDuration },
      serverTimeoutMs: { label: 'timeout server', format: formatDuration },
      serverFinTimeoutMs: { label: 'timeout server-fin', format: formatDuration },
      tunnelTimeoutMs: { label: 'timeout tunnel', format: formatDuration },
      queueTimeoutMs: { label: 'timeout queue', format: formatDuration },
      hedgeConnectMs: { label: 'hedge-connect', format: formatDuration },
      hedgeAfterMs: { label: 'hedge-after', format: formatDuration },
      inspection: { label: 'rules over what clients say' },
      allBackups: { label: 'option allbackups' },
      balance: { label: 'balance', format: ({ kind }: { kind: string }) => kind },
      logs: { label: 'log targets' },
      logHealthChecks: { label: 'log-health-checks' },
    }),
    ...listChanges(
      'server',
      named(servers),
      named(newServers),
      ({ place }) => place,
      serverChanges,
    ),
  ];
}

function serverChanges(
  what: string,
  { host, port, resolution, ...before }: ServerConfig,
  { host: newHost, port: newPort, resolution: newResolution, ...after }: ServerConfig,
): readonly string[] {
  const [old, next] = [`${host}:${port}`, `${newHost}:${newPort}`];
  return [
    ...(old === next ? [] : [`${what}: address ${old} -> ${next}`]),
    // Where a name leads is no matter of the files.
    ...valueChanges(
      what,
      { resolution: { ...resolution, initialHost: null } },
      { resolution: { ...newResolution, initialHost: null } },
      { resolution: { label: 'ways to its address' } },
    ),
    ...valueChanges(what, before, after, {
      connectionsMax: { label: 'maxconn' },
      queueMax: { label: 'maxqueue' },
      slowstartMs: { label: 'slowstart', format: formatDuration },
      follows: {
        label: 'track',
        format: ({ backend, server }: ServerName) => `${backend}/${server}`,
      },
      userTimeoutMs: { label: 'TCP user timeout', format: formatDuration },
      sendProxy: { label: 'send-proxy' },
      source: { label: 'source' },
      transparent: { label: 'usesrc' },
      shutdownSessionsOnDown: { label: 'on-marked-down shutdown-sessions' },
      shutdownBackupsOnUp: { label: 'on-marked-up shutdown-backup-sessions' },
    }),
  ];
}

function vrrpChanges(before: VrrpConfig, after: VrrpConfig): readonly string[] {
  const plain = (what: string, old: object, next: object) => valueChanges(what, old, next, {});
  return [
    ...valueChanges('VRRP', { routerId: before.routerId }, { routerId: after.routerId }, {}),
    ...listChanges('VRRP script', before.scripts, after.scripts, nameOf, plain),
    ...listChanges('tracked process', before.processes, after.processes, nameOf, plain),
    ...listChanges('tracked file', before.files, after.files, nameOf, plain),
    ...listChanges('sync group', before.syncGroups, after.syncGroups, nameOf, plain),
    ...listChanges('notify FIFO', before.notifyFifos, after.notifyFifos, ({ path }) => path, plain),
    ...listChanges('VRRP instance', before.instances, after.instances, nameOf, instanceChanges),
  ];
}
