import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLIENTS_MAX, ClientList, partOf } from './client-list.ts';
import type { ClientMessage } from './client-message.ts';
import { OthersClients } from './others-clients.ts';

const SERVICE = { vip: '\xc0\xa8\x01\x5e', port: 8443 };
const keyOf = (number: number): string =>
  `\x0a${String.fromCharCode((number >> 16) & 255, (number >> 8) & 255, number & 255)}\x01\x01`;
const VIPS = new Set([SERVICE.vip]);

function said(body: ClientMessage['body'], sentAtMs = 1, from = 'a') {
  assert.ok(body.kind !== 'ask');
  return { sentAtMs, from, service: SERVICE, body } as const;
}

test('what was lost is asked for, part by part, and no more often than once in a while', () => {
  const truth = new ClientList();
  for (let number = 0; number < 1000; number++) truth.add(keyOf(number));
  const others = new OthersClients();
  const keys = truth.keys();
  others.take(said({ kind: 'add', clients: keys.slice(0, 990) }), 0);
  const { digests } = truth;
  const parts = others.take(said({ kind: 'digests', digests }), 0);
  assert.ok(parts.length > 0 && parts.length <= 10);
  assert.deepEqual(others.take(said({ kind: 'digests', digests }), 500), []);
  for (const part of parts) {
    const clients = truth.inParts(new Set([part]));
    others.take(said({ kind: 'part', part, first: true, clients }), 600);
  }
  assert.deepEqual(others.take(said({ kind: 'digests', digests }), 2000), []);
  const [found, more] = others.takeOut(VIPS, 2000);
  assert.deepEqual(new Set(found?.clients), new Set(keys));
  assert.equal(more, undefined);
  assert.equal(others.count(), 0, 'they are told of once');
});

test('a part that is told again has nothing left of before, and nothing of another part', () => {
  const others = new OthersClients();
  others.take(said({ kind: 'add', clients: [keyOf(1), keyOf(2)] }), 0);
  const part = partOf(keyOf(1));
  const wrong = Array.from({ length: 200 }, (_, at) => keyOf(at)).filter(
    (key) => partOf(key) !== part && key !== keyOf(2),
  );
  others.take(said({ kind: 'part', part, first: true, clients: wrong }), 0);
  const left = others.takeOut(VIPS, 0)[0]?.clients ?? [];
  assert.deepEqual(left, partOf(keyOf(2)) === part ? [] : [keyOf(2)]);
});

test('old words, and those from another time, do not count; a clock that was set does', () => {
  const others = new OthersClients();
  const fresh = (sentAtMs: number, utcMs: number | null) =>
    others.isNew(said({ kind: 'add', clients: [] }, sentAtMs), { utcMs, toleranceMs: 30_000 });
  assert.equal(fresh(1_000_000, 1_000_010), true);
  assert.equal(fresh(1_000_000, 1_000_020), false, 'again');
  assert.equal(fresh(999_999, 1_000_020), false, 'older');
  assert.equal(fresh(1_100_000, 1_000_020), false, 'from the future');
  assert.equal(fresh(500_000, 500_000), true, 'set back');
  assert.equal(fresh(700_000, null), true, 'no key: any time');
});

test('others tell of no more than there is room for', () => {
  const others = new OthersClients();
  const many = Array.from({ length: CLIENTS_MAX + 10 }, (_, at) => keyOf(at));
  others.take(said({ kind: 'add', clients: many }), 0);
  assert.equal(others.count(), CLIENTS_MAX);
  for (let port = 0; port < 100; port++) {
    others.take(
      { ...said({ kind: 'add', clients: [keyOf(1)] }, 1, 'b'), service: { ...SERVICE, port } },
      0,
    );
  }
  assert.equal(others.count(), CLIENTS_MAX + 64);
});

test('who is silent for a minute has no clients any more', () => {
  const others = new OthersClients();
  others.take(said({ kind: 'add', clients: [keyOf(1)] }), 0);
  assert.deepEqual(others.takeOut(VIPS, 61_000), []);
  others.take(said({ kind: 'add', clients: [keyOf(1)] }), 62_000);
  others.forgetSilent(120_000);
  assert.equal(others.count(), 1);
  others.forgetSilent(123_000);
  assert.equal(others.count(), 0);
});
