/**
 * evergate.yaml with IPv6 addresses: three nodes agree by unicast VRRP over IPv6, the VIP answers, and it moves
 * when its owner is killed. Then the same nodes with a VIP of each family.
 */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Network, type NetworkNode, whyNoNamespaces } from '../kit/network.ts';
import { lookAtStatus } from '../kit/status.ts';
import { waitUntil } from '../kit/wait-until.ts';

const EVERGATE = resolve('bin/evergate');
const VIP4 = '192.168.1.94';
const VIP6 = 'fd00::94';
const LAST = [92, 93, 95];

/** Nobody has IPv6 only but the file: clients of IPv4 may come, too. */
const IPV6_ONLY = `vip: ${VIP6}/64
listen: 8443
nodes:
${LAST.map((last) => `  n${last}: fd00::${last}\n`).join('')}check: { type: tcp }
`;

const DUAL_STACK = `vip: [${VIP4}/24, "${VIP6}/64"]
listen: [8443, "${VIP4}:8444", "[${VIP6}]:8444"]
nodes:
${LAST.map((last) => `  n${last}: { address: [192.168.1.${last}, "fd00::${last}"] }\n`).join('')}check: { type: tcp }
`;

const SERVER = (name: string): string =>
  `require('node:http').createServer((_, answer) => answer.end('${name}')).listen(6443, '::')`;

const skip = whyNoNamespaces() ?? false;

describe('evergate.yaml with IPv6', { skip, timeout: 300_000 }, () => {
  let folder = '';
  let network: Network;
  let client: NetworkNode;
  let nodes: readonly NetworkNode[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-ipv6-'));
    network = await Network.create();
    for (const last of LAST) await addNode(`n${last}`, last);
    nodes = [...network.nodes];
    for (const node of nodes) node.spawn(process.execPath, ['-e', SERVER(node.name)]);
    client = await addNode('client', 200);
  });
  after(() => {
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function addNode(name: string, last: number): Promise<NetworkNode> {
    const node = await network.addNode(name, `192.168.1.${last}/24`);
    await node.ip('addr', 'add', `fd00::${last}/64`, 'dev', 'ens192', 'nodad');
    mkdirSync(join(folder, name));
    return node;
  }

  const path = (node: NetworkNode, name: string): string => join(folder, node.name, name);

  function start(node: NetworkNode, config: string): void {
    writeFileSync(path(node, 'evergate.yaml'), config);
    const command = 'exec "$0" run --config "$1" --run-dir "$2" 2>>"$3"';
    const args = [EVERGATE, path(node, 'evergate.yaml'), path(node, 'run'), path(node, 'log')];
    node.spawn('sh', ['-c', command, ...args]);
  }

  async function stop(node: NetworkNode): Promise<void> {
    const file = path(node, 'run/guardian.pid');
    const pid = Number(readFileSync(file, 'utf8'));
    process.kill(pid, 'SIGTERM');
    await waitUntil(`${node.name} ends`, () => !existsSync(`/proc/${pid}`));
  }

  /** Guardian, balancer and spare at once, as a power cut. */
  function cut(node: NetworkNode): void {
    for (const role of ['guardian', 'balancer', 'spare']) {
      const file = path(node, `run/${role}.pid`);
      if (existsSync(file)) process.kill(Number(readFileSync(file, 'utf8')), 'SIGKILL');
    }
  }

  async function statesOf(node: NetworkNode): Promise<string> {
    const report = await lookAtStatus(path(node, 'run'));
    return (report?.vrrp ?? []).map(({ name, state }) => `${name} ${state}`).join(', ');
  }

  async function owner(vip: string, among: readonly NetworkNode[]): Promise<NetworkNode> {
    return waitUntil(
      `one node holds ${vip}`,
      async () => {
        const names = await network.owners(vip);
        return names.length === 1 ? among.find(({ name }) => name === names[0]) : null;
      },
      50,
    ).catch((error: unknown) => {
      const logs = nodes.map((node) => readFileSync(path(node, 'log'), 'utf8')).join('---\n');
      throw new Error(`${String(error)}\n${logs}`);
    });
  }

  async function ask(vip: string, port = 8443): Promise<string> {
    const host = vip.includes(':') ? `[${vip}]` : vip;
    const url = `http://${host}:${port}/`;
    return waitUntil(
      `${url} answers`,
      async () => (await client.run('curl', ['-g', '-s', '--max-time', '1', url])).stdout || null,
      50,
    );
  }

  it('holds an IPv6 VIP on one node, and moves it when that is killed', async () => {
    for (const node of nodes) start(node, IPV6_ONLY);
    const first = await owner(VIP6, nodes);
    assert.match(await ask(VIP6), /^n9\d$/);
    // The address is there before the node can be asked.
    await waitUntil(
      'it says so',
      async () => (await statesOf(first)) === 'control-plane-ipv6 master',
    );
    cut(first);
    const others = nodes.filter((node) => node !== first);
    const second = await owner(VIP6, others);
    assert.match(await ask(VIP6), /^n9\d$/);
    for (const node of others) await stop(node);
    assert.deepEqual(await network.owners(VIP6), []);
    assert.notEqual(second.name, first.name);
  });

  it('holds a VIP of each family by an instance of each', async () => {
    for (const node of nodes) start(node, DUAL_STACK);
    for (const vip of [VIP4, VIP6]) {
      await owner(vip, nodes);
      assert.match(await ask(vip), /^n9\d$/);
      // Bound by all three, though one alone holds the address (IP_FREEBIND).
      assert.match(await ask(vip, 8444), /^n9\d$/);
    }
    await waitUntil(
      'each instance has one master and two backups',
      async () => {
        const all = (await Promise.all(nodes.map(statesOf))).flatMap((each) => each.split(', '));
        const names = ['control-plane', 'control-plane-ipv6'];
        const wanted = names.flatMap((name) =>
          ['master', 'backup', 'backup'].map((state) => `${name} ${state}`),
        );
        return all.toSorted().join() === wanted.toSorted().join();
      },
      100,
    );
  });
});
