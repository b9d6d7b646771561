import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { StatusReport } from '../stats/status.ts';
import { StatusSocket } from './status-socket.ts';

const OWN_GROUP = String(process.getgid?.() ?? 0);

function newSocket(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'evergate-status-'));
  const path = join(folder, 'status.sock');
  const groups: (number | undefined)[] = [];
  const status = async () => ({ node: 'k8s-master' }) as StatusReport;
  const socket = new StatusSocket(path, status, (gid) => groups.push(gid));
  t.after(async () => {
    await socket.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { path, socket, groups };
}

function ask(socketPath: string, method: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, method, path, agent: false }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode ?? 0));
    });
    asking.on('error', reject);
    asking.end();
  });
}

test('the group gets the status and nothing else', async (t) => {
  const { path, socket } = newSocket(t);
  await socket.open(OWN_GROUP);
  assert.equal(statSync(path).mode & 0o777, 0o660);
  assert.equal(String(statSync(path).gid), OWN_GROUP);
  assert.equal(await ask(path, 'GET', '/v1/status'), 200);
  assert.equal(await ask(path, 'POST', '/v1/reload'), 403);
  assert.equal(await ask(path, 'POST', '/v1/node/drain'), 403);
});

test('without a group there is none, and a reload may begin and end it', async (t) => {
  const { path, socket } = newSocket(t);
  await socket.open(undefined);
  assert.equal(existsSync(path), false);
  const refused = await socket.change(OWN_GROUP);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await refused.abandon();
  assert.equal(existsSync(path), false);
  await socket.open(OWN_GROUP);
  const kept = await socket.change(undefined);
  await kept.abandon();
  assert.equal(await ask(path, 'GET', '/v1/status'), 200);
  (await socket.change(undefined)).commit();
  assert.equal(existsSync(path), false);
});

test('a group that does not exist is refused', async (t) => {
  const { socket } = newSocket(t);
  await assert.rejects(socket.open('no-such-group'), /There is no group "no-such-group"/);
});
