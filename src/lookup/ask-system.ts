/**
 * Asks the system (getaddrinfo(3)), so that /etc/hosts and whatever else nsswitch.conf(5) names count. It does not
 * tell how long an answer is good for: the name servers of resolv.conf(5) are asked for that beside it.
 */

import { lookup, Resolver } from 'node:dns/promises';
import type { Answer, Target } from '../names/answer.ts';
import { TARGETS_MAX } from '../names/answer.ts';
import type { Ask } from './ask.ts';
import { addressesOf, serversOf } from './ask-nameservers.ts';
import { failureOf } from './dns-errors.ts';

/** getaddrinfo(3) may take longer; its answer is that of the next question then. */
const ANSWER_MS_MAX = 10_000;
const TTL_TRIES = 2;
const TTL_TIMEOUT_MS = 1000;

/** It blocks a thread of libuv's four: so many questions at a time leave some for everything else. */
const SIDE_BY_SIDE = 2;

export function systemAsk(): Ask {
  let running = 0;
  const waiting: (() => void)[] = [];
  const enter = async (): Promise<void> => {
    if (running >= SIDE_BY_SIDE) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
  };
  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  };
  return async ({ kind, name }) => {
    if (kind === 'service') return askService(name);
    const ttl = ttlOf(name);
    await enter();
    const asked = lookup(name, { all: true, order: 'ipv4first' });
    // A question that takes for ever keeps its place: it has a thread.
    asked.then(leave, leave);
    return within(
      asked.then((found) =>
        answerOf(
          found.map(({ address }) => address),
          ttl,
        ),
      ),
    );
  };
}

type Ttl = { readonly hosts: readonly string[]; readonly ttlMs: number | null };

async function answerOf(addresses: readonly string[], asked: Promise<Ttl>): Promise<Answer> {
  const targets = addresses
    .slice(0, TARGETS_MAX)
    .map((host): Target => ({ host, port: null, weight: null }));
  const { hosts, ttlMs } = await asked;
  // Addresses from elsewhere, such as /etc/hosts, are good for another time.
  const same = addresses.some((address) => hosts.includes(address));
  return { kind: 'found', targets, ttlMs: same ? ttlMs : null, by: 'the system' };
}

/** A resolver of its own each time: resolv.conf may have changed. */
async function ttlOf(name: string): Promise<Ttl> {
  try {
    const resolver = new Resolver({ timeout: TTL_TIMEOUT_MS, tries: TTL_TRIES });
    const { targets, ttlMs } = await addressesOf(resolver, name);
    return { hosts: targets.map(({ host }) => host), ttlMs };
  } catch {
    return { hosts: [], ttlMs: null };
  }
}

/** Services are in DNS alone. */
async function askService(name: string): Promise<Answer> {
  try {
    const resolver = new Resolver({ timeout: TTL_TIMEOUT_MS, tries: TTL_TRIES });
    return { kind: 'found', by: 'the system', ...(await serversOf(resolver, name)) };
  } catch (error) {
    return { kind: 'failed', failure: failureOf(error) };
  }
}

async function within(asked: Promise<Answer>): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Answer>((resolve) => {
    timer = setTimeout(() => resolve({ kind: 'failed', failure: 'timeout' }), ANSWER_MS_MAX);
  });
  try {
    return await Promise.race([asked, late]);
  } catch (error) {
    return { kind: 'failed', failure: failureOf(error) };
  } finally {
    clearTimeout(timer);
  }
}
