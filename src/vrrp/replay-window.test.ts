import assert from 'node:assert/strict';
import test from 'node:test';
import { ReplayWindow } from './replay-window.ts';

test('ReplayWindow takes growing numbers of each sender, and a new start after a silence', () => {
  const window = new ReplayWindow(3600);
  assert.equal(window.take(1, 10, 0), true);
  assert.equal(window.take(1, 10, 1000), false);
  assert.equal(window.take(1, 9, 1000), false);
  assert.equal(window.take(2, 9, 1000), true);
  assert.equal(window.take(1, 12, 2000), true);
  assert.equal(window.take(1, 1, 5600), false);
  assert.equal(window.take(1, 1, 5601), true);
  assert.equal(window.take(1, 2, 5602), true);
});

test('ReplayWindow remembers a bounded number of senders', () => {
  const window = new ReplayWindow(3600);
  for (let sender = 0; sender < 1000; sender += 1) window.take(sender, 5, 0);
  assert.equal(window.take(999, 5, 0), false);
  assert.equal(window.take(0, 5, 0), true);
});
