/**
 * An election without VRRP in a real node: the guardian (its tracking, notifier, status, admin socket, drain and
 * reaper) and src/address/ carry a lease that a keeper in this process gives, and know no VRRP for it.
 */

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { AddressWatch } from '../kit/address-watch.ts';
import { LeaseKeeper } from '../kit/lease-keeper.ts';
import { HELD_MS, LEASE_MS } from '../kit/lease-section.ts';
import { Network, type NetworkNode, whyNoNamespaces } from '../kit/network.ts';
import { askStatus, lookAtStatus } from '../kit/status.ts';
import { type Attempt, judged } from '../kit/time-verdict.ts';
import { waitUntil } from '../kit/wait-until.ts';

const skip = whyNoNamespaces() ?? false;
const VIP = '10.99.0.100';
const MAIN = resolve('test/kit/lease-main.ts');
const EVERGATE = resolve('bin/evergate');
/** The kernel removes what nobody renews after two seconds at the earliest. */
const BY_KERNEL_MS = 1900;

describe('A lease in the place of VRRP', { skip }, () => {
  let network: Network;
  let a: NetworkNode;
  let b: NetworkNode;

  before(async () => {
    network = await Network.create();
    a = await network.addNode('a', '10.99.0.1/24');
    b = await network.addNode('b', '10.99.0.2/24');
  });
  after(() => network?.close());

  it('moves the VIP by faults and drains, outlives its owner, and never has two', async (t) => {
    await judged(t, async (attempt) => {
      await waitUntil('nobody owns', async () => (await network.owners(VIP)).length === 0);
      const folder = mkdtempSync(join(tmpdir(), 'evergate-lease-'));
      const watch = await AddressWatch.start([a, b], VIP);
      const started: ChildProcess[] = [];
      try {
        await play(attempt, folder, watch, started);
      } finally {
        for (const child of started) child.kill('SIGKILL');
        watch.close();
        rmSync(folder, { recursive: true, force: true });
      }
    });
  });

  async function play(
    attempt: Attempt,
    folder: string,
    watch: AddressWatch,
    started: ChildProcess[],
  ): Promise<void> {
    const keeper = new LeaseKeeper(LEASE_MS);
    /** The address is gone before its owner can say so. */
    const told = ({ name }: NetworkNode, line: RegExp) =>
      waitUntil(`${name} tells ${line}`, () =>
        line.test(readFileSync(join(folder, name, 'log'), 'utf8')),
      );
    const runDirOf = ({ name }: NetworkNode) => join(folder, name, 'run');
    const statusOf = (node: NetworkNode) => askStatus(runDirOf(node));
    const evergate = async (node: NetworkNode, ...words: readonly string[]): Promise<string> =>
      (await node.run(EVERGATE, [...words, '--run-dir', runDirOf(node)])).stdout;
    const owns = (node: NetworkNode) =>
      waitUntil(`${node.name} alone owns`, () => watch.owners.join() === node.name);

    const guardian = startNode(a, folder, keeper);
    started.push(guardian);
    await owns(a);
    const successor = startNode(b, folder, keeper);
    started.push(successor);
    for (const node of [a, b]) await waitUntil('it answers', () => lookAtStatus(runDirOf(node)));
    const { vrrp, addresses } = await statusOf(a);
    assert.deepEqual([vrrp[0]?.state, vrrp[0]?.held, addresses], ['master', true, [`${VIP}/24`]]);
    assert.equal(vrrp[0]?.virtualRouterId, undefined);
    assert.match(await evergate(a, 'status'), /^VIP lease: master on ens192$/m);

    writeFileSync(join(folder, 'a', 'load'), '1\n');
    await owns(b);
    assert.deepEqual((await statusOf(a)).vrrp[0]?.faults, ['file "load" holds 1']);
    writeFileSync(join(folder, 'a', 'load'), '0\n');
    await waitUntil('a may again', async () => (await statusOf(a)).verdict === 'healthy');

    await evergate(b, 'drain', 'node');
    await owns(a);
    assert.equal((await statusOf(b)).vrrp[0]?.drained, true);
    await evergate(b, 'ready', 'node');

    const killedAt = performance.now();
    guardian.kill('SIGKILL');
    await owns(b);
    const goneAt = watch.changes.findLast(({ node, held }) => node === 'a' && !held)?.at ?? 0;
    const tookMs = goneAt - killedAt;
    attempt.holds(tookMs > HELD_MS / 2, `gone after ${tookMs} ms`);
    attempt.atMost(tookMs, BY_KERNEL_MS, 'the reaper removes the VIP');
    await told(a, /removed 10\.99\.0\.100 of "lease": nobody has taken over/);

    successor.kill('SIGTERM');
    await waitUntil('nobody owns', () => watch.owners.length === 0);
    await told(b, /lease: master -> initialize \(it is stopped\)/);
    attempt.atMost(watch.spans(0).severalMs, 0, 'with two owners');
  }
});

function startNode(node: NetworkNode, folder: string, keeper: LeaseKeeper): ChildProcess {
  mkdirSync(join(folder, node.name), { recursive: true });
  const log = openSync(join(folder, node.name, 'log'), 'a');
  const args = [MAIN, VIP, join(folder, node.name)];
  const child = node.spawn(process.execPath, args, { stdio: ['ignore', 'ignore', log, 'ipc'] });
  closeSync(log);
  keeper.serve(child);
  return child;
}
