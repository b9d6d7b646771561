import assert from 'node:assert/strict';
import { test } from 'node:test';
import { didYouMean, nearest } from './suggest.ts';

const WORDS = ['bind', 'server', 'maxconn', 'default_backend', 'mode'];

test('nearest() finds the word behind a typing mistake', () => {
  assert.equal(nearest('sevrer', WORDS), 'server');
  assert.equal(nearest('maxcon', WORDS), 'maxconn');
  assert.equal(nearest('default-backend', WORDS), 'default_backend');
  assert.equal(nearest('Mode', WORDS), 'mode');
});

test('nearest() finds nothing where nothing is near', () => {
  assert.equal(nearest('frobnicate', WORDS), null);
  assert.equal(nearest('xyz', WORDS), null);
  assert.equal(nearest('s'.repeat(10_000), WORDS), null);
  assert.equal(nearest('bind', []), null);
});

test('nearest() prefers the nearer of two', () => {
  assert.equal(nearest('timeot', ['timeslot', 'timeout']), 'timeout');
});

test('didYouMean() is a clause to append, or empty', () => {
  assert.equal(didYouMean('bnid', WORDS), '; did you mean "bind"');
  assert.equal(didYouMean('frobnicate', WORDS), '');
});
