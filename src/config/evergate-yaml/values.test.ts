/** Durations in evergate.yaml, and the defaults that are reckoned. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NODES_MAX, priorityOf, routerIdOf } from './defaults.ts';
import { formatDuration, parseDuration } from './values.ts';

test('parseDuration() reads every unit, and wants one', () => {
  const good = {
    '0s': 0,
    '100ms': 100,
    '2s': 2000,
    '1m': 60_000,
    '4h': 14_400_000,
    '1d': 86_400_000,
  };
  for (const [text, ms] of Object.entries(good)) {
    assert.deepEqual(parseDuration(text), { ok: true, value: ms });
  }
  for (const text of ['', '5', '5 s', '1.5s', '-1s', '1h30m', '5S', '99999999999s']) {
    assert.equal(parseDuration(text).ok, false, text);
  }
});

test('parseDuration() reads what formatDuration() writes', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 999_999_999 }), (ms) => {
      assert.deepEqual(parseDuration(formatDuration(ms)), { ok: true, value: ms });
    }),
  );
});

test('priorityOf() falls from node to node and stays above 0', () => {
  for (let count = 1; count <= NODES_MAX; count++) {
    const all = Array.from({ length: count }, (_, index) => priorityOf(index, count));
    assert.equal(all[0], 250);
    assert.ok(all.every((priority, index) => index === 0 || priority < (all[index - 1] ?? 0)));
    assert.ok((all.at(-1) ?? 0) >= 1);
  }
});

test('routerIdOf() is a router id for every address, and unlike within a /24', () => {
  assert.equal(routerIdOf('192.168.1.94'), 94);
  assert.equal(routerIdOf('10.0.1.0'), 255);
  const ids = new Set(Array.from({ length: 255 }, (_, last) => routerIdOf(`10.0.0.${last}`)));
  assert.equal(ids.size, 255);
});
