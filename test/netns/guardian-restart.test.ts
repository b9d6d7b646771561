/** A guardian that was killed is started again at once, as a service manager does it. */

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Network, type NetworkNode, waitUntil, whyNoNamespaces } from './fixture.ts';

const EVERGATE = resolve('bin/evergate');
const skip = whyNoNamespaces() ?? false;

describe('A guardian killed and started again', { skip, timeout: 60_000 }, () => {
  let folder = '';
  let network: Network;
  let node: NetworkNode;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-restart-'));
    network = await Network.create();
    node = await network.addNode('k8s-master', '192.168.1.92/24');
  });
  after(() => {
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const start = (): ChildProcess => {
    const config = join(folder, 'haproxy.cfg');
    writeFileSync(
      config,
      `defaults
    mode tcp
    timeout connect 1s
    timeout client 1h
    timeout server 1h
listen kube-api
    bind 0.0.0.0:8443
    server k8s-master 192.168.1.92:6443
`,
    );
    const log = join(folder, 'log');
    return node.spawn('sh', [
      '-c',
      `exec "$0" run --haproxy "$1" --run-dir "$2" 2>>"$3"`,
      EVERGATE,
      config,
      join(folder, 'run'),
      log,
    ]);
  };
  const log = (): string => readFileSync(join(folder, 'log'), 'utf8');
  const pidOf = (name: string): number =>
    Number(readFileSync(join(folder, 'run', `${name}.pid`), 'utf8'));

  it('does not find its port busy with its own orphan', async () => {
    start();
    const serves = /Balancer (\d+) serves/g;
    await waitUntil(
      'it serves',
      () => existsSync(join(folder, 'log')) && serves.test(log()),
      10_000,
    );
    for (let round = 1; round <= 3; round++) {
      const orphan = pidOf('balancer');
      process.kill(pidOf('guardian'), 'SIGKILL');
      start();
      await waitUntil(
        `start ${round + 1} serves`,
        () => (log().match(serves)?.length ?? 0) > round || /port-busy/.test(log()),
        10_000,
      );
      assert.doesNotMatch(log(), /port-busy/);
      assert.match(log(), new RegExp(`Ended balancer ${orphan}, left over`));
      assert.notEqual(pidOf('balancer'), orphan);
    }
  });
});
