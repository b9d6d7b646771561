/** The balancer as a process: identity, ends, and what outlives what. */

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { testBackend, testConfig, testServer } from '../../src/balancer/fixture.ts';
import type { BalancerConfig } from '../../src/config/model/config.ts';
import { LOOP_BEAT_SLOT, MAIN_BEAT_SLOT, TID_SLOT } from '../../src/core/beats.ts';
import { FREE_ID_MAX, FREE_ID_MIN, findAccount } from '../../src/linux/identity.ts';
import { startBalancer } from '../kit/balancer.ts';
import { openPort } from '../kit/haproxy.ts';
import { hasProgram } from '../kit/network.ts';
import { judged } from '../kit/time-verdict.ts';
import { waitUntil } from '../kit/wait-until.ts';

const run = promisify(execFile);

function configOf(port: number, user: string | null = null): BalancerConfig {
  const base = testConfig();
  return {
    ...base,
    process: {
      ...base.process,
      user,
      group: user,
      statsSockets: [{ path: '', mode: null, user: null, group: null, level: 'admin' }],
    },
    backends: [testBackend({ servers: [testServer('m1', { port })] })],
  };
}

function identityOf(pid: number): Set<string> {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return new Set(
    tasks.map((task) => {
      const status = readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8');
      return /^Uid:\t(\d+)\t(\d+)/m.exec(status)?.slice(1).join('/') ?? '';
    }),
  );
}

test('every thread drops to the configured account, and serves on as that', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('Dropping privileges needs root');
  const nobody = findAccount('nobody');
  assert.ok(nobody);
  const balancer = await startBalancer(t, configOf(await openPort(t), 'nobody'));
  assert.deepEqual(identityOf(balancer.pid), new Set([`${nobody.uid}/${nobody.uid}`]));
  assert.match(readFileSync(`/proc/${balancer.pid}/cmdline`, 'utf8'), /^evergate: balancer/);
  const url = `http://127.0.0.1:${balancer.ports.stats}/haproxyadmin?stats`;
  const headers = { authorization: `Basic ${btoa('admin:admin')}` };
  assert.equal((await fetch(url, { headers })).status, 200);
});

test('where the account does not exist it runs as a number of its own', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('Dropping privileges needs root');
  const balancer = await startBalancer(t, configOf(await openPort(t), 'eg-no-such'));
  const [ids = '', ...others] = identityOf(balancer.pid);
  assert.deepEqual(others, []);
  const uid = Number(ids.split('/')[0]);
  assert.ok(uid >= FREE_ID_MIN && uid <= FREE_ID_MAX, ids);
});

test('without its guardian it serves on for a while, then ends by itself', async (t) => {
  await judged(t, async (attempt) => {
    const balancer = await startBalancer(t, configOf(await openPort(t)));
    const startedAt = performance.now();
    balancer.abandon();
    const client = connect(balancer.ports['kube-api'] ?? 0, '127.0.0.1');
    t.after(() => client.destroy());
    // What is still open when it ends is reset.
    client.on('error', () => {});
    await once(client, 'connect');
    assert.equal(balancer.child.exitCode, null);
    const { code } = await balancer.ended;
    const tookMs = performance.now() - startedAt;
    assert.equal(code, 0);
    assert.ok(tookMs > 4500, `${tookMs} ms`);
    attempt.atMost(tookMs, 8000, 'it ended after');
  });
});

test('signals to the whole group leave the end to the guardian; stop ends it', async (t) => {
  const balancer = await startBalancer(t, configOf(await openPort(t)));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) balancer.child.kill(signal);
  balancer.send({ kind: 'report', id: 1 });
  assert.equal((await balancer.message('report')).report.relays, 1);
  balancer.send({ kind: 'stop', graceMs: 1000 });
  assert.deepEqual(await balancer.ended, { code: 0, signal: null });
});

test('each loop beats, and goes on while clients are at work', async (t) => {
  const balancer = await startBalancer(t, configOf(await openPort(t)));
  const slot = (number: number) => balancer.beats[number] ?? 0;
  const [relay, main] = [slot(LOOP_BEAT_SLOT), slot(MAIN_BEAT_SLOT)];
  assert.ok(slot(TID_SLOT + LOOP_BEAT_SLOT) > 0);
  assert.equal(slot(TID_SLOT + MAIN_BEAT_SLOT), balancer.pid);
  const bothBeat = () => slot(LOOP_BEAT_SLOT) > relay && slot(MAIN_BEAT_SLOT) > main;
  await waitUntil('both loops beat', bothBeat);
});

test('socat gets every answer, and garbage does no harm', async (t) => {
  if (!hasProgram('socat')) return t.skip('The program "socat" (Debian: socat) is missing');
  const balancer = await startBalancer(t, configOf(await openPort(t)));
  const path = balancer.sockets.admin ?? '';
  for (let round = 0; round < 5; round++) {
    await run('sh', ['-c', `head -c 30000 /dev/urandom | socat -t1 - '${path}' || true`], {
      encoding: 'buffer',
    });
  }
  const { stdout } = await run('sh', [
    '-c',
    `printf 'show info;show stat\\r\\n' | socat -t60 - '${path}'`,
  ]);
  const [info = '', stat = '', rest] = stdout.split('\n\n');
  assert.match(info, /^Name: HAProxy\n/);
  assert.match(stat, /^# pxname,/);
  assert.equal(rest, '');
});

test('hatop shows our servers', async (t) => {
  for (const program of ['hatop', 'script']) {
    if (!hasProgram(program)) return t.skip(`The program "${program}" is missing`);
  }
  const balancer = await startBalancer(t, configOf(await openPort(t)));
  const command = `stty rows 40 cols 150; exec hatop -s ${balancer.sockets.admin}`;
  const terminal = spawn('script', ['-qec', command, '/dev/null'], {
    env: { ...process.env, TERM: 'xterm', LANG: 'C.UTF-8', SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  // With it goes the terminal, and hatop.
  t.after(() => terminal.kill('SIGKILL'));
  let shown = '';
  terminal.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
  });
  // Its head has room for so much of a version, and no more.
  const version = /HAProxy Version: 2\.6\.12-[\d.]+ {2}\(released: [\d/]+\)/;
  for (const pattern of [version, /kube-api/, /kube-master/, /FRONTEND/]) {
    const isShown = () => pattern.test(shown);
    await waitUntil(`${pattern} is shown`, isShown).catch(() => assert.match(shown, pattern));
  }
});
