import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeldWarnings } from './held-warnings.ts';

test('one cause is told once, with all servers that have it by then', () => {
  const held = new HeldWarnings();
  held.add('api', 'm1', 'ends', 0);
  held.add('api', 'm2', 'ends', 250);
  held.add('api', 'm2', 'ends', 500);
  held.add('api', 'm2', 'lacks', 600);
  held.add('other', 'm1', 'ends', 600);
  assert.deepEqual(held.due(4999), []);
  const told = held.due(5500).map(({ backend, servers, text }) => ({ backend, servers, text }));
  assert.deepEqual(told, [{ backend: 'api', servers: ['m1', 'm2'], text: 'ends' }]);
  assert.equal(held.due(5600).length, 2);
  assert.deepEqual(held.due(60_000), []);
});
