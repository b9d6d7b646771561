import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  FLAG,
  integer,
  list,
  nullable,
  number,
  oneOf,
  optional,
  parseShape,
  record,
  type Shape,
  text,
} from './shape.ts';

type Server = {
  readonly name: string;
  readonly state: 'up' | 'down';
  readonly weight: number | null;
  readonly backup?: boolean;
};

const SERVERS: Shape<readonly Server[]> = list(
  record<Server>({
    name: text(4),
    state: oneOf({ up: true, down: true }),
    weight: nullable(integer(0, 256)),
    backup: optional(FLAG),
  }),
  2,
);

function problem<Value>(shape: Shape<Value>, value: unknown): string | null {
  const parsed = parseShape(shape, value);
  return parsed.ok ? null : parsed.reason;
}

const GOOD = { name: 'm1', state: 'up', weight: 1 };

describe('parseShape()', () => {
  it('takes what fits, with and without what is optional', () => {
    const value = [GOOD, { ...GOOD, weight: null, backup: true }];
    const parsed = parseShape(SERVERS, value);
    assert.ok(parsed.ok);
    assert.equal(parsed.value, value);
  });

  it('says where a value does not fit, and what fits there', () => {
    const wrong = (change: object) => problem(SERVERS, [GOOD, { ...GOOD, ...change }]);
    assert.equal(wrong({ name: 5 }), 'Field "[1].name" is no text');
    assert.equal(wrong({ name: 'abcde' }), 'Field "[1].name" is longer than 4 characters');
    assert.equal(wrong({ state: 'UP' }), 'Field "[1].state" is none of up, down');
    assert.equal(wrong({ weight: 257 }), 'Field "[1].weight" is no integer from 0 to 256');
    assert.equal(wrong({ weight: 0.5 }), 'Field "[1].weight" is no integer from 0 to 256');
    assert.equal(wrong({ backup: null }), 'Field "[1].backup" is neither true nor false');
    assert.equal(problem(SERVERS, [{ name: 'm1', state: 'up' }]), 'Field "[0].weight" is missing');
    assert.equal(problem(SERVERS, [GOOD, GOOD, GOOD]), 'It has more than 2 items');
  });

  it('refuses what is no record and no list', () => {
    for (const value of [null, undefined, 5, 'x', [], true]) {
      assert.match(problem(record<object>({}), value) ?? '', /is no record/);
    }
    assert.equal(problem(SERVERS, { length: 0 }), 'It is no list');
    assert.equal(problem(SERVERS, [null]), 'Field "[0]" is no record');
  });

  it('refuses numbers that are none', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, '5', null, -1]) {
      assert.match(problem(number(0, 10), value) ?? '', /is no number from 0 to 10/);
    }
    assert.equal(problem(number(0, 10), 0.5), null);
  });

  it('lets no field pass that is not named, not even those that every object inherits', () => {
    const empty = record<object>({});
    assert.equal(problem(empty, { more: 1 }), 'It has an unknown field "more"');
    assert.match(problem(empty, JSON.parse('{"__proto__": 1}')) ?? '', /unknown field "__proto__"/);
    assert.match(problem(empty, JSON.parse('{"toString": 1}')) ?? '', /unknown field "toString"/);
    assert.equal(problem(oneOf({ up: true }), 'constructor'), 'It is none of up');
    const long = problem(empty, { ['x'.repeat(1000)]: 1 });
    assert.ok((long ?? '').length < 80, 'a reason is short');
  });
});
