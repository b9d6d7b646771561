import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ANY_CHARACTER } from '../../test/kit/any-shape.ts';
import type { NodeEvent } from '../contracts/events.ts';
import { serverEvent, vipEvent } from './fixture.ts';
import { placeEvent, RING_BYTES, readRing, SLOT_BYTES } from './ring.ts';

/** A ring that has seen these. */
function ringOf(events: readonly NodeEvent[]): Uint8Array {
  const ring = new Uint8Array(RING_BYTES);
  let cursor = readRing(ring).cursor;
  for (const event of events) {
    const { offset, bytes, next } = placeEvent(cursor, event);
    assert.equal(bytes.length, SLOT_BYTES);
    ring.set(bytes, offset);
    cursor = next;
  }
  assert.deepEqual(readRing(ring).cursor, cursor, 'who reads it goes on at the same place');
  return ring;
}

test('what is kept is read back, in its order', () => {
  const events = [serverEvent(1), vipEvent(2, { gapMs: 370, faults: ['x'] }), serverEvent(3)];
  const { events: kept, torn, cursor } = readRing(ringOf(events));
  assert.deepEqual(kept, events);
  assert.deepEqual([torn, cursor.n], [0, 4]);
});

test('a server that comes and goes for hours takes no place of a move', () => {
  const events = [
    vipEvent(1),
    ...Array.from({ length: 2000 }, (_, index) => serverEvent(index + 2)),
  ];
  const { events: kept } = readRing(ringOf(events));
  assert.equal(kept[0]?.n, 1);
  assert.equal(kept.at(-1)?.n, 2001);
  assert.equal(kept.length, 449);
});

test('many moves take no place of what else happened, and the last are kept', () => {
  const moves = Array.from({ length: 200 }, (_, index) => vipEvent(index + 2));
  const { events: kept } = readRing(ringOf([serverEvent(1), ...moves]));
  assert.deepEqual(
    kept.map(({ n }) => n),
    [1, ...Array.from({ length: 64 }, (_, index) => index + 138)],
  );
});

test('a record that was broken off anywhere is skipped and counted, and its neighbours are not', () => {
  const before = ringOf([serverEvent(1), serverEvent(2, 'one'), serverEvent(3)]);
  const whole = readRing(before).cursor;
  // The same length, so that nothing but the two numbers tells that it is of two events.
  const { bytes } = placeEvent({ ...whole, otherSlot: whole.otherSlot - 2 }, serverEvent(9, 'two'));
  const offset = (whole.otherSlot - 2) * SLOT_BYTES;
  fc.assert(
    fc.property(fc.integer({ min: 1, max: SLOT_BYTES - 3 }), (length) => {
      const ring = before.slice();
      ring.set(bytes.subarray(0, length), offset);
      const { events, torn } = readRing(ring);
      assert.deepEqual([events.map(({ n }) => n), torn], [[1, 3], 1]);
    }),
  );
});

test('a file that is shorter, or of anything else, has no events', () => {
  assert.deepEqual(readRing(new Uint8Array()).events, []);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 4 * SLOT_BYTES }), (bytes) => {
      const { events, cursor } = readRing(bytes);
      assert.deepEqual([events, cursor.n], [[], 1]);
    }),
  );
});

test('an event of any texts fits its slot', () => {
  const word = fc.string({ unit: ANY_CHARACTER, maxLength: 300 });
  fc.assert(
    fc.property(word, word, word, (text, why, heardFrom) => {
      const event = { ...vipEvent(1, { why, heardFrom }), text };
      const { events, torn } = readRing(ringOf([event]));
      assert.equal(torn, 0);
      assert.equal(events[0]?.n, 1);
    }),
  );
});
