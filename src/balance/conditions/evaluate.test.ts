/** What conditions make of facts, and what is still to come. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Condition,
  type Fact,
  fromNetworks,
  type Match,
} from '../../config/model/conditions.ts';
import { parseIpv6 } from '../../core/ipv6.ts';
import { compileCondition } from './compile-condition.ts';
import { evaluate } from './evaluate.ts';
import { ABSENT, type ConnectionFacts, PENDING } from './facts.ts';
import { allowsStill, compileRules, judge, routeOf } from './rules.ts';

const NAMES = { backends: ['one', 'two'], tables: ['first', 'second'] };

function address(text: string): Uint8Array {
  const parsed = parseIpv6(`::ffff:${text}`);
  assert.ok(parsed.ok);
  return parsed.value;
}

function factsOf(some: Partial<ConnectionFacts> = {}): ConnectionFacts {
  return {
    source: () => address('10.0.0.1'),
    destination: () => address('10.0.0.2'),
    sourcePort: () => 5000,
    destinationPort: () => 8443,
    usableServers: (backend) => backend,
    ofSource: (table) => table * 10,
    tracked: () => ABSENT,
    helloType: () => PENDING,
    serverName: () => PENDING,
    received: () => 2,
    moreComes: () => true,
    ...some,
  };
}

/** One term each, all of them; `!` before a fact negates it. */
function all(...terms: readonly (readonly [Fact, Match, 'not'?])[]): Condition['anyOf'][number] {
  return terms.map(([fact, match, not]) => ({ tests: [{ fact, match }], negated: not === 'not' }));
}

const outcome = (anyOf: Condition['anyOf'], facts = factsOf(), negated = false) =>
  evaluate(compileCondition({ anyOf, negated }, NAMES), facts);

const number = (min: number | null, max: number | null): Match => ({
  kind: 'numbers',
  ranges: [{ min, max }],
});
const NAME: Fact = { kind: 'server-name', lowered: false };
const text = (how: Extract<Match, { kind: 'texts' }>['how'], ...patterns: string[]): Match => ({
  kind: 'texts',
  how,
  ignoresCase: false,
  patterns,
});

test('a condition without groups never holds, one with an empty group always does', () => {
  assert.equal(outcome([]), 'fails');
  assert.equal(outcome([], factsOf(), true), 'holds');
  assert.equal(outcome([[]]), 'holds');
});

test('numbers, networks, names of backends and tables lead to their facts', () => {
  const port: Fact = { kind: 'destination-port' };
  assert.equal(outcome([all([port, number(8000, 9000)])]), 'holds');
  assert.equal(outcome([all([port, number(null, 8442)])]), 'fails');
  assert.equal(outcome([all([{ kind: 'usable-servers', backend: 'two' }, number(1, 1)])]), 'holds');
  const ofSource: Fact = { kind: 'of-source', table: 'second', counter: 'current' };
  assert.equal(outcome([all([ofSource, number(10, null)])]), 'holds');
  const tracked: Fact = { kind: 'tracked', place: 0, counter: 'rate' };
  assert.equal(outcome([all([tracked, number(null, null)])]), 'fails');
  assert.equal(outcome([all([tracked, { kind: 'found' }, 'not'])]), 'holds');
  assert.equal(evaluate(compileCondition(fromNetworks(['10.0.0.0/8']), NAMES), factsOf()), 'holds');
  assert.equal(evaluate(compileCondition(fromNetworks(['10.0.0.2']), NAMES), factsOf()), 'fails');
});

