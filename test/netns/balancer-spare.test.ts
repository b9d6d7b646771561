/** The warm spare, with real processes: what clients feel when the active balancer is killed or hangs. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { StatusReport } from '../../src/stats/status.ts';
import { Network, type NetworkNode, waitUntil, whyNoNamespaces } from '../kit/network.ts';

const EVERGATE = resolve('bin/evergate');
const skip = whyNoNamespaces() ?? false;

/** Asks once every 10 ms, a new connection each time; one JSON line when it is told to stop. */
const CLIENT = `
const net = require('node:net');
let sent = 0, answered = 0, slowest = 0;
const timer = setInterval(() => {
  sent++;
  const at = performance.now();
  const socket = net.connect(8443, '127.0.0.1', () => socket.write('x'));
  socket.on('error', () => {});
  socket.on('data', () => { answered++; slowest = Math.max(slowest, performance.now() - at); socket.end(); });
}, 10);
process.on('SIGTERM', () => {
  clearInterval(timer);
  setTimeout(() => { console.log(JSON.stringify({ sent, answered, slowest })); process.exit(); }, 1000);
});
`;

const SERVER = `require('node:net').createServer((s) => s.on('error', () => {}).pipe(s)).listen(6443, '127.0.0.1')`;

const CONFIG = `defaults
    mode tcp
    timeout connect 1s
    timeout client 1h
    timeout server 1h
listen kube-api
    bind 127.0.0.1:8443
    server echo 127.0.0.1:6443
`;

describe('A warm spare', { skip, timeout: 60_000 }, () => {
  let folder = '';
  let network: Network;
  let node: NetworkNode;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-spare-'));
    network = await Network.create();
    node = await network.addNode('k8s-master', '192.168.1.92/24');
    writeFileSync(join(folder, 'haproxy.cfg'), CONFIG);
    node.spawn(process.execPath, ['-e', SERVER]);
    const args = ['run', '--haproxy', join(folder, 'haproxy.cfg'), '--run-dir', folder];
    const log = openSync(join(folder, 'log'), 'a');
    node.spawn(EVERGATE, args, { stdio: ['ignore', 'ignore', log] });
    closeSync(log);
    await waitUntil('it is up', () => existsSync(join(folder, 'admin.sock')), 10_000);
  });
  after(async () => {
    // In order, so that the balancers end with their guardian.
    const guardian = Number(readFileSync(join(folder, 'guardian.pid'), 'utf8'));
    process.kill(guardian, 'SIGTERM');
    await waitUntil('it stops', () => !existsSync(`/proc/${guardian}`), 5000);
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function status(): Promise<StatusReport> {
    // Its exit code says how it is, which is not always well here.
    const args = ['status', '--json', '--run-dir', folder];
    const { stdout } = await promisify(execFile)(EVERGATE, args).catch((error) => error);
    return JSON.parse(stdout);
  }

  const ready = () =>
    waitUntil(
      'a spare is ready',
      async () => {
        const { balancer } = await status();
        return balancer?.state === 'serving' && balancer.spare.state === 'ready' ? balancer : null;
      },
      10_000,
      100,
    );

  /** What clients saw of `fault`, and that the spare took the balancer's place. */
  async function felt(signal: NodeJS.Signals): Promise<{ failed: number; slowest: number }> {
    const before = await ready();
    const client = node.spawn(process.execPath, ['-e', CLIENT], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const said: string[] = [];
    client.stdout?.setEncoding('utf8').on('data', (text: string) => said.push(text));
    const connected = async () =>
      ((await status()).balancer?.report?.frontends[0]?.connectionsTotal ?? 0) > 20;
    await waitUntil('traffic flows', connected, 5000, 50);
    process.kill(before.pid ?? 0, signal);
    const replaced = await ready();
    assert.equal(replaced.pid, before.spare.pid);
    assert.equal(replaced.restarts, before.restarts + 1);
    client.kill('SIGTERM');
    await waitUntil('the client reports', () => said.length > 0, 5000);
    const { sent, answered, slowest } = JSON.parse(said.join(''));
    assert.ok(sent > 50);
    return { failed: sent - answered, slowest };
  }

  it('costs no new connection when the balancer is killed', async (t) => {
    const { failed, slowest } = await felt('SIGKILL');
    t.diagnostic(`${failed} failed, the slowest took ${slowest.toFixed(1)} ms`);
    // One connection may have been inside the balancer that was killed.
    assert.ok(failed <= 1, `${failed} connections failed`);
  });

  it('costs no new connection when the balancer hangs', async (t) => {
    const { failed, slowest } = await felt('SIGSTOP');
    t.diagnostic(`${failed} failed, the slowest took ${slowest.toFixed(1)} ms`);
    // What it had accepted and not yet served when it was stopped is lost with it.
    assert.ok(failed <= 2, `${failed} connections failed`);
  });

  it('keeps the VIP side counting when a second balancer dies before the next spare is ready', async () => {
    const { pid, restarts } = await ready();
    process.kill(pid ?? 0, 'SIGKILL');
    const second = await waitUntil(
      'the spare serves',
      async () => {
        const { balancer } = await status();
        return balancer?.state === 'serving' && balancer.pid !== pid ? balancer : null;
      },
      5000,
      20,
    );
    process.kill(second.pid ?? 0, 'SIGKILL');
    const third = await ready();
    assert.equal(third.restarts, restarts + 2);
    assert.doesNotMatch(readFileSync(join(folder, 'log'), 'utf8'), /No balancer has served/);
  });

  it('is itself replaced when it dies', async () => {
    const { pid, spare } = await ready();
    process.kill(spare.pid ?? 0, 'SIGKILL');
    const other = await waitUntil(
      'another spare',
      async () => {
        const { balancer } = await status();
        const found = balancer?.spare;
        return found?.state === 'ready' && found.pid !== spare.pid ? balancer : null;
      },
      10_000,
      100,
    );
    assert.equal(other?.pid, pid, 'the active balancer was touched');
  });
});
