/**
 * Clocks that are hours off. The time of day is set under a running cluster, by hours, forth and back: no VIP moves and
 * no connection is lost, because nothing is timed by it. A node whose clocks since boot are others than its neighbours' is
 * one like any other. Where nodes share a key they ask each other for the time, so that it costs nothing there either.
 */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { AddressWatch } from '../../kit/address-watch.ts';
import { GuardianCluster, HAPROXY, VIP } from '../../kit/guardian-cluster.ts';
import { Network, type NetworkNode, whyNoNamespaces } from '../../kit/network.ts';
import {
  bootedHoursAgo,
  SettableClock,
  whyNoFakeTime,
  whyNoTimeNamespaces,
} from '../../kit/set-clock.ts';
import { askStatus, lookAtStatus } from '../../kit/status.ts';
import { judged } from '../../kit/time-verdict.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const EVERGATE = resolve('bin/evergate');
const HOURS = 6;
/** Three down intervals of a backup: an election that were disturbed would be over. */
const ADVERTS = 12;
const noNamespaces = whyNoNamespaces();
const noTimeOfDay = noNamespaces ?? whyNoFakeTime() ?? false;
const noClocksSinceBoot = noNamespaces ?? whyNoTimeNamespaces() ?? false;

describe('a cluster without a key', { skip: noNamespaces ?? false, timeout: 300_000 }, () => {
  let cluster: GuardianCluster;
  let folder = '';
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-clocks-'));
    cluster = await GuardianCluster.create();
  });
  after(async () => {
    await cluster?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('keeps VIP and connections when clocks are set by hours', { skip: noTimeOfDay }, async (t) => {
    const a = new SettableClock('a');
    const b = new SettableClock('b');
    t.after(() => {
      a.close();
      b.close();
    });
    await judged(t, async ({ holds }) => {
      await cluster.settled();
      a.set(0);
      b.set(0);
      const runtime = join(folder, 'runtime');
      const haproxy = `global\n    stats socket ${runtime} level user\n${HAPROXY}`;
      const launches = [{ through: a.through, haproxy }, { through: b.through }];
      const [first, second, watch] = await cluster.pair(3, launches);
      const stop = await cluster.load(VIP);
      const steps = [
        () => a.set(HOURS),
        () => b.set(-HOURS),
        () => a.set(-HOURS),
        () => b.set(HOURS),
      ];
      for (const step of steps) {
        step();
        await adverts(first, ADVERTS);
      }
      const reloaded = await second.node.run(EVERGATE, ['reload', '--run-dir', second.runDir]);
      assert.equal(reloaded.code, 0, reloaded.stderr);
      const seen = await stop();
      t.diagnostic(JSON.stringify(seen));
      holds(seen.failed === 0, `${seen.failed} of ${seen.sent} connections failed`);
      holds(seen.longKept, 'the long connection was cut');
      holds(watch.changes.length === 1, `the VIP moved: ${JSON.stringify(watch.changes)}`);
      holds(!/-> master/.test(second.log()), `b was master: ${second.log()}`);
      // What was set reaches guardian and balancer, or nothing was shown.
      assert.ok(jumpMs(second.log()) > (HOURS - 1) * 3_600_000, second.log());
      assert.ok((await hoursOff(runtime)) < 1 - HOURS, 'the balancer of a');
    });
  });

  it('has a node that was booted hours earlier, as any other', {
    skip: noClocksSinceBoot,
  }, async (t) => {
    await judged(t, async ({ holds, atMost }) => {
      await cluster.settled();
      const early = { through: bootedHoursAgo(HOURS) };
      const [first, second, watch] = await cluster.pair(2, [early]);
      const stop = await cluster.load(VIP);
      // Its record of mastership is read by a process with the same clock.
      await first.killAndRestart();
      await first.up(2);
      const seen = await stop();
      holds(seen.failed === 0, `${seen.failed} of ${seen.sent} connections failed`);
      holds(seen.longKept, 'the long connection was cut');
      holds(watch.changes.length === 1, `the VIP moved: ${JSON.stringify(watch.changes)}`);
      assert.match(first.log(), /VRRP VI_1: initialize -> master \(master until \d+ ms ago\)/);
      const from = performance.now();
      first.signal('guardian', 'SIGSTOP');
      await waitUntil('b alone has it', () => watch.owners.join() === 'b');
      await waitUntil('the reaper of a saw it', () =>
        /The guardian hangs: removed/.test(first.log()),
      );
      first.signal('guardian', 'SIGCONT');
      await waitUntil('a knows', () => /master -> backup \(asleep for/.test(first.log()));
      atMost(watch.spans(from).severalMs, 50, 'with two owners');
      assert.equal((await askStatus(second.runDir)).vrrp[0]?.state, 'master');
    });
  });
});

/** Waits until it has advertised so often more: time passes, by its own measure. */
async function adverts({ runDir }: { readonly runDir: string }, count: number): Promise<void> {
  const sent = async () => (await askStatus(runDir)).vrrp[0]?.advertsSent ?? 0;
  const from = await sent();
  await waitUntil(`${count} advertisements`, async () => (await sent()) >= from + count, 50);
}

/** The greatest distance between the times of two lines, in ms. */
function jumpMs(log: string): number {
  const times = [...log.matchAll(/^\S+T\S+Z/gm)].map(([time]) => Date.parse(time));
  return Math.max(...times) - Math.min(...times);
}

/** By how much a balancer's time of day is off: it says when it was started, and how long ago. */
async function hoursOff(runtime: string): Promise<number> {
  const info = await text(connect(runtime).end('show info\n'));
  const number = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(info)?.[1]);
  return (number('Start_time_sec') + number('Uptime_sec') - Date.now() / 1000) / 3600;
}

