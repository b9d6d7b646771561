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
import type { StatusReport } from '../../src/stats/status.ts';
import { AddressWatch } from '../kit/address-watch.ts';
import { LeaseKeeper } from '../kit/lease-keeper.ts';
import { HELD_MS, LEASE_MS } from '../kit/lease-section.ts';
import { Network, type NetworkNode, waitUntil, whyNoNamespaces } from '../kit/network.ts';

const skip = whyNoNamespaces() ?? false;
const VIP = '10.99.0.100';
const MAIN = resolve('test/kit/lease-main.ts');
const EVERGATE = resolve('bin/evergate');
const BOUND_MS = 10_000;

describe('A lease in the place of VRRP', { skip, timeout: 90_000 }, () => {
  const keeper = new LeaseKeeper(LEASE_MS);
  let folder = '';
  let network: Network;
  let a: NetworkNode;
  let b: NetworkNode;
  let watch: AddressWatch;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-lease-'));
    network = await Network.create();
    a = await network.addNode('a', '10.99.0.1/24');
    b = await network.addNode('b', '10.99.0.2/24');
    watch = await AddressWatch.start([a, b], VIP);
  });
  after(() => {
    watch?.close();
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function start(node: NetworkNode): ChildProcess {
    mkdirSync(join(folder, node.name), { recursive: true });
    const log = openSync(join(folder, node.name, 'log'), 'a');
    const args = [MAIN, VIP, join(folder, node.name)];
    const child = node.spawn(process.execPath, args, { stdio: ['ignore', 'ignore', log, 'ipc'] });
    closeSync(log);
    keeper.serve(child);
    return child;
  }

  const logOf = ({ name }: NetworkNode) => readFileSync(join(folder, name, 'log'), 'utf8');
  const owns = (node: NetworkNode) =>
    waitUntil(`${node.name} alone owns`, () => watch.owners.join() === node.name, BOUND_MS);

  async function evergate(node: NetworkNode, ...words: readonly string[]): Promise<string> {
    const runDir = ['--run-dir', join(folder, node.name, 'run')];
    return (await node.run(EVERGATE, [...words, ...runDir])).stdout;
  }

  async function statusOf(node: NetworkNode): Promise<StatusReport> {
    return JSON.parse(await evergate(node, 'status', '--json'));
  }

  it('moves the VIP by faults and drains, outlives its owner, and never has two', async () => {
    const guardian = start(a);
    await owns(a);
    const successor = start(b);
    await waitUntil('b is up', () => /is up; admin socket/.test(logOf(b)), BOUND_MS);
    const { vrrp, addresses } = await statusOf(a);
    assert.deepEqual([vrrp[0]?.state, vrrp[0]?.held, addresses], ['master', true, [`${VIP}/24`]]);
    assert.equal(vrrp[0]?.virtualRouterId, undefined);
    assert.match(await evergate(a, 'status'), /^VIP lease: master on ens192$/m);

    writeFileSync(join(folder, 'a', 'load'), '1\n');
    await owns(b);
    assert.deepEqual((await statusOf(a)).vrrp[0]?.faults, ['file "load" holds 1']);
    writeFileSync(join(folder, 'a', 'load'), '0\n');
    await waitUntil('a may again', async () => (await statusOf(a)).verdict === 'healthy', BOUND_MS);

    await evergate(b, 'drain', 'node');
    await owns(a);
    assert.equal((await statusOf(b)).vrrp[0]?.drained, true);
    await evergate(b, 'ready', 'node');

    const killedAt = performance.now();
    guardian.kill('SIGKILL');
    await owns(b);
    const goneAt = watch.changes.findLast(({ node, held }) => node === 'a' && !held)?.at ?? 0;
    // By the reaper, when the section says so: the kernel would do it after two seconds at the earliest.
    const tookMs = goneAt - killedAt;
    assert.ok(tookMs > HELD_MS / 2 && tookMs < 1900, `gone after ${tookMs} ms`);
    assert.match(logOf(a), /removed 10\.99\.0\.100 of "lease": nobody has taken over/);

    successor.kill('SIGTERM');
    await waitUntil('nobody owns', () => watch.owners.length === 0, BOUND_MS);
    assert.match(logOf(b), /lease: master -> initialize \(it is stopped\)/);
    assert.equal(watch.spans(0).severalMs, 0, 'two owned at once');
  });
});
