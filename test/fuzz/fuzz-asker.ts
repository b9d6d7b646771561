/**
 * Has the asker of name servers (src/lookup/ask-nameservers.ts) ask a hostile one. c-ares reads the bytes; what is held
 * here is what comes of them: every promise is kept, in time, and an answer is what its type says.
 */

import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import type { ResolversConfig } from '../../src/config/model/names.ts';
import { seededRandom } from '../../src/core/random.ts';
import type { Ask } from '../../src/lookup/ask.ts';
import { nameserverAsk } from '../../src/lookup/ask-nameservers.ts';
import { type Answer, type Question, TARGETS_MAX, type Target } from '../../src/names/answer.ts';
import { hostileReply, plainReply, readQuestion } from './hostile-answers.ts';
import { HostileNameServer } from './hostile-name-server.ts';

/** c-ares waits no shorter. */
const RETRY_MS = 250;
const RETRIES = 2;
/** Far above RETRIES x RETRY_MS and the asker's margin: later than this is never. */
const HANG_MS = 30_000;
const SIDE_BY_SIDE = 64;
/** As many of one asker, then there is a new one. */
const QUESTIONS_PER_ASKER = 100;
/** A name of 255 bytes (RFC 1035 section 3.1), each of which may be written as \ddd. */
const NAME_LENGTH_MAX = 4 * 255;
const HOSTS_ASKED_MAX = 2;
/** 2^32 - 1 s. */
const TTL_MS_MAX = 0xffff_ffff * 1000;
const FAILURES: readonly string[] = ['nx', 'refused', 'timeout', 'other'];

export function assertAnswer(answer: Answer, { kind }: Question): void {
  if (answer.kind === 'failed') {
    assert.ok(FAILURES.includes(answer.failure));
    return;
  }
  const { targets, ttlMs, by } = answer;
  assert.equal(answer.kind, 'found');
  assert.equal(by, 'dns/hostile');
  assert.ok(targets.length >= 1 && targets.length <= TARGETS_MAX);
  if (ttlMs !== null) assert.ok(Number.isFinite(ttlMs) && ttlMs >= 0 && ttlMs <= TTL_MS_MAX);
  for (const { host, port, weight } of targets) {
    if (kind === 'addresses') {
      assert.ok(isIP(host) !== 0, 'an address is one');
      assert.deepEqual([port, weight], [null, null]);
      continue;
    }
    assert.ok(host.length >= 1 && host.length <= NAME_LENGTH_MAX);
    for (const number of [port, weight]) {
      assert.ok(Number.isInteger(number) && (number ?? -1) >= 0 && (number ?? -1) <= 0xffff);
    }
  }
}

function resolvers(port: number): ResolversConfig {
  const hold = { nx: 0, refused: 0, timeout: 0, other: 0, obsolete: 0 };
  return {
    name: 'dns',
    nameservers: [{ name: 'hostile', host: '127.0.0.1', port }],
    systemNameservers: false,
    intervalMs: 1000,
    retries: RETRIES,
    retryMs: RETRY_MS,
    holdMs: hold,
  };
}

/** The answer, or an error when there is none for far too long. */
async function inTime(asked: Promise<Answer>): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer within ${HANG_MS} ms`)), HANG_MS);
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** As the daemon goes on: of the hosts that a service names, whatever they are called. */
async function askHosts(ask: Ask, targets: readonly Target[]): Promise<void> {
  for (const { host } of targets.slice(0, HOSTS_ASKED_MAX)) {
    const question: Question = { kind: 'addresses', name: host };
    assertAnswer(await inTime(ask(question)), question);
  }
}

type Run = {
  readonly inputs: number;
  readonly seed: number;
  /** Instead of the one under test. */
  readonly makeAsk?: (config: ResolversConfig) => Ask;
};

/**
 * Until so many hostile messages were sent; returns how many questions were answered with something that was believed.
 * A question's messages follow from the seed and its number, with which it is told of when it breaks something.
 */
export async function fuzzAsker({ inputs, seed, makeAsk = nameserverAsk }: Run): Promise<number> {
  const chances = new Map<string, ReturnType<typeof seededRandom>>();
  let sent = 0;
  let believed = 0;
  let next = 0;
  let isOver = false;
  const server = await HostileNameServer.start((message, way) => {
    const asked = readQuestion(message);
    const random = chances.get(asked.label);
    // The host of a service, or a question that is over.
    if (random === undefined) return plainReply(asked, way);
    sent += 1;
    return hostileReply(asked, way, random);
  });
  const askMany = async (): Promise<void> => {
    let ask = makeAsk(resolvers(server.port));
    for (let count = 1; sent < inputs && !isOver; count += 1) {
      const number = next++;
      const label = `q${number}`;
      const kind = number % 3 === 0 ? 'service' : 'addresses';
      const question: Question = { kind, name: `${label}.example` };
      chances.set(label, seededRandom((seed + Math.imul(number, 0x9e3779b1)) >>> 0));
      try {
        const answer = await inTime(ask(question));
        assertAnswer(answer, question);
        if (answer.kind === 'found') {
          believed += 1;
          if (kind === 'service') await askHosts(ask, answer.targets);
        }
      } catch (error) {
        throw new Error(`DNS, seed ${seed}, question ${number}`, { cause: error });
      }
      chances.delete(label);
      if (count % QUESTIONS_PER_ASKER === 0) ask = makeAsk(resolvers(server.port));
    }
  };
  try {
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, askMany));
  } finally {
    isOver = true;
    await server.stop();
  }
  return believed;
}