describe('a cluster with a key', { skip: noTimeOfDay, timeout: 300_000 }, () => {
  let folder = '';
  let network: Network;
  let nodes: readonly NetworkNode[] = [];
  const clocks = new Map<string, SettableClock>();
  const runDir = ({ name }: NetworkNode): string => join(folder, name, 'run');

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-clocks-'));
    network = await Network.create();
    const key = join(folder, 'vrrp.key');
    writeFileSync(key, `hex:${'3c'.repeat(32)}\n`, { mode: 0o600 });
    for (const [name, address] of [
      ['a', '192.168.1.92'],
      ['b', '192.168.1.93'],
    ] as const) {
      await network.addNode(name, `${address}/24`);
      mkdirSync(join(folder, name));
      clocks.set(name, new SettableClock(`keyed-${name}`));
    }
    nodes = [...network.nodes];
    const list = nodes.map(({ name, address }) => `  ${name}: ${address}\n`).join('');
    writeFileSync(
      join(folder, 'evergate.yaml'),
      `vip: ${VIP}/24\nlisten: 8443\ncheck: { type: tcp }\nnodes:\n${list}vrrp: { interval: 500ms, key: ${key} }\n`,
    );
  });
  after(async () => {
    network?.close();
    for (const clock of clocks.values()) clock.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function start(node: NetworkNode) {
    const files = ['--config', join(folder, 'evergate.yaml'), '--run-dir', runDir(node)];
    const line = [...(clocks.get(node.name)?.through ?? []), EVERGATE, 'run', ...files];
    const [command = '', ...args] = [...line, '--no-spare'];
    return node.spawn(command, args, { stdio: 'ignore' });
  }

  const toldOfClock = (node: NetworkNode) =>
    waitUntil(`${node.name} names the other's clock`, async () => {
      const instance = (await lookAtStatus(runDir(node)))?.vrrp[0];
      return instance?.warnings?.some((warning) => /has a clock over 30 s from ours/.test(warning));
    });
  const stateOf = async (node: NetworkNode) => (await lookAtStatus(runDir(node)))?.vrrp[0]?.state;
  /** Longer than a backup waits for an owner whom it does not believe. */
  const passes = async (owner: NetworkNode) => adverts({ runDir: runDir(owner) }, 5);
  const drain = (node: NetworkNode, state: string) =>
    node.run(EVERGATE, [state, 'b', '--run-dir', runDir(node)]);

  it('has one owner while clocks are hours off, says whose, and drains servers on all nodes', async (t) => {
    const [a, b] = nodes;
    assert.ok(a !== undefined && b !== undefined);
    await judged(t, async ({ holds }) => {
      const [ofA, ofB] = [clocks.get('a'), clocks.get('b')];
      ofA?.set(0);
      // As a machine begins whose battery is empty, until NTP sets it.
      ofB?.set(HOURS);
      const children = [start(a), start(b)];
      await waitUntil('both are up', async () => (await stateOf(a)) && (await stateOf(b)), 50);
      await waitUntil('one owner', async () => (await network.owners(VIP)).length === 1, 50);
      const [owner, backup] = (await stateOf(a)) === 'master' ? [a, b] : [b, a];
      const watch = await AddressWatch.start(nodes, VIP);
      try {
        const from = performance.now();
        const steps = [() => {}, () => ofB?.set(-HOURS), () => ofA?.set(HOURS), () => ofB?.set(0)];
        for (const step of steps) {
          step();
          await passes(owner);
          const drained = await drain(backup, 'drain');
          holds(drained.code === 0, drained.stdout + drained.stderr);
          const back = await drain(owner, 'ready');
          holds(back.code === 0, back.stdout + back.stderr);
        }
        holds(watch.spans(from).severalMs === 0, `two owners: ${JSON.stringify(watch.changes)}`);
        holds(watch.spans(from).noneMs === 0, `no owner: ${JSON.stringify(watch.changes)}`);
        await toldOfClock(backup);
      } finally {
        watch.close();
        for (const child of children) child.kill('SIGTERM');
        await waitUntil('they stop', () => children.every((child) => child.exitCode !== null), 50);
      }
    });
  });
});
