/**
 * Nodes that are given by names, with a real DNS server on each: one whose peers it cannot find is no second master,
 * and a peer that moves is followed.
 */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { InstanceStatus } from '../../src/stats/status.ts';
import { NameServers } from '../kit/name-servers.ts';
import {
  hasProgram,
  Network,
  type NetworkNode,
  NODE_INTERFACE,
  whyNoNamespaces,
} from '../kit/network.ts';
import { lookAtStatus } from '../kit/status.ts';
import { waitUntil } from '../kit/wait-until.ts';

const EVERGATE = resolve('bin/evergate');
const VIP = '10.99.0.100';
const CONFIGURATION = `vip: ${VIP}/24
nodes: { a: a.example, b: b.example }
`;

const skip =
  whyNoNamespaces() ??
  (hasProgram('dnsmasq') ? false : 'The program "dnsmasq" (Debian: dnsmasq-base) is missing');

describe('names of nodes', { skip, timeout: 300_000 }, () => {
  let folder = '';
  let network: Network;
  let a: NetworkNode;
  let b: NetworkNode;
  let namesOfA: NameServers;
  let namesOfB: NameServers;
  const path = (node: NetworkNode, name: string): string => join(folder, node.name, name);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-nodes-'));
    network = await Network.create();
    a = await network.addNode('a', '10.99.0.1/24');
    b = await network.addNode('b', '10.99.0.2/24');
    for (const node of [a, b]) mkdirSync(join(folder, node.name));
    namesOfA = new NameServers(a, join(folder, 'a'));
    namesOfB = new NameServers(b, join(folder, 'b'));
  });
  after(async () => {
    await namesOfA?.close();
    await namesOfB?.close();
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function start(node: NetworkNode): void {
    const file = path(node, 'evergate.yaml');
    writeFileSync(file, CONFIGURATION);
    const command = 'exec "$0" run --config "$1" --run-dir "$2" 2>"$3"';
    node.spawn('sh', ['-c', command, EVERGATE, file, path(node, 'run'), path(node, 'log')]);
  }

  const logOf = (node: NetworkNode): string =>
    existsSync(path(node, 'log')) ? readFileSync(path(node, 'log'), 'utf8') : '';

  async function shows(
    node: NetworkNode,
    what: string,
    isSo: (instance: InstanceStatus) => boolean,
  ): Promise<void> {
    await waitUntil(`${node.name}: ${what}`, async () => {
      const [instance] = (await lookAtStatus(path(node, 'run')))?.vrrp ?? [];
      return instance !== undefined && isSo(instance);
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${logOf(node)}`);
    });
  }

  const zone = (addressOfB: string) => ({
    ttl: 1,
    hosts: { 'a.example': ['10.99.0.1'], 'b.example': [addressOfB] },
  });

  it('waits in FAULT for a peer whose name leads nowhere, and goes on by itself', async () => {
    start(a);
    await waitUntil('it waits for its own name', () =>
      /This seems to be node "a": waits/.test(logOf(a)),
    );
    await namesOfA.serve({ ttl: 1, hosts: { 'a.example': ['10.99.0.1'] } });
    const why = 'The name "b.example" of node "b" has no address yet';
    await shows(a, 'FAULT', ({ state, faults }) => state === 'fault' && faults[0] === why);
    assert.deepEqual(await network.owners(VIP), []);
    await namesOfA.serve(zone('10.99.0.2'));
    await shows(a, 'master', ({ state, held }) => state === 'master' && held);
    await namesOfB.serve(zone('10.99.0.2'));
    start(b);
    await shows(b, 'backup', ({ state, master }) => state === 'backup' && master === '10.99.0.1');
    assert.deepEqual(await network.owners(VIP), ['a']);
  });

  it('follows a peer whose name leads elsewhere, as the peer does itself', async () => {
    await namesOfA.serve(zone('10.99.0.3'));
    await namesOfB.serve(zone('10.99.0.3'));
    await b.ip('addr', 'del', '10.99.0.2/24', 'dev', NODE_INTERFACE);
    await b.ip('addr', 'add', '10.99.0.3/24', 'brd', '+', 'dev', NODE_INTERFACE);
    for (const node of [a, b]) {
      await waitUntil(`${node.name} has read it again`, () =>
        /Reload: VRRP instance control-plane: /.test(logOf(node)),
      );
    }
    await shows(b, 'backup again', ({ state, master }) => {
      return state === 'backup' && master === '10.99.0.1';
    });
    assert.deepEqual(await network.owners(VIP), ['a']);
  });

  it('keeps its peers where they were while nobody answers for their names', async () => {
    const questions = await namesOfA.fail('nxdomain');
    const { code, stdout } = await a.run(EVERGATE, ['reload', '--run-dir', path(a, 'run')]);
    assert.deepEqual([code, stdout.includes('Nothing has changed')], [0, true], stdout);
    assert.ok(questions('b.example') > 0);
    await shows(a, 'master', ({ state, held }) => state === 'master' && held);
    await shows(b, 'backup', ({ state }) => state === 'backup');
    assert.deepEqual(await network.owners(VIP), ['a']);
  });
});
