import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OtherClocks } from './other-clocks.ts';

test('the time of a node goes on by a clock that nobody sets, and is ours until it is asked', () => {
  const clocks = new OtherClocks<string>();
  const ours = { utcMs: 5000, bootMs: 100 };
  assert.deepEqual(clocks.momentOf('k8s-node1', ours), ours);
  clocks.learn('k8s-node1', 999_910);
  assert.deepEqual(clocks.momentOf('k8s-node1', ours), { utcMs: 1_000_010, bootMs: 100 });
  assert.deepEqual(clocks.momentOf('k8s-node1', { utcMs: 0, bootMs: 200 }), {
    utcMs: 1_000_110,
    bootMs: 200,
  });
  clocks.learn('k8s-node1', 6800);
  assert.deepEqual([...clocks.known], [['k8s-node1', 6800]]);
});
