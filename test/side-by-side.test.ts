/** How many pieces run at once, and in which order they begin. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as later } from 'node:timers/promises';
import { type Room, sideBySide } from './side-by-side.ts';

const PIECES = Array.from({ length: 12 }, (_, index) => index);
const LIMITS = { least: 2, most: 4 };

/** The greatest number that ran at once, and what began, in order. */
async function runAll(isThere: Room['isThere']) {
  const began: number[] = [];
  let running = 0;
  let greatest = 0;
  const work = async (piece: number) => {
    began.push(piece);
    running += 1;
    greatest = Math.max(greatest, running);
    for (let turn = 0; turn < 5; turn++) await later();
    running -= 1;
  };
  await sideBySide(PIECES, LIMITS, work, { reset: () => {}, isThere });
  return { began, greatest };
}

test('the least run at once where there is no room', async () => {
  assert.deepEqual(await runAll(() => false), { began: PIECES, greatest: LIMITS.least });
});

test('the most run at once where there is room, and none more', async () => {
  assert.deepEqual(await runAll(() => true), { began: PIECES, greatest: LIMITS.most });
});

test('one more begins when there is room once', async () => {
  let looks = 0;
  const { greatest } = await runAll(() => looks++ === 0);
  assert.equal(greatest, LIMITS.least + 1);
});

test('what began ends before the first error is told', async () => {
  const ended: number[] = [];
  const work = async (piece: number) => {
    for (let turn = 0; turn < piece; turn++) await later();
    ended.push(piece);
    if (piece % 5 === 1) throw new Error(`piece ${piece}`);
  };
  const room = { reset: () => {}, isThere: () => false };
  await assert.rejects(sideBySide(PIECES, LIMITS, work, room), /piece 1$/);
  assert.deepEqual(ended, PIECES);
});
