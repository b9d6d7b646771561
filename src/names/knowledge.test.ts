import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HoldConfig } from '../config/model/names.ts';
import type { Answer, Failure } from './answer.ts';
import { KEEP_FOR_GOOD, type Knowledge, knowNothing, learn, lossOf } from './knowledge.ts';

const HOLD: HoldConfig = { nx: 100, refused: 200, timeout: 300, other: 400, obsolete: 50 };

const found = (...hosts: readonly string[]): Answer => ({
  kind: 'found',
  targets: hosts.map((host) => ({ host, port: null, weight: null })),
  ttlMs: null,
  by: 'dns/ns1',
});
const failed = (failure: Failure): Answer => ({ kind: 'failed', failure });
const hosts = ({ known }: Knowledge): readonly string[] => known.map(({ host }) => host);

for (const failure of ['nx', 'refused', 'timeout', 'other'] as const) {
  test(`learn() keeps what worked until "${failure}" has lasted for its hold`, () => {
    const known = learn(knowNothing(0), found('10.0.0.1'), HOLD, 1000);
    const before = learn(known, failed(failure), HOLD, 1000 + HOLD[failure] - 1);
    assert.deepEqual(hosts(before), ['10.0.0.1']);
    assert.equal(lossOf(before, HOLD, 1000 + HOLD[failure] - 1), null);
    const after = learn(before, failed(failure), HOLD, 1000 + HOLD[failure]);
    assert.deepEqual(hosts(after), []);
    assert.equal(lossOf(after, HOLD, 1000 + HOLD[failure]), failure);
    const back = learn(after, found('10.0.0.2'), HOLD, 5000);
    assert.deepEqual(hosts(back), ['10.0.0.2']);
    assert.equal(lossOf(back, HOLD, 50_000), null);
  });
}

test('learn() counts failures from the start where nothing was ever found', () => {
  const nothing = learn(knowNothing(1000), failed('nx'), HOLD, 1050);
  assert.equal(lossOf(nothing, HOLD, 1050), null);
  assert.equal(lossOf(learn(nothing, failed('nx'), HOLD, 1100), HOLD, 1100), 'nx');
});

test('learn() keeps an address that an answer lacks for as long as "obsolete" says', () => {
  const both = learn(knowNothing(0), found('10.0.0.1', '10.0.0.2'), HOLD, 0);
  const one = learn(both, found('10.0.0.2'), HOLD, 49);
  assert.deepEqual(hosts(one), ['10.0.0.2', '10.0.0.1']);
  assert.deepEqual(hosts(learn(one, found('10.0.0.2'), HOLD, 50)), ['10.0.0.2']);
});

test('learn() never gives up what a system knew', () => {
  let knowledge = learn(knowNothing(0), found('10.0.0.1'), KEEP_FOR_GOOD, 0);
  for (const failure of ['nx', 'refused', 'timeout', 'other'] as const) {
    knowledge = learn(knowledge, failed(failure), KEEP_FOR_GOOD, 1e9);
    assert.deepEqual(hosts(knowledge), ['10.0.0.1']);
    assert.equal(lossOf(knowledge, KEEP_FOR_GOOD, 1e9), null);
  }
});
