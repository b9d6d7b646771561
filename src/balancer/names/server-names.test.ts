/** Who gets which address of what is answered; the answers are the test's. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { waitUntil } from '../../../test/kit/wait-until.ts';
import type { ServerAddress } from '../../balance/snapshot.ts';
import type { NameConfig, ResolversConfig } from '../../config/model/names.ts';
import type { Answer, Failure, Target } from '../../names/answer.ts';
import { testBackend, testServer } from '../fixture.ts';
import { ServerNames } from './server-names.ts';

const SECTION: ResolversConfig = {
  name: 'dns',
  nameservers: [],
  systemNameservers: false,
  intervalMs: 5,
  retries: 1,
  retryMs: 5,
  holdMs: { nx: 0, refused: 600_000, timeout: 600_000, other: 600_000, obsolete: 0 },
};

const NAMED: NameConfig = {
  kind: 'addresses',
  resolvers: 'dns',
  prefer: 'ipv4',
  initial: [],
  initialHost: null,
};

const target = (
  host: string,
  port: number | null = null,
  weight: number | null = null,
): Target => ({
  host,
  port,
  weight,
});

/** A table of servers, and who is asked about their names. */
function world(t: TestContext) {
  const answers = new Map<string, readonly Target[] | Failure>();
  const places = new Map<string, ServerAddress | null>();
  const weights = new Map<string, number>();
  const causes: string[] = [];
  const asked: string[] = [];
  const key = (backend: number, server: number) => `${backend}/${server}`;
  const ask = async ({ name }: { name: string }): Promise<Answer> => {
    asked.push(name);
    const answer = answers.get(name) ?? 'other';
    if (typeof answer === 'string') return { kind: 'failed', failure: answer };
    return { kind: 'found', targets: answer, ttlMs: 600_000, by: 'dns/ns1' };
  };
  const down = new Set<string>();
  const names = new ServerNames(
    {
      address: (backend, server) => places.get(key(backend, server)) ?? null,
      isUp: (backend, server) => !down.has(key(backend, server)),
      setAddress: (backend, server, place, cause) => {
        const before = places.get(key(backend, server)) ?? null;
        if (before?.host !== place?.host || before?.port !== place?.port) {
          causes.push(`${key(backend, server)} ${cause}`);
        }
        places.set(key(backend, server), place);
      },
      setWeight: (backend, server, weight) => weights.set(key(backend, server), weight),
    },
    { system: () => ask, nameservers: () => ask },
    () => performance.now(),
  );
  t.after(() => names.stop());
  const shown = () =>
    [...places].map(([at, place]) => `${at} ${place?.host ?? '-'}:${place?.port ?? '-'}`).sort();
  return { answers, weights, causes, asked, down, names, shown };
}

const until = (what: string, shown: () => readonly string[], expected: readonly string[]) =>
  waitUntil(`${what}: ${expected}`, () => shown().join() === expected.join());

const named = (name: string, host: string, changes: Partial<NameConfig> = {}) =>
  testServer(name, { host, resolution: { ...NAMED, ...changes } });

test('servers of one name get an address each, and follow it when it moves', async (t) => {
  const { answers, causes, names, shown } = world(t);
  answers.set('api.example', [target('10.0.0.1'), target('10.0.0.2')]);
  const servers = ['t1', 't2', 't3'].map((name) => named(name, 'api.example'));
  names.start({ backends: [testBackend({ servers })], resolvers: [SECTION] });
  await until('two', shown, ['0/0 10.0.0.1:6443', '0/1 10.0.0.2:6443', '0/2 -:-']);
  answers.set('api.example', [target('10.0.0.3'), target('10.0.0.2')]);
  await until('moved', shown, ['0/0 10.0.0.3:6443', '0/1 10.0.0.2:6443', '0/2 -:-']);
  answers.set('api.example', 'timeout');
  answers.set('api.example', 'nx');
  await until('lost', shown, ['0/0 -:-', '0/1 -:-', '0/2 -:-']);
  assert.deepEqual(causes, [
    '0/0 dns/ns1',
    '0/1 dns/ns1',
    '0/0 dns/ns1',
    '0/0 DNS NX status',
    '0/1 DNS NX status',
  ]);
});

test('failures that are held change nothing', async (t) => {
  const { answers, asked, names, shown } = world(t);
  answers.set('api.example', [target('10.0.0.1')]);
  const backends = [testBackend({ servers: [named('a', 'api.example')] })];
  names.start({ backends, resolvers: [SECTION] });
  await until('found', shown, ['0/0 10.0.0.1:6443']);
  for (const failure of ['refused', 'timeout', 'other'] as const) {
    answers.set('api.example', failure);
    asked.length = 0;
    await waitUntil('it is asked for', () => asked.length > 3);
    assert.deepEqual(shown(), ['0/0 10.0.0.1:6443']);
  }
});

test("a service's servers have the addresses, ports and weights of its records", async (t) => {
  const { answers, weights, causes, names, shown } = world(t);
  const service = '_api._tcp.example';
  answers.set(service, [target('cp1.example', 6443, 512), target('cp2.example', 7443, 0)]);
  answers.set('cp1.example', [target('10.0.0.1')]);
  answers.set('cp2.example', [target('fd00::2'), target('10.0.0.2')]);
  const servers = ['s1', 's2'].map((name) => named(name, service, { kind: 'service' }));
  names.start({ backends: [testBackend({ servers })], resolvers: [SECTION] });
  await until('both', shown, ['0/0 10.0.0.1:6443', '0/1 10.0.0.2:7443']);
  assert.deepEqual(
    [...weights],
    [
      ['0/0', 2],
      ['0/1', 0],
    ],
  );
  answers.set('cp1.example', [target('10.0.0.9')]);
  await until('a host moves', shown, ['0/0 10.0.0.9:6443', '0/1 10.0.0.2:7443']);
  answers.set(service, [target('cp2.example', 7443, 0)]);
  await until('a record goes', shown, ['0/0 -:-', '0/1 10.0.0.2:7443']);
  assert.equal(causes.at(-1), '0/0 entry removed from SRV record');
});

test('names of the system are asked for by TTL, and at once when a server goes down', async (t) => {
  const { answers, asked, down, names, shown } = world(t);
  answers.set('api.example', [target('10.0.0.1')]);
  const server = named('a', 'api.example', { resolvers: null });
  names.start({ backends: [testBackend({ servers: [server, testServer('b')] })] });
  await until('found', shown, ['0/0 10.0.0.1:6443']);
  assert.deepEqual(asked, ['api.example']);
  answers.set('api.example', [target('10.0.0.2')]);
  names.askSoon(0, 1);
  down.add('0/0');
  names.askSoon(0, 0);
  await until('moved', shown, ['0/0 10.0.0.2:6443']);
  assert.deepEqual(asked, ['api.example', 'api.example']);
});

test('a reload asks for what is new, and forgets what is gone', async (t) => {
  const { answers, asked, names, shown } = world(t);
  answers.set('a.example', [target('10.0.0.1')]);
  answers.set('b.example', [target('10.0.0.2')]);
  const start = (host: string) =>
    names.start({ backends: [testBackend({ servers: [named('s', host)] })], resolvers: [SECTION] });
  start('a.example');
  await until('a', shown, ['0/0 10.0.0.1:6443']);
  start('b.example');
  await until('b', shown, ['0/0 10.0.0.2:6443']);
  asked.length = 0;
  await waitUntil('b is asked for', () => asked.length > 3);
  assert.deepEqual([...new Set(asked)], ['b.example']);
});
