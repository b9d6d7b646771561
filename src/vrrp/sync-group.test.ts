import assert from 'node:assert/strict';
import test from 'node:test';
import { groupOrder, groupPhase, type Member } from './sync-group.ts';

const MASTER: Member = { phase: 'master', due: false };
const BACKUP: Member = { phase: 'backup', due: false };
const DUE: Member = { phase: 'backup', due: true };
const FAULT: Member = { phase: 'fault', due: false };
const STOPPED: Member = { phase: 'initialize', due: false };

test('groupOrder() promotes all when none hears a better master', () => {
  assert.equal(groupOrder([DUE, DUE]), 'master');
  assert.equal(groupOrder([DUE, BACKUP]), null);
  assert.equal(groupOrder([DUE, FAULT]), null);
});

test('groupOrder() takes the others back when one is no longer master', () => {
  assert.equal(groupOrder([MASTER, MASTER]), null);
  assert.equal(groupOrder([MASTER, BACKUP]), 'backup');
  assert.equal(groupOrder([MASTER, DUE]), 'backup');
  assert.equal(groupOrder([FAULT, MASTER]), 'backup');
});

test('groupPhase() is what all members are, or the worst of them', () => {
  assert.equal(groupPhase([MASTER, MASTER]), 'master');
  assert.equal(groupPhase([MASTER, BACKUP]), 'backup');
  assert.equal(groupPhase([MASTER, FAULT]), 'fault');
  assert.equal(groupPhase([STOPPED, FAULT]), 'initialize');
});
