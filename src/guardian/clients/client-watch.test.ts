import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { NodeConfig } from '../../config/model/config.ts';
import { ClientList } from './client-list.ts';
import { clientsKey, decodeClients, encodeClients } from './client-message.ts';
import { ClientWatch } from './client-watch.ts';

const NODES: readonly NodeConfig[] = [
  { name: 'a', addresses: ['192.168.1.92'] },
  { name: 'b', addresses: ['192.168.1.93'] },
];
const [, PEER] = NODES;
const SERVICE = { vip: '\xc0\xa8\x01\x5e', port: 8443 };
const SECRET = 'a secret of the cluster';
const KEY = clientsKey(SECRET);

/** Node a, which has no VIP, and what it sends. */
function watchOf(t: TestContext, secret: string | null) {
  const sent: Uint8Array[] = [];
  const watch = new ClientWatch({
    send: (_, bytes) => sent.push(bytes),
    instances: () => [],
    config: () => ({ balancer: null, vrrp: null }),
    log: () => {},
  });
  watch.use({ node: 'a', nodes: NODES, port: 8445, secret, toleranceMs: 30_000 });
  t.after(() => watch.close());
  return { watch, sent };
}

function told(key: Buffer | null, sentAtMs: number, from = 'b'): Buffer {
  const body = { kind: 'add', clients: ['\x0a\0\0\x01\x9c\x41'] } as const;
  return encodeClients(key, { sentAtMs, from, service: SERVICE, body });
}

test('a node of another version is skipped and named, until it speaks ours', (t) => {
  assert.ok(PEER !== undefined);
  const { watch } = watchOf(t, null);
  const other = told(null, 1000);
  other[3] = 2;
  watch.receive(PEER, other, 1000);
  assert.equal(watch.status?.known, 0);
  assert.deepEqual(watch.status?.skipped, ['b tells of its clients in version 2, not 1']);
  watch.receive(PEER, told(null, 1000), 1000);
  assert.deepEqual([watch.status?.known, watch.status?.skipped], [1, []]);
});

test('with a key only its words count, once, in time, and from whom they say they are', (t) => {
  assert.ok(PEER !== undefined);
  const { watch } = watchOf(t, SECRET);
  const now = 1_790_000_000_000;
  watch.receive(PEER, told(null, now), now);
  watch.receive(PEER, told(clientsKey('another'), now), now);
  watch.receive(PEER, told(KEY, now, 'c'), now);
  watch.receive(PEER, told(KEY, now - 60_000), now);
  assert.equal(watch.status?.known, 0);
  watch.receive(PEER, told(KEY, now), now);
  assert.equal(watch.status?.known, 1);
});

test('what differs is asked for, in a signed word', (t) => {
  assert.ok(PEER !== undefined);
  const { watch, sent } = watchOf(t, SECRET);
  const now = 1_790_000_000_000;
  const truth = new ClientList();
  truth.add('\x0a\0\0\x01\x9c\x41');
  const body = { kind: 'digests', digests: truth.digests } as const;
  const message = { sentAtMs: now, from: 'b', service: SERVICE, body };
  watch.receive(PEER, encodeClients(KEY, message), now);
  const [asked] = sent.map((bytes) => decodeClients(KEY, Buffer.from(bytes)));
  assert.ok(asked?.ok && asked.value.body.kind === 'ask');
  assert.deepEqual(asked.value.body.parts, truth.differing(new ClientList().digests));
});
