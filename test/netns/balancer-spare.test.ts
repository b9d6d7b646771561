/** The warm spare, with real processes: what clients feel when the active balancer is killed or hangs. */

import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { StatusReport } from '../../src/stats/status.ts';
import { Network, type NetworkNode, whyNoNamespaces } from '../kit/network.ts';
import { askStatus, lookAtStatus } from '../kit/status.ts';
import { judged } from '../kit/time-verdict.ts';
import { waitUntil } from '../kit/wait-until.ts';

const EVERGATE = resolve('bin/evergate');
const skip = whyNoNamespaces() ?? false;

/** Asks once every 10 ms, a new connection each time; a JSON line (Told) when it is told to stop. */
const CLIENT = `
const net = require('node:net');
const open = new Set();
const asked = [];
let slowest = 0;
const timer = setInterval(() => {
  const at = performance.timeOrigin + performance.now();
  asked.push(at);
  open.add(at);
  const socket = net.connect(8443, '127.0.0.1', () => socket.write('x'));
  socket.on('error', () => {});
  socket.on('data', () => {
    open.delete(at);
    slowest = Math.max(slowest, performance.timeOrigin + performance.now() - at);
    socket.end();
  });
}, 10);
process.on('SIGTERM', () => {
  clearInterval(timer);
  // Those that are lost say nothing more; the others are waited for.
  const last = asked.at(-1);
  const tell = () => {
    if (open.has(last) && performance.timeOrigin + performance.now() - last < 20000) return setTimeout(tell, 20);
    console.log(JSON.stringify({ sent: asked.length, failed: [...open], slowest }));
    process.exit();
  };
  setTimeout(tell, 500);
});
`;

/** Moments are milliseconds since 1970. */
type Told = {
  readonly sent: number;
  /** When those were begun that were never answered. */
  readonly failed: readonly number[];
  readonly slowest: number;
};

const SERVER = `require('node:net').createServer((s) => s.on('error', () => {}).pipe(s)).listen(6443, '127.0.0.1')`;

const CONFIG = `global
    user eg-no-such-account
    nbthread 2
defaults
    mode tcp
    timeout connect 1s
    timeout client 1h
    timeout server 1h
listen kube-api
    bind 127.0.0.1:8443
    server echo 127.0.0.1:6443
`;

describe('A warm spare', { skip, timeout: 300_000 }, () => {
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
    await waitUntil('it is up', () => lookAtStatus(folder));
  });
  after(async () => {
    // In order, so that the balancers end with their guardian.
    const guardian = Number(readFileSync(join(folder, 'guardian.pid'), 'utf8'));
    process.kill(guardian, 'SIGTERM');
    await waitUntil('it stops', () => !existsSync(`/proc/${guardian}`));
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const status = (): Promise<StatusReport> => askStatus(folder);

  /** `restarts`: after that many, at least. */
  const ready = (restarts = 0) =>
    waitUntil(
      'a spare is ready',
      async () => {
        const { balancer } = await status();
        const isReady = balancer?.state === 'serving' && balancer.spare.state === 'ready';
        return isReady && balancer.restarts >= restarts ? balancer : null;
      },
      100,
    );

  const accepted = async (): Promise<number> =>
    (await status()).balancer?.report?.frontends[0]?.connectionsTotal ?? 0;

  /** Until 20 more connections came than now: the spare may replace a balancer within a few. */
  const trafficFlows = async () => {
    const before = await accepted();
    await waitUntil('traffic flows', async () => (await accepted()) > before + 20, 50);
  };

  /** What clients saw of `signal`, and that the spare took the balancer's place. */
  async function felt(signal: NodeJS.Signals): Promise<Told & { readonly faultAt: number }> {
    const before = await ready();
    const client = node.spawn(process.execPath, ['-e', CLIENT], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const said: string[] = [];
    client.stdout?.setEncoding('utf8').on('data', (text: string) => said.push(text));
    await trafficFlows();
    process.kill(before.pid ?? 0, signal);
    const faultAt = performance.timeOrigin + performance.now();
    const replaced = await ready(before.restarts + 1);
    assert.equal(replaced.pid, before.spare.pid);
    assert.equal(replaced.restarts, before.restarts + 1);
    await trafficFlows();
    client.kill('SIGTERM');
    await waitUntil('the client reports', () => said.length > 0);
    return { ...JSON.parse(said.join('')), faultAt };
  }

  const relaysOf = (pid: number | null): number =>
    readdirSync(`/proc/${pid}/task`).filter((task) =>
      readFileSync(`/proc/${pid}/task/${task}/comm`, 'utf8').startsWith('relay-'),
    ).length;
  const startsNothing = (pid: number | null): boolean =>
    /^Max processes +0 +0 /m.test(readFileSync(`/proc/${pid}/limits`, 'utf8'));

  it('waits with one relay, and has as many as there are to be soon after it took over', async () => {
    const before = await ready();
    assert.equal(relaysOf(before.pid), 2);
    assert.ok(startsNothing(before.pid));
    assert.equal(relaysOf(before.spare.pid), 1);
    process.kill(before.pid ?? 0, 'SIGKILL');
    const { pid } = await ready(before.restarts + 1);
    assert.equal(pid, before.spare.pid);
    await waitUntil('it starts nothing more', () => startsNothing(pid));
    assert.equal(relaysOf(pid), 2);
    const { balancer } = await status();
    assert.equal(balancer?.report?.relays, 2);
    assert.equal(balancer?.report?.trouble ?? null, null);
  });

  it('costs no new connection when the balancer is killed', async (t) => {
    const { failed, slowest, faultAt } = await felt('SIGKILL');
    t.diagnostic(`${failed.length} failed, the slowest took ${slowest.toFixed(1)} ms`);
    // What was inside the balancer that was killed is lost with it, and nothing that came after.
    const later = failed.filter((begunAt) => begunAt > faultAt);
    assert.deepEqual(later, [], `new connections failed; the fault was at ${faultAt}`);
  });

  it('costs no new connection when the balancer hangs', async (t) => {
    const { failed, slowest, faultAt } = await felt('SIGSTOP');
    t.diagnostic(`${failed.length} failed, the slowest took ${slowest.toFixed(1)} ms`);
    // What it had accepted and not yet served when it was stopped is lost with it.
    const later = failed.filter((begunAt) => begunAt > faultAt);
    assert.deepEqual(later, [], `new connections failed; the fault was at ${faultAt}`);
  });

  it('keeps the VIP side counting when a second balancer dies before the next spare is ready', async (t) => {
    const log = (): string => readFileSync(join(folder, 'log'), 'utf8');
    // The next spare has to start within the grace period: on a late machine it may not.
    await judged(t, async (attempt) => {
      const { pid, restarts } = await ready();
      const before = log().length;
      process.kill(pid ?? 0, 'SIGKILL');
      const second = await waitUntil(
        'the spare serves',
        async () => {
          const { balancer } = await status();
          return balancer?.state === 'serving' && balancer.pid !== pid ? balancer : null;
        },
        20,
      );
      process.kill(second.pid ?? 0, 'SIGKILL');
      const third = await ready(restarts + 2);
      assert.equal(third.restarts, restarts + 2);
      const said = log().slice(before);
      attempt.holds(!said.includes('No balancer has served'), said);
    });
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
      100,
    );
    assert.equal(other?.pid, pid, 'the active balancer was touched');
  });
});
