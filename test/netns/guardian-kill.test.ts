/**
 * A guardian that is killed, alone or with its balancers, and started again or not; and one that hangs: what clients
 * and the VIP see of it.
 */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, afterEach, before, describe, it, type TestContext } from 'node:test';
import { identify, isRunning } from '../../src/lab/processes.ts';
import type { AddressWatch } from '../kit/address-watch.ts';
import { GuardianCluster, keepalived, type Seen, VIP } from '../kit/guardian-cluster.ts';
import { whyNoNamespaces } from '../kit/network.ts';
import { judged } from '../kit/time-verdict.ts';
import { waitUntil } from '../kit/wait-until.ts';

const skip = whyNoNamespaces() ?? false;

/** Two kernels tell of their addresses through a process each: what comes closer together has no order. */
const TOLD_APART_MS = 5;

describe('A guardian that is killed', { skip, timeout: 300_000 }, () => {
  let cluster: GuardianCluster;

  before(async () => {
    cluster = await GuardianCluster.create();
  });
  afterEach(() => cluster.settled());
  after(() => cluster?.close());

  function report(t: TestContext, seen: Seen, watch: AddressWatch | null, from: number): void {
    const { severalMs = 0, noneMs = 0 } = watch?.spans(from) ?? {};
    const owners =
      watch === null
        ? ''
        : `; two owners ${Math.round(severalMs)} ms, none ${Math.round(noneMs)} ms`;
    t.diagnostic(`${JSON.stringify(seen)}${owners}`);
  }

  it('and started again costs no new connection, and no long one, twice in a row', async (t) => {
    // A balancer serves on without a guardian for five seconds.
    await judged(t, async ({ holds }) => {
      await cluster.settled();
      const one = await cluster.daemon(cluster.a);
      for (let round = 1; round <= 2; round++) {
        const stop = await cluster.load('192.168.1.92');
        const orphan = one.pid('balancer');
        await one.killAndRestart();
        await one.up(round + 1);
        assert.notEqual(one.pid('balancer'), orphan);
        const seen = await stop();
        report(t, seen, null, 0);
        assert.ok(seen.sent > 40);
        holds(seen.failed === 0, `${seen.failed} connections failed`);
        holds(seen.longKept, 'the long connection was cut');
        // The client is gone, and with it the last connection of the orphan.
        await waitUntil('the orphan ends', () => !existsSync(`/proc/${orphan}`));
      }
      assert.doesNotMatch(one.log(), /port-busy/);
    });
  });

  it('and started again within the down interval goes on as master', async (t) => {
    // A machine that is late by the down interval lets the backup take over.
    await judged(t, async ({ holds }) => {
      await cluster.settled();
      const [first, second, watch] = await cluster.pair(2);
      const stop = await cluster.load(VIP);
      const killedAt = performance.now();
      await first.killAndRestart();
      await first.up(2);
      const seen = await stop();
      report(t, seen, watch, killedAt);
      const changes = watch.changes.map(({ node, held }) => `${node} ${held}`).join();
      holds(changes === 'a true', `the VIP moved: ${changes}`);
      holds(!/-> master/.test(second.log()), `b was master: ${second.log()}`);
      assert.match(first.log(), /VRRP VI_1: initialize -> master \(master until \d+ ms ago\)/);
      holds(seen.failed === 0, `${seen.failed} connections failed`);
      holds(seen.longKept, 'the long connection was cut');
    });
  });

  it('and one that hands over has the others wait, also with intervals of 100 ms', async (t) => {
    await judged(t, async (attempt) => {
      await cluster.settled();
      const [first, second, watch] = await cluster.pair(3);
      const stop = await cluster.load(VIP);
      const leftAt = performance.now();
      await first.handOverAndRestart();
      await first.up(2);
      const seen = await stop();
      report(t, seen, watch, leftAt);
      assert.match(second.log(), /192\.168\.1\.92 advertises every 3000 ms, not as here/);
      // They wait for nine seconds and more.
      const resumed = /VRRP VI_1: initialize -> master \(master until \d+ ms ago\)/;
      attempt.holds(resumed.test(first.log()), first.log());
      attempt.holds(seen.failed === 0, `${seen.failed} connections failed`);
      attempt.holds(seen.longKept, 'the long connection was cut');
      const owners = watch.changes.map(({ node, held }) => `${node} ${held}`);
      attempt.holds(owners.join() === 'a true', owners.join());
      // As fast as ever again.
      first.kill('guardian', 'balancer', 'spare');
      await waitUntil('b has it', () => second.log().includes('-> master'));
      const silent = /has been silent for (\d+) ms/.exec(second.log())?.[1];
      attempt.atMost(Number(silent), 1000, 'the backup waited');
    });
  });

  it('and one whose start is ended by another restart leaves all to the next', async (t) => {
    await judged(t, async ({ holds }) => {
      await cluster.settled();
      const [first, , watch] = await cluster.pair(3);
      const stop = await cluster.load(VIP);
      const leftAt = performance.now();
      const guardian = first.pid('guardian');
      await first.handOverAndRestart();
      await waitUntil('it starts', () => first.pid('guardian') !== guardian);
      const own = await waitUntil('its balancer is there', () => first.children('balancer')[0]);
      // It comes to serve no more before the guardian is asked to leave.
      process.kill(own, 'SIGSTOP');
      const kept = () => /VRRP VI_1: initialize -> master/.test(first.log());
      // A machine that is late may have the backup miss it meanwhile.
      const lost = () => watch.owners.join() === 'b';
      await waitUntil('somebody has the VIP', () => kept() || lost());
      await first.handOverAndRestart();
      await first.up(2);
      const seen = await stop();
      report(t, seen, watch, leftAt);
      assert.equal(first.log().match(/SIGUSR2: leaves connections and VIP/g)?.length, 2);
      const owners = watch.changes.map(({ node, held }) => `${node} ${held}`).join();
      holds(owners === 'a true', `the VIP moved: ${owners}`);
      holds(seen.failed === 0, `${seen.failed} connections failed`);
      holds(seen.longKept, 'the long connection was cut');
    });
  });

  for (const version of [2, 3] as const) {
    it(`alone serves on until a backup has the VIP (VRRP version ${version})`, async (t) => {
      await judged(t, async (attempt) => {
        await cluster.settled();
        const [first, , watch] = await cluster.pair(version);
        const stop = await cluster.load(VIP);
        const killedAt = performance.now();
        const reaper = identify(first.pid('reaper'));
        first.kill('guardian');
        await waitUntil('b alone has it', () => watch.owners.join() === 'b');
        const seen = await stop();
        report(t, seen, watch, killedAt);
        const { severalMs, noneMs } = watch.spans(killedAt);
        const told = () => /removed 192.168.1.94 of "VI_1": .*/.exec(first.log())?.[0];
        const isOver = () => reaper === null || !isRunning(reaper);
        await waitUntil('its reaper tells so, or ends', () => told() !== undefined || isOver());
        // A backup that rises late finds it gone by its time, and so does a reaper that is late.
        const removed = told() ?? 'its reaper has removed nothing';
        attempt.holds(removed.includes(': 192.168.1.93 is master now'), removed);
        attempt.atMost(noneMs, TOLD_APART_MS, 'without an owner');
        attempt.atMost(severalMs, 200, 'with two owners');
        // Connections that were being made while the address moved.
        attempt.holds(seen.failed <= 2, `${seen.failed} connections failed`);
        await waitUntil('its balancer ends', () => !existsSync(`/proc/${first.pid('balancer')}`));
      });
    });
  }

  for (const version of [2, 3] as const) {
    it(`or hangs is no second owner, and none when it goes on (VRRP version ${version})`, async (t) => {
      await judged(t, async (attempt) => {
        await cluster.settled();
        const [first, , watch] = await cluster.pair(version);
        const stop = await cluster.load(VIP);
        const stoppedAt = performance.now();
        first.signal('guardian', 'SIGSTOP');
        await waitUntil('b alone has it', () => watch.owners.join() === 'b');
        const before = watch.changes.length;
        first.signal('guardian', 'SIGCONT');
        await waitUntil('it knows', () => /master -> backup \(asleep for/.test(first.log()));
        const seen = await stop();
        report(t, seen, watch, stoppedAt);
        const { severalMs, noneMs } = watch.spans(stoppedAt);
        await waitUntil('it was told', () => /The guardian hangs: removed/.test(first.log()));
        attempt.atMost(noneMs, TOLD_APART_MS, 'without an owner');
        attempt.atMost(severalMs, 50, 'with two owners');
        attempt.holds(seen.failed <= 2, `${seen.failed} connections failed`);
        assert.deepEqual(watch.changes.slice(before), [], 'b is owner throughout');
      });
    });
  }

  it('alone, with nobody to follow it, leaves no VIP behind', async (t) => {
    await judged(t, async (attempt) => {
      await cluster.settled();
      const one = await cluster.daemon(cluster.a, keepalived(100, 3));
      await waitUntil('a owns the VIP', () => cluster.a.holds(VIP));
      const tookMs = await goneAfter(t, () => one.kill('guardian'));
      // Four intervals since the last advertisement, which is up to one old, and no less.
      assert.ok(tookMs > 290, `gone after ${tookMs} ms`);
      attempt.atMost(tookMs, 700, 'gone after');
    });
  });

  it('with its balancers leaves the VIP at once', async (t) => {
    await judged(t, async (attempt) => {
      await cluster.settled();
      const one = await cluster.daemon(cluster.a, keepalived(100, 2));
      await waitUntil('a owns the VIP', () => cluster.a.holds(VIP));
      await waitUntil('a spare is there', () => one.has('spare'));
      const tookMs = await goneAfter(t, () => one.kill('guardian', 'balancer', 'spare'));
      attempt.atMost(tookMs, 300, 'gone after');
    });
  });

  /** How long after `kill` node a has lost the VIP, in ms. */
  async function goneAfter(t: TestContext, kill: () => void): Promise<number> {
    const watch = await cluster.watch(cluster.a);
    const killedAt = performance.now();
    kill();
    await waitUntil('the VIP is gone', () => watch.owners.length === 0, 5);
    const tookMs = (watch.changes.at(-1)?.at ?? 0) - killedAt;
    t.diagnostic(`gone after ${Math.round(tookMs)} ms`);
    return tookMs;
  }
});
