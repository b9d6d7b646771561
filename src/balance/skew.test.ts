import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type SkewServer, skewOf, skewText } from './skew.ts';

const server = (name: string, sessions: number, changes: Partial<SkewServer> = {}): SkewServer => {
  return { name, usable: true, backup: false, weight: 1, sessions, ...changes };
};

test('the server furthest above its share is named, by weight', () => {
  const uneven = [server('a', 90), server('b', 30), server('c', 0)];
  assert.deepEqual(skewOf(uneven), { server: 'a', ratio: 2.25 });
  assert.equal(skewText(uneven), 'Server "a" has 2.3 times its share of the connections');
  assert.equal(skewOf([server('a', 60, { weight: 2 }), server('b', 30)])?.ratio, 1);
});

test('little is not told, and neither is what a server on its own carries', () => {
  assert.equal(skewText([server('a', 12), server('b', 3)]), null);
  assert.equal(skewText([server('a', 130), server('b', 100)]), null);
  assert.equal(skewOf([server('a', 90), server('b', 0, { usable: false })]), null);
  assert.equal(skewOf([server('a', 90), server('b', 0, { backup: true })]), null);
  assert.equal(skewOf([server('a', 0), server('b', 0)]), null);
});

test('the ratio is at least 1 wherever there is one', () => {
  const any = fc.record({
    name: fc.string(),
    usable: fc.boolean(),
    backup: fc.boolean(),
    weight: fc.nat(256),
    sessions: fc.nat(10_000),
  });
  fc.assert(
    fc.property(fc.array(any, { maxLength: 8 }), (servers) => {
      const skew = skewOf(servers);
      assert.ok(skew === null || skew.ratio >= 1 - 1e-9);
    }),
  );
});
