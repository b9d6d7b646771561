/** The expected lines are as HAProxy 2.6.12 logged them in the same situations. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  adminChanged,
  checkLogged,
  noServerLeft,
  remainsInDrain,
  wentDown,
  wentUp,
} from './server-events.ts';
import type { CheckResult } from './server-state.ts';

const standing = {
  backend: 'b',
  server: 's1',
  backup: false,
  usableActive: 2,
  usableBackup: 0,
  sessions: 3,
};
const refused: CheckResult = {
  status: 'L4CON',
  passed: false,
  info: 'Connection refused',
  durationMs: 0.4,
};
const passed: CheckResult = { status: 'L4OK', passed: true, info: '', durationMs: 1.2 };

const CHANGE = { backend: 'b', server: 's1', usable: 2 };

test('wentDown() words and level', () => {
  assert.deepEqual(wentDown(standing, refused), {
    level: 1,
    text:
      'Server b/s1 is DOWN, reason: Layer4 connection problem, info: "Connection refused", ' +
      'check duration: 0ms. 2 active and 0 backup servers left. 3 sessions active, 0 requeued, ' +
      '0 remaining in queue.',
    change: {
      ...CHANGE,
      to: 'down',
      why: 'Layer4 connection problem, info: "Connection refused", check duration: 0ms',
    },
  });
  const onBackup = { ...standing, usableActive: 0, usableBackup: 1 };
  assert.match(wentDown(onBackup, refused).text, /servers left\. Running on backup\. 3 sessions/);
});

test('a server that follows another says so', () => {
  const via = { via: 'a/s1' };
  assert.match(wentDown(standing, via).text, /^Server b\/s1 is DOWN via a\/s1\. 2 active/);
  assert.match(wentUp(standing, via).text, /^Server b\/s1 is UP via a\/s1\. 2 active/);
});

test('wentUp() words and level', () => {
  assert.deepEqual(wentUp({ ...standing, backup: true }, passed), {
    level: 5,
    text:
      'Backup Server b/s1 is UP, reason: Layer4 check passed, check duration: 1ms. ' +
      '2 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.',
    change: { ...CHANGE, to: 'up', why: 'Layer4 check passed, check duration: 1ms' },
  });
});

test('maintenance and drain words and levels', () => {
  assert.deepEqual(adminChanged(standing, 'ready', 'maint', true, " ('disable' on stats page)"), {
    level: 1,
    text:
      "Server b/s1 is going DOWN for maintenance ('disable' on stats page). " +
      '2 active and 0 backup servers left. 3 sessions active, 0 requeued, 0 remaining in queue.',
    change: { ...CHANGE, to: 'maint', why: "'disable' on stats page; ready before" },
  });
  assert.deepEqual(adminChanged(standing, 'ready', 'maint', false, ''), {
    level: 5,
    text: 'Server b/s1 was DOWN and now enters maintenance.',
    change: { ...CHANGE, to: 'maint', why: 'asked for by an operator; ready before' },
  });
  assert.equal(
    adminChanged(standing, 'maint', 'ready', true, '').text,
    'Server b/s1 is UP/READY (leaving forced maintenance).',
  );
  assert.equal(
    adminChanged(standing, 'ready', 'drain', true, '').text,
    'Server b/s1 enters drain state. 2 active and 0 backup servers online. ' +
      '0 sessions requeued, 0 total in queue.',
  );
  assert.match(
    adminChanged(standing, 'ready', 'drain', false, '').text,
    /servers left\. 3 sessions active/,
  );
  assert.equal(
    adminChanged(standing, 'drain', 'ready', true, '').text,
    'Server b/s1 is UP (leaving forced drain).',
  );
  assert.equal(remainsInDrain(standing).text, 'Server b/s1 remains in forced drain mode.');
});

test('a backend without servers is an emergency', () => {
  assert.deepEqual(noServerLeft('b', false), {
    level: 0,
    text: 'backend b has no server available!',
  });
  assert.equal(noServerLeft('b', true).text, 'proxy b has no server available!');
});

test('checkLogged() says where the counter stands', () => {
  assert.equal(
    checkLogged(standing, refused, '0/2 DOWN').text,
    'Health check for server b/s1 failed, reason: Layer4 connection problem, ' +
      'info: "Connection refused", check duration: 0ms, status: 0/2 DOWN.',
  );
});
