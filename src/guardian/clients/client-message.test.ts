import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PARTS } from './client-list.ts';
import {
  type ClientBody,
  type ClientMessage,
  clientsKey,
  clientsPerDatagram,
  clientsVersionOf,
  decodeClients,
  encodeClients,
} from './client-message.ts';

const KEY = clientsKey('hex:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff');
const FOUR = { vip: '\xc0\xa8\x01\x5e', port: 8443 };
const SIX = { vip: `\xfd${'\0'.repeat(14)}\x5e`, port: 6443 };
const clientsOf = (vip: string, count: number): string[] =>
  Array.from({ length: count }, (_, at) => vip + String.fromCharCode(at >> 8, at & 255));

const bodiesOf = (vip: string): readonly ClientBody[] => [
  { kind: 'add', clients: clientsOf(vip, 3) },
  { kind: 'remove', clients: clientsOf(vip, 1) },
  { kind: 'part', part: 63, first: true, clients: [] },
  { kind: 'part', part: 0, first: false, clients: clientsOf(vip, 2) },
  { kind: 'digests', digests: Array.from({ length: PARTS }, (_, at) => (at * 0x4000001) >>> 0) },
  { kind: 'ask', parts: [0, 5, 63] },
];
const MESSAGES = [FOUR, SIX].flatMap((service) =>
  bodiesOf(service.vip).map(
    (body): ClientMessage => ({
      sentAtMs: 1_790_000_000_000.25,
      from: 'k8s-mäster',
      service,
      body,
    }),
  ),
);

test('decode(encode(x)) is x, with a key and without', () => {
  for (const key of [KEY, null]) {
    for (const message of MESSAGES) {
      const decoded = decodeClients(key, encodeClients(key, message));
      assert.deepEqual(decoded, { ok: true, value: message });
    }
  }
});

test('as many clients as are said to fit do', () => {
  for (const service of [FOUR, SIX]) {
    const clients = clientsOf(service.vip, clientsPerDatagram('k8s-master', service));
    const body = { kind: 'part', part: 1, first: true, clients } as const;
    const bytes = encodeClients(KEY, { sentAtMs: 1, from: 'k8s-master', service, body });
    assert.ok(bytes.length <= 1200 && bytes.length > 1180, `${bytes.length}`);
  }
});

test('with a key every changed byte, another key and none are refused', () => {
  const [message] = MESSAGES;
  assert.ok(message !== undefined);
  const good = encodeClients(KEY, message);
  for (let index = 0; index < good.length; index++) {
    const bad = Buffer.from(good);
    bad[index] = (bad[index] ?? 0) ^ 1;
    assert.equal(decodeClients(KEY, bad).ok, false, `byte ${index}`);
  }
  assert.equal(decodeClients(clientsKey('another'), good).ok, false);
  assert.equal(decodeClients(KEY, encodeClients(null, message)).ok, false);
});

test('another version is known as such, and what is cut or senseless is refused', () => {
  const [message] = MESSAGES;
  assert.ok(message !== undefined);
  const bytes = encodeClients(null, message);
  for (let length = 0; length < bytes.length; length++) {
    const { ok, ...rest } = decodeClients(null, bytes.subarray(0, length));
    // Whole clients may be cut off: without a signature nobody knows.
    if (ok) assert.equal((bytes.length - length) % 6, 0, JSON.stringify(rest));
  }
  bytes[3] = 9;
  assert.equal(clientsVersionOf(bytes), 9);
  assert.equal(decodeClients(null, bytes).ok, false);
  assert.equal(clientsVersionOf(Buffer.from('EGP1{}')), null);
});

test('random bytes never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1300 }), fc.boolean(), (bytes, begins) => {
      const all = Buffer.concat([begins ? Buffer.from('EGC\x01') : Buffer.alloc(0), bytes]);
      decodeClients(null, all);
      assert.equal(decodeClients(KEY, all).ok, false);
    }),
  );
});
