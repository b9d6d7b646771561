/**
 * Looks up what names a configuration gives: the address that each server starts with, where the file asks the system
 * for it, and those of log targets. Where servers are later, the balancer finds out (src/balancer/names/).
 */

import { getServers } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Diagnostic } from '../config/diagnostics.ts';
import type { BalancerConfig } from '../config/model/config.ts';
import type { NameConfig, NameserverConfig, ResolversConfig } from '../config/model/names.ts';
import type { LogTarget } from '../config/model/process.ts';
import type { ServerConfig } from '../config/model/traffic.ts';

/** The first address of a name; rejects when there is none. */
export type Lookup = (host: string, prefer: 'ipv4' | 'ipv6') => Promise<string>;

export type ResolvedBalancer = {
  readonly config: BalancerConfig;
  readonly diagnostics: readonly Diagnostic[];
  /** What the configuration does without, in sentences for the status. */
  readonly notes: readonly string[];
};

const LOOKUP_TIMEOUT_MS = 5000;
const DNS_PORT = 53;

/** getaddrinfo(3), so that /etc/hosts counts too. */
export async function lookupHost(host: string, prefer: 'ipv4' | 'ipv6'): Promise<string> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => timeout.reject(new Error(`no answer within ${LOOKUP_TIMEOUT_MS / 1000} s`)),
    LOOKUP_TIMEOUT_MS,
  );
  try {
    const order = prefer === 'ipv4' ? 'ipv4first' : 'ipv6first';
    const found = await Promise.race([lookup(host, { order }), timeout.promise]);
    return found.address;
  } finally {
    clearTimeout(timer);
  }
}

type Wanted = {
  readonly host: string;
  readonly prefer: 'ipv4' | 'ipv6';
  /** What it is for, in a sentence. */
  readonly use: string;
  /** What follows when it has no address. */
  readonly otherwise: string;
};

function keyOf({ host, prefer }: Pick<Wanted, 'host' | 'prefer'>): string {
  return `${host} ${prefer}`;
}

/** Whether the system is asked before another way to a first address ends the search. */
function asksSystem({ kind, initial }: NameConfig): boolean {
  return kind === 'addresses' && initial[0]?.kind === 'system';
}

/** In the order of the file; each name once for each family that it is preferred in. */
function findNames(config: BalancerConfig): readonly Wanted[] {
  const names = new Map<string, Wanted>();
  const add = (wanted: Wanted): void => {
    if (!names.has(keyOf(wanted))) names.set(keyOf(wanted), wanted);
  };
  for (const backend of config.backends) {
    for (const { name, host, resolution } of backend.servers) {
      if (resolution === undefined || !asksSystem(resolution)) continue;
      const use = `server "${backend.name}/${name}"`;
      const spare = resolution.initial.find((each) => each.kind === 'address');
      const otherwise =
        spare === undefined
          ? 'it is in maintenance until there is one'
          : `it begins at ${spare.host}`;
      add({ host, prefer: resolution.prefer, use, otherwise });
    }
  }
  for (const { address } of allLogs(config)) {
    if (address.kind !== 'udp' || isIP(address.host) !== 0) continue;
    const otherwise = 'nothing is logged there until a reload finds one';
    add({ host: address.host, prefer: 'ipv4', use: '"log"', otherwise });
  }
  return [...names.values()];
}

function allLogs(config: BalancerConfig): readonly LogTarget[] {
  return [
    ...config.process.logs,
    ...config.frontends.flatMap((frontend) => frontend.log.targets),
    ...config.backends.flatMap((backend) => backend.logs),
  ];
}

type Addresses = ReadonlyMap<string, string>;

/** A server with the address that it starts with. */
function placeServer(server: ServerConfig, addresses: Addresses): ServerConfig {
  const { host, resolution } = server;
  if (resolution === undefined) return server;
  const { prefer, initial } = resolution;
  const found = asksSystem(resolution) ? addresses.get(keyOf({ host, prefer })) : undefined;
  const next = initial.find((each) => each.kind !== 'system');
  const spare = next?.kind === 'address' ? next.host : null;
  return { ...server, resolution: { ...resolution, initialHost: found ?? spare } };
}

/** Targets that have an address. */
function placeLogs(targets: readonly LogTarget[], addresses: Addresses): readonly LogTarget[] {
  return targets.flatMap((target) => {
    const { address } = target;
    if (address.kind !== 'udp' || isIP(address.host) !== 0) return [target];
    const host = addresses.get(keyOf({ host: address.host, prefer: 'ipv4' }));
    return host === undefined ? [] : [{ ...target, address: { ...address, host } }];
  });
}

function placeAll(config: BalancerConfig, addresses: Addresses): BalancerConfig {
  const logs = (targets: readonly LogTarget[]) => placeLogs(targets, addresses);
  return {
    ...config,
    process: { ...config.process, logs: logs(config.process.logs) },
    frontends: config.frontends.map((frontend) => ({
      ...frontend,
      log: { ...frontend.log, targets: logs(frontend.log.targets) },
    })),
    backends: config.backends.map((backend) => ({
      ...backend,
      servers: backend.servers.map((server) => placeServer(server, addresses)),
      logs: logs(backend.logs),
    })),
    ...(config.resolvers === undefined
      ? {}
      : { resolvers: config.resolvers.map((section) => addSystemNameservers(section)) }),
  };
}

/** With the name servers of /etc/resolv.conf, where the section asks for them. */
function addSystemNameservers(section: ResolversConfig): ResolversConfig {
  if (!section.systemNameservers) return section;
  const found = getServers().map((text, index): NameserverConfig => {
    const [, bracketed, port] = /^\[(.*)\]:(\d+)$/.exec(text) ?? [];
    const [, plain, ownPort] = /^([\d.]+):(\d+)$/.exec(text) ?? [];
    const host = bracketed ?? plain ?? text;
    return { name: `resolv-conf-${index + 1}`, host, port: Number(port ?? ownPort ?? DNS_PORT) };
  });
  return { ...section, nameservers: [...section.nameservers, ...found] };
}

/**
 * A name without an address is a warning about the file as a whole, and keeps nothing from running: a server waits for
 * one, and a log target is left out.
 */
export async function resolveHosts(
  file: string,
  config: BalancerConfig,
  find: Lookup,
): Promise<ResolvedBalancer> {
  const names = findNames(config);
  const diagnostics: Diagnostic[] = [];
  const outcomes = await Promise.allSettled(names.map(({ host, prefer }) => find(host, prefer)));
  const addresses = new Map<string, string>();
  for (const [index, wanted] of names.entries()) {
    const outcome = outcomes[index];
    if (outcome?.status === 'fulfilled') {
      addresses.set(keyOf(wanted), outcome.value);
      continue;
    }
    const cause: unknown = outcome?.reason;
    const why = cause instanceof Error ? ` (${cause.message})` : '';
    const text = `The host "${wanted.host}" of ${wanted.use} has no address here${why}; ${wanted.otherwise}`;
    diagnostics.push({ file, line: 0, column: 0, severity: 'warning', text, code: 'unknown-name' });
  }
  const lost = new Set(
    allLogs(config).flatMap(({ address }) =>
      address.kind === 'udp' && isIP(address.host) === 0 ? [address.host] : [],
    ),
  );
  const notes = [...lost]
    .filter((host) => !addresses.has(keyOf({ host, prefer: 'ipv4' })))
    .map(
      (host) => `A log target is left out: its host "${host}" has no address; reload to look again`,
    );
  return { config: placeAll(config, addresses), diagnostics, notes };
}
