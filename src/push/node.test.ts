/** A node of a push that is this machine, by the scripts and the `evergate` that are run on all of them. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { waitUntil } from '../../test/kit/wait-until.ts';
import { ADMIN_SOCKET_FILE } from '../contracts/run-directory.ts';
import { PushNode } from './node.ts';

const OLD = 'vip: 192.168.1.94/24\n';
const NEW = 'vip: 192.168.1.95/24\n';

/** Stands in for Evergate where the node has to be well, or ill, at will: says what the file "status" has. */
const STAND_IN = `#!/bin/sh
here=$(dirname "$0")
case "$1" in
  status) cat "$here/status" ;;
  check) echo '[]' ;;
  reload) if test -e "$here/after-reload"; then mv "$here/after-reload" "$here/status"; fi ;;
esac
`;
const WELL = JSON.stringify({ verdict: 'healthy', pid: 1, vrrp: [] });

function setUp(t: TestContext, program: string, healthLimitMs = 10_000) {
  const folder = mkdtempSync(join(tmpdir(), 'evergate-push-node-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'evergate.yaml');
  writeFileSync(file, OLD);
  writeFileSync(join(folder, 'stand-in'), STAND_IN);
  chmodSync(join(folder, 'stand-in'), 0o755);
  const node = new PushNode(
    { name: 'here', address: '127.0.0.1', isHere: true },
    { user: null, sshOptions: [] },
    {
      file,
      text: NEW,
      digest: createHash('sha256').update(NEW).digest('hex'),
      waiting: `${file}.push-1`,
      program: program === 'stand-in' ? join(folder, 'stand-in') : program,
      runDir: folder,
      healthLimitMs,
    },
  );
  return { folder, file, node };
}

async function silentGuardian(t: TestContext, folder: string): Promise<Server> {
  const server = createServer(() => {});
  server.listen(join(folder, ADMIN_SOCKET_FILE));
  await once(server, 'listening');
  t.after(() => server.close());
  return server;
}

test('a guardian that hung was taken for one that does not run: it got the file, and nobody looked', async (t) => {
  const { folder, node } = setUp(t, resolve('bin/evergate'));
  await silentGuardian(t, folder);
  assert.match((await node.look()) ?? 'well', /does not answer within 3000 ms/);
});

test('a node where nobody listens gets the file, to start by it', async (t) => {
  const { file, node } = setUp(t, resolve('bin/evergate'));
  assert.equal(await node.look(), null);
  assert.equal(node.before.health.verdict, null);
  writeFileSync(`${file}.push-1`, NEW);
  assert.equal(await node.activate(), null);
  assert.equal(readFileSync(file, 'utf8'), NEW);
  assert.equal(await node.undo(), null);
  assert.equal(readFileSync(file, 'utf8'), OLD);
});

test('what is no status is no node that does not run', async (t) => {
  const { folder, node } = setUp(t, 'stand-in');
  writeFileSync(join(folder, 'status'), 'Segmentation fault\n');
  assert.match((await node.look()) ?? 'well', /its status is none: Segmentation fault/);
});

test('what somebody else writes there meanwhile stays, and is told of', async (t) => {
  const { folder, file, node } = setUp(t, 'stand-in');
  writeFileSync(join(folder, 'status'), WELL);
  assert.equal(await node.look(), null);
  assert.deepEqual(await node.stage(), []);
  writeFileSync(file, '# of somebody else\n');
  assert.match((await node.activate()) ?? 'done', /changed by somebody else meanwhile/);
  assert.equal(await node.undo(), null);
  assert.equal(readFileSync(file, 'utf8'), '# of somebody else\n');
  assert.ok(!node.isTouched);
});

test('a limit of a second always ended in the old file: a node had to be well for longer than that', async (t) => {
  const { folder, file, node } = setUp(t, 'stand-in', 1000);
  writeFileSync(join(folder, 'status'), WELL);
  assert.equal(await node.look(), null);
  assert.deepEqual(await node.stage(), []);
  assert.equal(await node.activate(), null);
  assert.equal(readFileSync(file, 'utf8'), NEW);
});

test('a node that falls ill, or silent, after the limit and before it was steadily well has failed', async (t) => {
  for (const [status, why] of [
    [{ verdict: 'degraded', pid: 1, reasons: ['s1 is down'] }, /is not healthy .*s1 is down/],
    [{ verdict: 'down', error: 'It hangs', code: 'not-answering' }, /is not healthy .*It hangs/],
  ] as const) {
    const { folder, node } = setUp(t, 'stand-in', 1000);
    writeFileSync(join(folder, 'status'), WELL);
    assert.equal(await node.look(), null);
    assert.deepEqual(await node.stage(), []);
    const activated = node.activate();
    const started = performance.now();
    await waitUntil('the limit is over', () => performance.now() - started > 1500);
    writeFileSync(join(folder, 'next'), JSON.stringify(status));
    renameSync(join(folder, 'next'), join(folder, 'status'));
    assert.match((await activated) ?? 'well', why);
    writeFileSync(join(folder, 'status'), WELL);
    assert.equal(await node.undo(), null);
  }
});
