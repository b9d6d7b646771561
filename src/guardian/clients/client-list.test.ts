import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ClientList, PARTS, partOf } from './client-list.ts';

const KEY = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'));

test('two lists of the same clients have the same digests, whatever happened before', () => {
  fc.assert(
    fc.property(fc.array(KEY), fc.array(KEY), (kept, gone) => {
      const [one, other] = [new ClientList(), new ClientList()];
      for (const key of [...kept, ...gone]) one.add(key);
      for (const key of gone) one.delete(key);
      const stay = new Set(kept.filter((key) => !gone.includes(key)));
      for (const key of [...stay].reverse()) other.add(key);
      assert.deepEqual(one.digests, other.digests);
      assert.deepEqual(one.differing(other.digests), []);
      assert.equal(one.size, stay.size);
    }),
  );
});

test('one client more is one part that differs, and the part has it', () => {
  const [one, other] = [new ClientList(), new ClientList()];
  for (let port = 1; port <= 5000; port++) {
    const key = `\x0a\x00\x00\x01${String.fromCharCode(port >> 8, port & 255)}`;
    one.add(key);
    other.add(key);
  }
  const more = '\x0a\x00\x00\x02\x00\x01';
  other.add(more);
  const [part, none] = one.differing(other.digests);
  assert.equal(part, partOf(more));
  assert.equal(none, undefined);
  assert.ok(other.inParts(new Set([part ?? 0])).includes(more));
  // No part has many times its share.
  const sizes = Array.from({ length: PARTS }, (_, at) => one.inParts(new Set([at])).length);
  assert.ok(Math.max(...sizes) < (3 * 5000) / PARTS, `${sizes}`);
});

test('a look takes out what it did not see', () => {
  const list = new ClientList();
  list.add('one', 1);
  list.add('two', 1);
  assert.equal(list.add('one', 2), false);
  assert.equal(list.add('three', 2), true);
  assert.deepEqual(list.sweep(2), ['two']);
  assert.deepEqual(list.keys(), ['one', 'three']);
});
