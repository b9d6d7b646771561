/** Verdicts about time: what the machine's lateness explains is tried again, the rest fails at once. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lateness } from './lateness.ts';
import { type Attempt, judged } from './time-verdict.ts';

const PUNCTUAL: Lateness = { totalMs: 3, longestMs: 2 };

/** What comes of a test on a machine that is so late in its attempts, one after the other. */
async function outcome(
  lateness: readonly Lateness[],
  body: (attempt: Attempt, turn: number) => void,
) {
  const said: string[] = [];
  let turns = 0;
  let closed = false;
  const error = await judged(
    { diagnostic: (text) => said.push(text) },
    async (attempt) => {
      turns += 1;
      body(attempt, turns);
    },
    async () => ({
      reset: () => {},
      read: () => lateness[turns - 1] ?? PUNCTUAL,
      close: async () => {
        closed = true;
      },
    }),
  ).then(
    () => null,
    (reason: unknown) => String(reason),
  );
  assert.ok(closed);
  return { said, turns, error };
}

test('a time within its bound passes at once, however late the machine is', async () => {
  const late = { totalMs: 900, longestMs: 300 };
  const { said, turns, error } = await outcome([late], ({ atMost }) => atMost(10, 10, 'it took'));
  assert.deepEqual({ said, turns, error }, { said: [], turns: 1, error: null });
});

test('what the machine was late by is tried again, and said', async () => {
  const late = { totalMs: 120.2, longestMs: 30 };
  const { said, turns, error } = await outcome([late], ({ atMost }, turn) =>
    atMost(turn === 1 ? 300 : 190, 200, 'the takeover took'),
  );
  assert.equal(error, null);
  assert.equal(turns, 2);
  assert.deepEqual(said, [
    'inconclusive, machine late by 121 ms: the takeover took: 300.0 ms, at most 200 expected',
  ]);
});

test('half a second more than the machine was late by fails at once', async () => {
  const late = { totalMs: 400, longestMs: 100 };
  const { said, turns, error } = await outcome([late], ({ atMost }) =>
    atMost(701, 200, 'the takeover took'),
  );
  assert.deepEqual({ said, turns }, { said: [], turns: 1 });
  assert.match(
    error ?? '',
    /took: 701\.0 ms, at most 200 expected; the machine was late by 400 ms/,
  );
});

test('what is wrong on a late machine each time fails in the end', async () => {
  const late = { totalMs: 400, longestMs: 100 };
  const { said, turns, error } = await outcome(Array(9).fill(late), ({ holds }) =>
    holds(false, 'a session was cut'),
  );
  assert.equal(turns, 4);
  assert.equal(said.length, 3);
  assert.match(error ?? '', /a session was cut \(attempt 4 of 4\)/);
});

test('a count that is wrong on a punctual machine fails at once', async () => {
  const { turns, error } = await outcome([PUNCTUAL], ({ holds }) => holds(false, 'one failed'));
  assert.equal(turns, 1);
  assert.match(error ?? '', /one failed/);
});

test('what is no verdict about time is not tried again', async () => {
  const late = { totalMs: 400, longestMs: 100 };
  const { turns, error } = await outcome([late], () => assert.fail('no owner'));
  assert.equal(turns, 1);
  assert.match(error ?? '', /no owner/);
});
