/**
 * Asks the name servers of a `resolvers` section, all at once, as HAProxy does: the first that knows counts. c-ares,
 * which Node brings, speaks DNS: it repeats questions, and takes answers that are too long for a datagram over TCP.
 */

import { Resolver } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import type { NameserverConfig, ResolversConfig } from '../config/model/names.ts';
import { type Answer, TARGETS_MAX, type Target } from '../names/answer.ts';
import type { Ask } from './ask.ts';
import { failureOf, isNoData } from './dns-errors.ts';

/** What a question takes beyond its repetitions. */
const MARGIN_MS = 500;

type Records = { readonly targets: readonly Target[]; readonly ttlMs: number | null };

export function nameserverAsk(config: ResolversConfig): Ask {
  const { retries, retryMs } = config;
  const servers = config.nameservers.map((server) => {
    const resolver = new Resolver({ timeout: retryMs, tries: retries, maxTimeout: retryMs });
    resolver.setServers([addressText(server)]);
    return { resolver, by: `${config.name}/${server.name}` };
  });
  return async ({ kind, name }) => {
    const limit = setTimeout(
      () => {
        for (const { resolver } of servers) resolver.cancel();
      },
      retries * retryMs + MARGIN_MS,
    );
    try {
      return await firstFound(
        servers.map(async ({ resolver, by }) => {
          const records = await lookUp(resolver, kind, name);
          return { kind: 'found', by, ...records } satisfies Answer;
        }),
      );
    } finally {
      clearTimeout(limit);
    }
  };
}

/** "10.0.0.53:53", "[fd00::53]:53" */
function addressText({ host, port }: NameserverConfig): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The first that is found; otherwise what a server that answered says, before the silence of others. */
async function firstFound(asked: readonly Promise<Answer>[]): Promise<Answer> {
  try {
    return await Promise.any(asked);
  } catch (error) {
    const causes: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
    const failures = causes.map(failureOf);
    const said = failures.find((failure) => failure !== 'timeout');
    return { kind: 'failed', failure: said ?? failures[0] ?? 'timeout' };
  }
}

function lookUp(resolver: Resolver, kind: 'addresses' | 'service', name: string): Promise<Records> {
  return kind === 'addresses' ? addressesOf(resolver, name) : serversOf(resolver, name);
}

/** Of both families; rejects where there is none, with the error that says most about the name. */
export async function addressesOf(
  resolver: Pick<Resolver, 'resolve4' | 'resolve6'>,
  name: string,
): Promise<Records> {
  const outcomes = await Promise.allSettled([
    resolver.resolve4(name, { ttl: true }),
    resolver.resolve6(name, { ttl: true }),
  ]);
  const records = outcomes.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  if (records.length === 0) {
    const errors = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    throw errors.find((error) => !isNoData(error)) ?? errors[0] ?? new Error('No records');
  }
  const targets = records
    .slice(0, TARGETS_MAX)
    .map(({ address }) => ({ host: address, port: null, weight: null }));
  return { targets, ttlMs: Math.min(...records.map(({ ttl }) => ttl)) * 1000 };
}

/**
 * Of a service (SRV); rejects where there is none. An answer with records of other types alone is an empty list to
 * c-ares, and the root as a target says that there is no such service (RFC 2782).
 */
export async function serversOf(
  resolver: Pick<Resolver, 'resolveSrv'>,
  name: string,
): Promise<Records> {
  const records = (await resolver.resolveSrv(name)).filter((record) => record.name !== '');
  if (records.length === 0) throw new Error('No records');
  const targets = records
    .slice(0, TARGETS_MAX)
    .map(({ name: host, port, weight }) => ({ host, port, weight }));
  return { targets, ttlMs: null };
}
