/** Process identities on real processes of this test. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { descendantsOf, endProcesses, identify, isRunning, signalProcess } from './processes.ts';

test('signalProcess() spares a process that only has the same number', async (t) => {
  const child = spawn('sleep', ['60']);
  t.after(() => child.kill('SIGKILL'));
  const identity = identify(child.pid ?? 0);
  assert(identity !== null);
  const another = { ...identity, startTime: identity.startTime - 1 };
  assert.equal(signalProcess(another, 'SIGKILL'), false);
  assert.equal(isRunning(another), false);
  assert.equal(isRunning(identity), true);
});

test('endProcesses() ends one that ignores SIGTERM and one that is stopped', async (t) => {
  const stubborn = spawn('sh', ['-c', 'trap "" TERM; echo ready; sleep 60 & wait; sleep 60']);
  const stopped = spawn('sleep', ['60']);
  t.after(() => [stubborn, stopped].map((child) => child.kill('SIGKILL')));
  await once(stubborn.stdout, 'data');
  stopped.kill('SIGSTOP');
  const below = descendantsOf(stubborn.pid ?? 0);
  const identities = [stubborn, stopped].map((child) => identify(child.pid ?? 0));
  await endProcesses([...identities.filter((identity) => identity !== null), ...below], 200);
  assert.deepEqual(below.filter(isRunning), []);
  for (const identity of identities) assert.equal(identity !== null && isRunning(identity), false);
});

test('identify() knows nothing of a process that is gone', async () => {
  const child = spawn('true');
  await once(child, 'exit');
  assert.equal(identify(child.pid ?? 0), null);
});