test('texts match whole, at their ends, in their middle and by their labels', () => {
  const facts = (name: string) => factsOf({ serverName: () => name });
  const cases: readonly (readonly [Match, string, boolean])[] = [
    [text('whole', 'x', 'a.test'), 'a.test', true],
    [text('whole', 'a.test'), 'A.test', false],
    [{ ...text('whole', 'A.test'), ignoresCase: true } as Match, 'a.TEST', true],
    [text('begin', 'a.'), 'a.test', true],
    [text('end', '.test'), 'a.test', true],
    [text('end', '.test'), 'test', false],
    [text('part', '.te'), 'a.test', true],
    [text('domain', 'b.test'), 'a.b.test', true],
    [text('domain', '.b.'), 'a.b.test', true],
    [text('domain', 'b.test'), 'ab.test', false],
    [text('domain', 'test'), 'test', true],
    [text('domain', '.'), 'a.test', false],
    [text('path', 'a.b'), 'a.b', true],
  ];
  for (const [match, name, holds] of cases) {
    const found = outcome([all([NAME, match])], facts(name));
    assert.equal(found, holds ? 'holds' : 'fails', `${JSON.stringify(match)} ${name}`);
  }
  const lowered: Fact = { kind: 'server-name', lowered: true };
  assert.equal(outcome([all([lowered, text('whole', 'a.test')])], facts('A.Test')), 'holds');
});

test('what is still to come keeps a condition open, where nothing before it decides', () => {
  const pending = [NAME, { kind: 'found' }] as const;
  const no = [{ kind: 'never' }, { kind: 'true' }] as const;
  const yes = [{ kind: 'always' }, { kind: 'true' }] as const;
  assert.equal(outcome([all(pending)]), 'open');
  assert.equal(outcome([all([...pending, 'not'])]), 'open');
  assert.equal(outcome([all(no, pending)]), 'fails');
  assert.equal(outcome([all(pending, no)]), 'open', 'HAProxy stops at the first that is not met');
  assert.equal(outcome([all(pending), all(yes)]), 'holds');
  assert.equal(outcome([all(pending), all(no)]), 'open');
  assert.equal(outcome([all([{ kind: 'waited' }, { kind: 'true' }])]), 'open');
  const last = factsOf({ moreComes: () => false, serverName: () => ABSENT });
  assert.equal(outcome([all([{ kind: 'waited' }, { kind: 'true' }])], last), 'holds');
  assert.equal(outcome([all(pending)], last), 'fails');
});

test('bytes that do not match yet may do so when there are more', () => {
  const received: Fact = { kind: 'received' };
  assert.equal(outcome([all([received, number(2, null)])]), 'holds');
  assert.equal(outcome([all([received, number(3, null)])]), 'open');
  assert.equal(
    outcome([all([received, number(3, null)])], factsOf({ moreComes: () => false })),
    'fails',
  );
});

test('the first rule that decides does, and tracks before it are counted', () => {
  const from = (network: string) => fromNetworks([network]);
  const rules = compileRules(
    [
      { action: 'track', place: 1, table: 'second', when: from('10.0.0.0/8') },
      { action: 'track', place: 0, table: 'first', when: from('11.0.0.0/8') },
      { action: 'accept', when: from('10.0.0.9') },
      { action: 'reject', when: from('10.0.0.1') },
      { action: 'accept', when: from('10.0.0.1') },
    ],
    NAMES,
  );
  const tracked: string[] = [];
  const note = (place: number, table: number) => tracked.push(`${place} ${table}`);
  assert.equal(judge(rules, factsOf(), note), 'reject');
  assert.deepEqual(tracked, ['1 1']);
  assert.equal(judge([], factsOf(), note), 'accept');
  const waits = compileRules(
    [{ action: 'reject', when: { anyOf: [all([NAME, { kind: 'found' }])], negated: false } }],
    NAMES,
  );
  assert.equal(judge(waits, factsOf(), note), 'wait');
  assert.equal(allowsStill(waits, factsOf()), true, 'newcomers alone are asked what they say');
  assert.equal(allowsStill(rules, factsOf()), false);
});

test('a route that is still open is none', () => {
  const when = (anyOf: Condition['anyOf']) => compileCondition({ anyOf, negated: false }, NAMES);
  const routes = [
    { backend: 0, when: when([all([NAME, { kind: 'found' }])]) },
    { backend: 1, when: when([[]]) },
  ];
  assert.equal(routeOf(routes, factsOf()), 1);
  assert.equal(routeOf(routes.slice(0, 1), factsOf()), -1);
  assert.equal(routeOf(routes, factsOf({ serverName: () => 'a' })), 0);
});
