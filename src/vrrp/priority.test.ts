import assert from 'node:assert/strict';
import test from 'node:test';
import { effectivePriority } from './priority.ts';

test('effectivePriority() stays within 1..254 and leaves 255 alone', () => {
  assert.equal(effectivePriority(100, 2), 102);
  assert.equal(effectivePriority(250, 20), 254);
  assert.equal(effectivePriority(10, -20), 1);
  assert.equal(effectivePriority(255, -20), 255);
});
