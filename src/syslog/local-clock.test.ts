import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LocalClock } from './local-clock.ts';

test('LocalClock breaks a moment down, anew for each second', () => {
  const clock = new LocalClock();
  const at = (date: Date) => clock.at(date.getTime());
  const first = at(new Date(2026, 10, 3, 6, 8, 3, 999));
  assert.deepEqual(first, { year: 2026, month: 11, day: 3, hour: 6, minute: 8, second: 3 });
  assert.equal(at(new Date(2026, 10, 3, 6, 8, 3, 1)), first);
  assert.equal(at(new Date(2026, 10, 3, 6, 8, 4)).second, 4);
});
