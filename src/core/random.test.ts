import assert from 'node:assert/strict';
import test from 'node:test';
import { Random, seededRandom } from './random.ts';

test('Random is xoshiro128**: its published sequence from the state 1, 2, 3, 4', () => {
  const random = new Random([1, 2, 3, 4]);
  const expected = [11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849];
  assert.deepEqual(
    expected.map(() => random.uint32()),
    expected,
  );
});

test('seededRandom() repeats itself for a seed and differs between neighbours', () => {
  const draw = (seed: number) => Array.from({ length: 20 }, () => seededRandom(seed).uint32());
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
});

test('Random stays in its ranges and reaches all of them', () => {
  const random = seededRandom(1);
  const counts = [0, 0, 0, 0];
  for (let index = 0; index < 4000; index += 1) {
    const value = random.below(4);
    counts[value] = (counts[value] ?? 0) + 1;
    const between = random.between(-2, 3);
    assert.ok(between >= -2 && between < 3);
  }
  assert.equal(counts.length, 4);
  for (const count of counts) assert.ok(count > 800 && count < 1200, `${counts}`);
  assert.equal(random.chance(0), false);
  assert.equal(random.chance(1), true);
});
