import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { waitUntil } from '../../../test/kit/wait-until.ts';
import { StreamWriter } from '../output/stream-writer.ts';
import { hasEnded } from '../process-table.ts';
import { type BalancerLaunch, BalancerProcess } from './balancer-process.ts';
import { BalancerShell } from './balancer-shell.ts';

const outputs = { stdout: new StreamWriter(1, () => ''), stderr: new StreamWriter(2, () => '') };
const KILLED = { why: 'It was killed by SIGKILL', started: true };

function launch(): BalancerLaunch {
  const plane = { loops: [], grant: () => ({}) };
  const config = { backends: [], frontends: [], httpFrontends: [] };
  const rest = { listeners: [], standby: false, servers: [], orphanMs: 0, identity: null, outputs };
  return { plane, config, ...rest } as unknown as BalancerLaunch;
}

test('one that nobody takes is ended', async () => {
  const shell = new BalancerShell(outputs);
  shell.drop();
  assert.deepEqual(await shell.over, KILLED);
});

test('one that waits has its first relay thread already', async () => {
  const shell = new BalancerShell(outputs);
  const tasks = `/proc/${shell.pid}/task`;
  const isRelay = (task: string): boolean => {
    try {
      return readFileSync(`${tasks}/${task}/comm`, 'utf8') === 'relay-0\n';
    } catch {
      // It has ended meanwhile.
      return false;
    }
  };
  try {
    await waitUntil('it has', () => readdirSync(tasks).some(isRelay));
  } finally {
    shell.drop();
  }
  assert.deepEqual(await shell.over, KILLED);
});

test('one that ended while it waited is told of as any other', async () => {
  const shell = new BalancerShell(outputs);
  shell.kill();
  await shell.over;
  const ends: string[] = [];
  const events = { message: () => {}, breach: () => {}, ended: (why: string) => ends.push(why) };
  const balancer = new BalancerProcess(launch(), events, shell);
  assert.equal(balancer.pid, shell.pid);
  await waitUntil('its end is told', () => ends.length > 0);
  assert.deepEqual(ends, [KILLED.why]);
});

test('one that dies as it is given its sockets is followed by another: that it failed it has not said', async () => {
  const shell = new BalancerShell(outputs);
  const pid = shell.pid ?? -1;
  shell.kill();
  // Without a turn of the loop, so that nobody has heard of it.
  while (!hasEnded(pid));
  const ends: string[] = [];
  const events = { message: () => {}, breach: () => {}, ended: (why: string) => ends.push(why) };
  const purpose = { kind: 'http', frontend: 'stats' } as const;
  const given = { ...launch(), listeners: [{ id: 1, fd: 0, purpose }] };
  const balancer = new BalancerProcess(given, events, shell);
  await waitUntil('its end is told', () => ends.length > 0);
  assert.deepEqual([balancer.failure, ends], [null, [KILLED.why]]);
});
