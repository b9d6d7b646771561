import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Fact, factsDigest, factsText } from './facts.ts';
import { FactsExchange } from './facts-exchange.ts';

const PEER = { name: 'b', addresses: ['10.0.0.2'] };
const OUTSIDER = { name: 'c', addresses: ['10.0.0.3'] };
const fact = (value: string): Fact => ({ name: 'vip', digest: value, value });

function exchange() {
  const state = { now: 1000, told: factsText([fact('1')]) as string | null, changes: 0 };
  const asked: string[] = [];
  const facts = new FactsExchange({
    ask: async ({ name }) => {
      asked.push(name);
      return state.told;
    },
    now: () => state.now,
    onChange: () => {
      state.changes += 1;
    },
  });
  facts.setHere([fact('1')]);
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { facts, state, asked, settled };
}

test('a node that says something else is told of once, and no longer when it is silent', async () => {
  const { facts, state, settled } = exchange();
  state.told = factsText([fact('2')]);
  facts.askAll([PEER]);
  await settled();
  assert.deepEqual(facts.differences(), ['b has vip 2, here 1']);
  facts.askAll([PEER]);
  await settled();
  assert.equal(state.changes, 1);
  assert.ok(facts.known.has('10.0.0.2'));
  state.told = null;
  state.now += 35_001;
  assert.deepEqual(facts.differences(), []);
  assert.equal(facts.known.size, 0);
});

test('who asks by another digest than was heard of it is asked at once, once a second', async () => {
  const { facts, state, asked, settled } = exchange();
  facts.askAll([PEER]);
  await settled();
  facts.onQuestion(PEER, factsDigest(state.told ?? ''), true);
  assert.equal(asked.length, 1);
  state.now += 1000;
  for (let count = 0; count < 5; count += 1) facts.onQuestion(PEER, 'another', true);
  assert.equal(asked.length, 2);
});

test('nodes that have the key and are not in the list are compared, some of them', async () => {
  const { facts, state, asked, settled } = exchange();
  state.told = factsText([fact('2')]);
  facts.onQuestion(OUTSIDER, 'x', false);
  await settled();
  assert.deepEqual(facts.differences(), ['c has vip 2, here 1']);
  for (let index = 0; index < 20; index += 1) {
    facts.onQuestion({ name: 'd', addresses: [`10.0.1.${index}`] }, 'x', false);
  }
  assert.equal(asked.length, 8);
  facts.askAll([PEER]);
  assert.equal(asked.length, 17);
});

test('another version is a note', async () => {
  const { facts, state, settled } = exchange();
  state.told = '{"version":7}';
  facts.askAll([PEER]);
  await settled();
  assert.deepEqual(facts.differences(), []);
  assert.deepEqual(facts.notes(), [
    'b says what its file has in version 7, which is not known here: not compared',
  ]);
});
