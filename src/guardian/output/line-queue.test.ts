import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BYTES_MAX, LINES_MAX, LineQueue } from './line-queue.ts';

function textOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString();
}

test('LineQueue.take() gives whole pieces in their order, and at least one', () => {
  const queue = new LineQueue();
  for (const text of ['a\n', 'bb\n', 'cccccc\n', 'd\n']) queue.push(Buffer.from(text), 1);
  assert.equal(textOf(queue.take(5)), 'a\nbb\n');
  assert.equal(textOf(queue.take(5)), 'cccccc\n');
  assert.equal(textOf(queue.take(5)), 'd\n');
  assert.equal(queue.take(5), null);
  assert.ok(queue.isEmpty);
});

test('LineQueue loses the oldest when there are too many lines, and counts them once', () => {
  const queue = new LineQueue();
  for (let line = 0; line < LINES_MAX + 7; line++) queue.push(Buffer.from(`${line}\n`), 1);
  assert.equal(queue.takeLost(), 7);
  assert.equal(queue.takeLost(), 0);
  assert.equal(textOf(queue.take(1)), '7\n');
});

test('LineQueue loses the oldest when there are too many bytes', () => {
  const queue = new LineQueue();
  queue.push(Buffer.from('old\nold\n'), 2);
  queue.push(Buffer.alloc(BYTES_MAX), 1);
  assert.equal(queue.lost, 2);
  assert.equal(queue.take(1)?.length, BYTES_MAX);
  // What is larger than all the room there is.
  queue.push(Buffer.alloc(BYTES_MAX + 1), 5);
  assert.equal(queue.lost, 7);
  assert.ok(queue.isEmpty);
});

test('LineQueue.isCrowded says when it is more than half full', () => {
  const queue = new LineQueue();
  queue.push(Buffer.from('\n'), LINES_MAX / 2);
  assert.ok(!queue.isCrowded);
  queue.push(Buffer.from('\n'), 1);
  assert.ok(queue.isCrowded);
  queue.take(1);
  assert.ok(!queue.isCrowded);
  queue.push(Buffer.alloc(BYTES_MAX / 2 + 1), 1);
  assert.ok(queue.isCrowded);
});
