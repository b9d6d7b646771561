/**
 * Puts addresses where a configuration gives host names: servers and log targets. Once, at the
 * start, as HAProxy does (its configuration manual, "init-addr"); an address that changes later needs a
 * reload.
 */

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Diagnostic } from '../config/diagnostics.ts';
import type { BalancerConfig, Config } from '../config/model/config.ts';
import type { LogTarget } from '../config/model/process.ts';
import type { BackendConfig } from '../config/model/traffic.ts';
import { OperationalError } from '../core/errors.ts';

/** The first address of a name, IPv4 before IPv6; rejects when there is none. */
export type Lookup = (host: string) => Promise<string>;

export type ResolvedBalancer = {
  readonly config: BalancerConfig;
  readonly diagnostics: readonly Diagnostic[];
};

const LOOKUP_TIMEOUT_MS = 5000;

/** getaddrinfo(3), so that /etc/hosts counts too. */
export async function lookupHost(host: string): Promise<string> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => timeout.reject(new Error(`no answer within ${LOOKUP_TIMEOUT_MS / 1000} s`)),
    LOOKUP_TIMEOUT_MS,
  );
  try {
    const found = await Promise.race([lookup(host, { order: 'ipv4first' }), timeout.promise]);
    return found.address;
  } finally {
    clearTimeout(timer);
  }
}

/** Names with what they are for, in the order of the file. */
function findNames(config: BalancerConfig): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const add = (host: string, use: string): void => {
    if (isIP(host) === 0 && !names.has(host)) names.set(host, use);
  };
  for (const backend of config.backends) {
    for (const server of backend.servers) {
      add(server.host, `server "${backend.name}/${server.name}"`);
    }
  }
  const logs = [
    ...config.process.logs,
    ...config.frontends.flatMap((frontend) => frontend.log.targets),
    ...config.backends.flatMap((backend) => backend.logs),
  ];
  for (const { address } of logs) {
    if (address.kind === 'udp') add(address.host, '"log"');
  }
  return names;
}

function withAddresses(config: BalancerConfig, addresses: ReadonlyMap<string, string>) {
  const resolve = (host: string): string => addresses.get(host) ?? host;
  const logs = (targets: readonly LogTarget[]): readonly LogTarget[] =>
    targets.map((target) => {
      const { address } = target;
      if (address.kind !== 'udp') return target;
      return { ...target, address: { ...address, host: resolve(address.host) } };
    });
  const backends = config.backends.map((backend): BackendConfig => {
    const servers = backend.servers.map((server) => ({ ...server, host: resolve(server.host) }));
    return { ...backend, servers, logs: logs(backend.logs) };
  });
  const frontends = config.frontends.map((frontend) => {
    const { log } = frontend;
    return { ...frontend, log: { ...log, targets: logs(log.targets) } };
  });
  const { process } = config;
  return { ...config, process: { ...process, logs: logs(process.logs) }, frontends, backends };
}

/**
 * A name without an address is a warning about the file as a whole, and stays in the configuration: the
 * file may be checked on a machine that is not to run it. See refuseNames().
 */
export async function resolveHosts(
  file: string,
  config: BalancerConfig,
  find: Lookup,
): Promise<ResolvedBalancer> {
  const names = [...findNames(config)];
  if (names.length === 0) return { config, diagnostics: [] };
  const diagnostics: Diagnostic[] = [];
  const outcomes = await Promise.allSettled(names.map(([host]) => find(host)));
  const addresses = new Map<string, string>();
  for (const [index, [host, use]] of names.entries()) {
    const outcome = outcomes[index];
    if (outcome?.status === 'fulfilled') {
      addresses.set(host, outcome.value);
      continue;
    }
    const cause: unknown = outcome?.reason;
    const why = cause instanceof Error ? ` (${cause.message})` : '';
    const text = `The host "${host}" of ${use} has no address here${why}`;
    diagnostics.push({ file, line: 0, column: 0, severity: 'warning', text, code: 'unknown-name' });
  }
  return { config: withAddresses(config, addresses), diagnostics };
}

/**
 * Leaves servers and log targets without an address out, and says so, so that one name does not keep the rest
 * from being served; a backend that would have no server left keeps all. `evergate reload` looks again.
 */
export function leaveOutNames(config: BalancerConfig): {
  readonly config: BalancerConfig;
  readonly notes: readonly string[];
} {
  const notes: string[] = [];
  const known = (host: string, what: string): boolean => {
    if (isIP(host) !== 0) return true;
    notes.push(`${what} is left out: its host "${host}" has no address; reload to look again`);
    return false;
  };
  const logs = (targets: readonly LogTarget[]): readonly LogTarget[] =>
    targets.filter(({ address }) => address.kind !== 'udp' || isIP(address.host) !== 0);
  const process = {
    ...config.process,
    logs: config.process.logs.filter(
      ({ address }) => address.kind !== 'udp' || known(address.host, 'A log target'),
    ),
  };
  const frontends = config.frontends.map((frontend) => {
    const { log } = frontend;
    return { ...frontend, log: { ...log, targets: logs(log.targets) } };
  });
  const backends = config.backends.map((backend): BackendConfig => {
    const { name, servers } = backend;
    const usable = servers.some(({ host }) => isIP(host) !== 0)
      ? servers.filter((server) => known(server.host, `Server "${name}/${server.name}"`))
      : servers;
    return { ...backend, servers: usable, logs: logs(backend.logs) };
  });
  return { config: { ...config, process, frontends, backends }, notes };
}

/** Throws OperationalError (cannot-resolve) when a name has been left without an address. */
export function refuseNames({ balancer }: Config): void {
  const [first] = balancer === null ? [] : findNames(balancer);
  if (first === undefined) return;
  const [host, use] = first;
  throw new OperationalError(
    'cannot-resolve',
    `The host "${host}" of ${use} has no address; write a numeric one, or the name into /etc/hosts`,
  );
}
