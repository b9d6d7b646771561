/** `evergate lab` leaves nothing behind: not when it is told to end, not when it is killed. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { EVERGATE } from '../../src/lab/build-node.ts';
import { existingNamespaces, pidsIn } from '../../src/lab/network.ts';
import { missingPrerequisites } from '../../src/lab/prerequisites.ts';
import { identify, isRunning } from '../../src/lab/processes.ts';
import { runCommand } from '../../src/lab/run-command.ts';

const missing = (await missingPrerequisites()).map(({ what }) => what);
const skip = missing.length === 0 ? false : missing.join('; ');

type Built = { readonly id: string; readonly directory: string };

test('SIGTERM removes processes, namespaces and files', { skip }, async (t) => {
  const { child, ended, built } = await startLab([]);
  t.after(() => child.kill('SIGTERM'));
  const processes = await processesOf(built);
  child.kill('SIGTERM');
  const [code] = await ended;
  assert.equal(code, 0);
  await assertNothingLeft(built, processes);
});

test('lab clean removes what a killed lab left', { skip }, async (t) => {
  const { child, ended, built } = await startLab([]);
  t.after(() => runCommand(EVERGATE, ['lab', 'clean']));
  const processes = await processesOf(built);
  child.kill('SIGKILL');
  await ended;
  assert.notDeepEqual(await existingNamespaces(built.id), []);
  await runCommand(EVERGATE, ['lab', 'clean']);
  await assertNothingLeft(built, processes);
});

test('lab --single serves without a VIP and survives its faults', async () => {
  const { child, ended, built } = await startLab(['--single']);
  const fault = (name: string): Promise<string> =>
    runCommand(EVERGATE, ['lab', 'fault', name, '--id', built.id], null, { patienceMs: 60_000 });
  const told = await fault('kill-balancer');
  assert.match(told, /^Expected: the spare takes over at once/m);
  assert.match(told, /^gap \d+ ms, \d+ failed, \d+ of 6 watches cut, silent for [\d.]+ s at most/m);
  assert.match(told, /^(As|Not as) expected: /m);
  await fault('kill-apiserver');
  const status = JSON.parse(
    await runCommand(EVERGATE, ['lab', 'status', '--json', '--id', built.id]),
  );
  assert.equal(status.nodes.length, 3);
  await assert.rejects(fault('power-off'), /needs the cluster/);
  child.kill('SIGTERM');
  await ended;
  assert.equal(existsSync(built.directory), false);
});

test('lab --duration ends by itself, healthy', async () => {
  const { child, ended, built } = await startLab(['--single', '--duration', '2']);
  const lines: string[] = [];
  createInterface({ input: child.stdout ?? process.stdin }).on('line', (line) => lines.push(line));
  const [code] = await ended;
  assert.equal(code, 0, lines.join('\n'));
  assert.equal(existsSync(built.directory), false);
});

/** A lab as its own process, once it says that it is built; `ended`: its exit code and signal. */
async function startLab(options: readonly string[]): Promise<{
  child: ChildProcess;
  ended: Promise<readonly unknown[]>;
  built: Built;
}> {
  const child = spawn(EVERGATE, ['lab', '--json', ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit');
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    const event = JSON.parse(line);
    if (event.event === 'built') return { child, ended, built: event };
  }
  throw new Error(`The lab ended before it was built: ${errors}`);
}

async function processesOf(built: Built) {
  const namespaces = await existingNamespaces(built.id);
  assert.equal(namespaces.length, 5);
  const pids = (await Promise.all(namespaces.map(pidsIn))).flat();
  assert.ok(pids.length >= 7, `processes: ${pids}`);
  return pids.map(identify).filter((identity) => identity !== null);
}

async function assertNothingLeft(
  built: Built,
  processes: Awaited<ReturnType<typeof processesOf>>,
): Promise<void> {
  assert.deepEqual(processes.filter(isRunning), []);
  assert.deepEqual(await existingNamespaces(built.id), []);
  assert.equal(existsSync(built.directory), false);
}
