/** Sources keep their servers: the table alone, and in front of another algorithm. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PickContext } from './picker.ts';
import { createStickyPicker, StickTable, stickTableMemory } from './stick-table.ts';

const MINUTE_MS = 60_000;

test('a source has the server that was set last, until it was silent too long', () => {
  const table = new StickTable(stickTableMemory(100), 30 * MINUTE_MS);
  assert.equal(table.find(7, 0), -1);
  table.set(7, 1023, 0);
  table.set(0, 0, 0);
  assert.deepEqual([table.find(7, 0), table.find(0, 0)], [1023, 0]);
  table.set(7, 2, 20 * MINUTE_MS);
  assert.equal(table.find(7, 49 * MINUTE_MS), 2);
  assert.equal(table.find(0, 31 * MINUTE_MS), -1);
  assert.equal(table.find(7, 51 * MINUTE_MS), -1);
});

test('a table without a time forgets only for want of room, and then the one silent longest', () => {
  const table = new StickTable(stickTableMemory(8), 0);
  for (let source = 1; source <= 8; source++) table.set(source, source, source * 1000);
  assert.equal(table.find(1, 1000 * MINUTE_MS), 1);
  table.set(1, 1, 9000);
  table.set(9, 9, 10_000);
  assert.equal(table.find(2, 10_000), -1);
  for (const source of [1, 3, 4, 5, 6, 7, 8, 9]) assert.equal(table.find(source, 10_000), source);
});

test('property: it is a map of bounded size that two relays share', () => {
  const step = fc.record({
    source: fc.oneof(fc.nat(20), fc.nat({ max: 0xffffffff })),
    server: fc.nat(1023),
    relay: fc.nat(1),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const memory = stickTableMemory(4000);
      const relays = [new StickTable(memory, 0), new StickTable(memory, 0)];
      const model = new Map<number, number>();
      for (const { source, server, relay } of steps) {
        relays[relay]?.set(source, server, 5000);
        model.set(source, server);
        assert.equal(relays[1 - relay]?.find(source, 5000), server);
      }
      // With room for twenty times as many nearly all stay; what is there is right.
      let kept = 0;
      for (const [source, server] of model) {
        const found = relays[0]?.find(source, 5000);
        assert.ok(found === server || found === -1);
        if (found === server) kept++;
      }
      assert.ok(kept >= model.size * 0.95, `${kept} of ${model.size}`);
    }),
  );
});

test('a source stays where it was first led, moves once its server is out, and stays there', () => {
  const usable = [true, true, true];
  const table = new StickTable(stickTableMemory(100), 0);
  let turn = 0;
  const inner = { pick: ({ excluded }: PickContext) => nextOf(usable, excluded, turn++) };
  const picker = createStickyPicker(inner, table, usable);
  const pick = (sourceHash: number, excluded: (server: number) => boolean = () => false) =>
    picker.pick({ sourceHash, excluded, now: 0, active: () => 0, random: () => 0 });
  const first = pick(1);
  const second = pick(2);
  assert.notEqual(first, second);
  for (let count = 0; count < 5; count++) assert.deepEqual([pick(1), pick(2)], [first, second]);
  // One refusal of its server leads it away for good.
  const moved = pick(1, (server) => server === first);
  assert.notEqual(moved, first);
  assert.equal(pick(1), moved);
  usable[moved] = false;
  const again = pick(1);
  assert.ok(again !== moved && usable[again] === true);
  usable[moved] = true;
  assert.equal(pick(1), again);
  usable.fill(false);
  assert.equal(pick(1), -1);
});

function nextOf(usable: readonly boolean[], excluded: (server: number) => boolean, turn: number) {
  const open = usable.flatMap((is, server) => (is && !excluded(server) ? [server] : []));
  return open[turn % open.length] ?? -1;
}
