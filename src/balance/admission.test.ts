import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AdmissionWindow, COLD_AFTER_MS } from './admission.ts';

const RULES = { cold: 16, max: 20 };

test('AdmissionWindow lets a server have one more for each prompt answer, up to its maximum', () => {
  const window = new AdmissionWindow(RULES, 1);
  assert.equal(window.size(0), 16);
  for (let count = 0; count < 10; count++) window.answered(10, count);
  assert.equal(window.size(10), 20);
});

test('AdmissionWindow gives a server fewer whose answers have waited for others, down to the cold ones', () => {
  const window = new AdmissionWindow(RULES, 1);
  window.answered(15, 0);
  window.answered(30, 1);
  assert.equal(window.size(1), 18);
  window.answered(31, 2);
  assert.equal(window.size(2), 17);
  for (let count = 0; count < 10; count++) window.answered(240, 3);
  assert.equal(window.size(3), 16);
});

test('AdmissionWindow calls no answer late that came in no time', () => {
  const window = new AdmissionWindow(RULES, 1);
  window.answered(0.2, 0);
  window.answered(10, 1);
  assert.equal(window.size(1), 18);
});

test('AdmissionWindow calls nothing prompt that took long, though all did', () => {
  const window = new AdmissionWindow(RULES, 1);
  for (let count = 0; count < 10; count++) window.answered(101, count);
  assert.equal(window.size(10), 16);
});

test('AdmissionWindow forgets a server that has said nothing for long', () => {
  const window = new AdmissionWindow(RULES, 1);
  window.answered(1, 0);
  assert.equal(window.size(COLD_AFTER_MS), 17);
  assert.equal(window.size(COLD_AFTER_MS + 1), 16);
  // What was fast then is not what is fast now.
  window.answered(40, COLD_AFTER_MS + 1);
  window.answered(80, COLD_AFTER_MS + 2);
  assert.equal(window.size(COLD_AFTER_MS + 2), 18);
});

test('AdmissionWindow shares a server among relays, and leaves each one at least', () => {
  assert.equal(new AdmissionWindow(RULES, 3).size(0), 6);
  assert.equal(new AdmissionWindow(RULES, 64).size(0), 1);
});

test('AdmissionWindow goes on where another stopped, within its own bounds', () => {
  const before = new AdmissionWindow(RULES, 1);
  for (let count = 0; count < 10; count++) before.answered(1, 0);
  const after = new AdmissionWindow({ cold: 4, max: 8 }, 1);
  after.learnFrom(before);
  assert.equal(after.size(0), 8);
});
