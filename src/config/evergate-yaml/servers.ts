/** The servers of evergate.yaml: the apiservers of the nodes, or those that `servers` names. */

import { parseIpAddress } from '../../core/ip-address.ts';
import type { ServerConfig } from '../model/traffic.ts';
import type { CheckPlan } from './check-section.ts';
import { SERVERS_MAX } from './defaults.ts';
import type { Draft } from './draft.ts';
import type { Target } from './listeners.ts';
import type { ServerEntry, ServerKeys } from './schema.ts';
import { toCheckConfig } from './to-check-config.ts';
import type { Path } from './tree.ts';

const SERVER_DEFAULTS: ServerKeys = {
  weight: 1,
  'max-connections': 0,
  slowstart: 30_000,
  'send-proxy': 'none',
  backup: false,
  maintenance: false,
};

export type Listed = Target & { readonly keys: ServerKeys };

/** In the order of the file; complaints are reported. */
export function listServers(draft: Draft): readonly Listed[] {
  const { file, report } = draft;
  const defaultPort = file['apiserver-port'];
  if (file.servers === undefined) {
    return Object.entries(file.nodes).map(([name, { address, hosts, server }]) => {
      const keys = server ?? SERVER_DEFAULTS;
      return { name, host: hosts[0] ?? address[0] ?? '', port: keys.port ?? defaultPort, keys };
    });
  }
  for (const [name, { server }] of Object.entries(file.nodes)) {
    if (server === undefined) continue;
    const text = `"server" of node "${name}" has no place beside "servers", which names the apiservers; remove it`;
    report.error(draft.keyPlace(['nodes', name, 'server']), 'bad-value', text);
  }
  return serversAt(draft, ['servers'], file.servers, defaultPort);
}

/** Of a block of servers; a port that an entry does not name is `defaultPort`. */
export function serversAt(
  draft: Draft,
  path: Path,
  servers: Readonly<Record<string, ServerEntry>>,
  defaultPort: number,
): readonly Listed[] {
  return Object.entries(servers).map(([name, entry]) => {
    if (entry.address.port !== null && entry.port !== undefined) {
      const text = `Server "${name}" has two ports, in its "address" and as "port"; keep one`;
      draft.report.error(draft.keyPlace([...path, name, 'port']), 'duplicate-name', text);
    }
    const port = entry.address.port ?? entry.port ?? defaultPort;
    return { name, host: entry.address.host, port, keys: entry };
  });
}

/** Complains about the number of those that stand at `path`, and about two that are one. */
export function checkServers(draft: Draft, path: Path, servers: readonly Listed[]): void {
  const { report } = draft;
  if (!draft.has(path)) return;
  if (servers.length === 0 || servers.length > SERVERS_MAX) {
    const text = `"${path.join('.')}" names ${servers.length} servers; give 1 to ${SERVERS_MAX}`;
    report.error(draft.keyPlace(path), 'missing-value', text);
  }
  const owners = new Map<string, string>();
  for (const { name, host, port } of servers) {
    const owner = owners.get(`${host} ${port}`);
    owners.set(`${host} ${port}`, owner ?? name);
    if (owner === undefined) continue;
    const text = `Servers "${owner}" and "${name}" are the same, ${host} port ${port}; remove one`;
    report.error(draft.keyPlace([...path, name]), 'duplicate-name', text);
  }
}

/** A name may lead elsewhere at any time; it is asked for as the system does it. */
function nameOf(host: string): Pick<ServerConfig, 'resolution'> {
  if (parseIpAddress(host).ok) return {};
  const initial = [{ kind: 'system' }] as const;
  const shares = true;
  return {
    resolution: {
      kind: 'addresses',
      resolvers: null,
      prefer: 'ipv4',
      shares,
      initial,
      initialHost: null,
    },
  };
}

export function toServer(
  draft: Draft,
  { name, host, port, keys }: Listed,
  check: CheckPlan | { readonly follows: string },
): ServerConfig {
  const vips = (draft.file.vip ?? []).map(({ address }) => address);
  return {
    name,
    host,
    port,
    ...nameOf(host),
    weight: keys.weight,
    connectionsMax: keys['max-connections'],
    backup: keys.backup,
    disabled: keys.maintenance,
    ...('follows' in check
      ? { check: null, follows: { backend: check.follows, server: name } }
      : { check: toCheckConfig(check, host, vips) }),
    userTimeoutMs: draft.file.tcp['user-timeout'],
    ...(keys.slowstart > 0 ? { slowstartMs: keys.slowstart } : {}),
    ...(keys['send-proxy'] === 'none' ? {} : { sendProxy: keys['send-proxy'] === 'v1' ? 1 : 2 }),
    ...(draft.file.source === 'client'
      ? { transparent: { kind: 'client', withPort: false } as const }
      : {}),
    shutdownSessionsOnDown: true,
  };
}
