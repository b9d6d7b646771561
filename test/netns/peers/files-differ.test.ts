/**
 * Two nodes whose evergate.yaml differ where they must agree: each says in what, with the key by asking the other, without
 * one by what its VRRP shows, and no longer once they agree.
 */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Network, type NetworkNode, whyNoNamespaces } from '../../kit/network.ts';
import { lookAtStatus } from '../../kit/status.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const EVERGATE = resolve('bin/evergate');
const skip = whyNoNamespaces() ?? false;
const A = '  a: 192.168.1.92\n';
const B = '  b: 192.168.1.93\n';
const C = '  c: 192.168.1.95\n';
const SAID = 'The files of the nodes differ, and must agree: ';

type File = {
  readonly vip?: string;
  readonly listen?: number;
  readonly nodes?: string;
  readonly vrrp?: string;
};

describe('Nodes with different files', { skip, timeout: 300_000 }, () => {
  let folder = '';
  let network: Network;
  let a: NetworkNode;
  let b: NetworkNode;
  const children: ReturnType<NetworkNode['spawn']>[] = [];
  const path = (node: NetworkNode, name: string): string => join(folder, node.name, name);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-differ-'));
    writeFileSync(join(folder, 'key'), `hex:${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
    network = await Network.create();
    a = await network.addNode('a', '192.168.1.92/24');
    b = await network.addNode('b', '192.168.1.93/24');
    for (const node of [a, b]) mkdirSync(join(folder, node.name));
    write(a, {});
    write(b, { vip: '192.168.1.96/25', listen: 9443 });
    for (const node of [a, b]) {
      const args = ['run', '--config', path(node, 'evergate.yaml'), '--run-dir', path(node, 'run')];
      const log = openSync(path(node, 'log'), 'w');
      const stdio = ['ignore', 'ignore', log] as const;
      children.push(node.spawn(EVERGATE, [...args, '--no-spare'], { stdio: [...stdio] }));
    }
  });
  after(async () => {
    for (const child of children) child.kill('SIGTERM');
    const hasEnded = ({ exitCode, signalCode }: (typeof children)[number]) =>
      exitCode !== null || signalCode !== null;
    await waitUntil('they stop', () => children.every(hasEnded), 50);
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const signed = () => `key: ${join(folder, 'key')}`;

  function write(node: NetworkNode, { vip, listen, nodes, vrrp }: File): void {
    const text =
      `vip: ${vip ?? '192.168.1.94/24'}\nlisten: ${listen ?? 8443}\ncheck: { type: tcp }\n` +
      `nodes:\n${nodes ?? A + B}vrrp: { interval: 500ms, ${vrrp ?? signed()} }\n`;
    writeFileSync(path(node, 'evergate.yaml'), text);
  }

  async function reload(node: NetworkNode): Promise<void> {
    const { code, stderr } = await node.run(EVERGATE, ['reload', '--run-dir', path(node, 'run')]);
    assert.equal(code, 0, stderr);
  }

  /** Waits until the node says just these differences. */
  async function says(node: NetworkNode, ...wanted: readonly string[]): Promise<void> {
    let reasons: readonly string[] = [];
    const isSo = async (): Promise<boolean> => {
      const report = await lookAtStatus(path(node, 'run'));
      if (report === null) return false;
      reasons = report.reasons.filter((reason) => reason.startsWith(SAID));
      if (wanted.length > 0) assert.notEqual(report.verdict, 'healthy');
      return reasons.join() === wanted.map((each) => SAID + each).join();
    };
    await waitUntil(`${node.name} says: ${wanted.join('; ')}`, isSo, 100).catch(
      (error: unknown) => {
        throw new Error(
          `${String(error)}\n${log(a)}\n${log(b)}\n${reasons.join('\n')}\n${log(node)}`,
        );
      },
    );
  }

  const log = (node: NetworkNode): string => readFileSync(path(node, 'log'), 'utf8');

  it('say in what, and once in the log', async () => {
    await says(
      a,
      'b has vip 192.168.1.96/25, here 192.168.1.94/24',
      'b has router-id 96, here 94',
      'b has listen port 9443, here 8443',
    );
    await says(
      b,
      'a has vip 192.168.1.94/24, here 192.168.1.96/25',
      'a has router-id 94, here 96',
      'a has listen port 8443, here 9443',
    );
    write(b, { vrrp: `${signed()}, transport: multicast` });
    await reload(b);
    // It asks by what its file has now, so it is asked at once.
    await says(a, 'b has transport multicast, here unicast');
    write(b, {});
    await reload(b);
    for (const node of [a, b]) await says(node);
    const text = 'b has vip 192.168.1.96/25, here 192.168.1.94/24';
    const lines = log(a).split('\n');
    const told = lines.filter((line) => line.includes(text));
    assert.deepEqual(
      told.map((line) => /The files of the nodes differ|No longer so/.exec(line)?.[0]),
      ['The files of the nodes differ', 'No longer so'],
    );
  });

  it('also where one does not have the other in its list', async () => {
    write(b, { nodes: B + C });
    await reload(b);
    const [ofA, ofB] = ['a 192.168.1.92, b 192.168.1.93', 'b 192.168.1.93, c 192.168.1.95'];
    await says(a, `b has nodes ${ofB}, here ${ofA}`);
    await says(b, `a has nodes ${ofA}, here ${ofB}`);
    write(b, {});
    await reload(b);
    for (const node of [a, b]) await says(node);
  });

  it('see it in advertisements where they have no key', async () => {
    const plain = 'router-id: 94';
    write(a, { vrrp: plain });
    write(b, { vip: '192.168.1.96/25', vrrp: plain });
    for (const node of [a, b]) await reload(node);
    const states = await waitUntil('one is master, the other backup', async () => {
      const reports = await Promise.all([a, b].map((node) => lookAtStatus(path(node, 'run'))));
      const found = reports.map((report) => report?.vrrp[0]?.state);
      return found.toSorted().join() === 'backup,master' ? found : null;
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${log(a)}\n${log(b)}`);
    });
    // Only who is master advertises.
    if (states[0] === 'master') await says(b, 'a has vip 192.168.1.94, here 192.168.1.96');
    else await says(a, 'b has vip 192.168.1.96, here 192.168.1.94');
    write(b, { vip: '192.168.1.96/25', vrrp: 'router-id: 8' });
    await reload(b);
    await says(a, 'b has router-id 8, here 94');
    await says(b, 'a has router-id 94, here 8');
    write(b, { vrrp: plain });
    await reload(b);
    for (const node of [a, b]) await says(node);
  });
});
