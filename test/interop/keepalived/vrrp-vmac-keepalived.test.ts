/** `use_vmac` beside the real keepalived 2.2.7: the virtual MAC address, who has it, and what is left behind. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, type TestContext, test } from 'node:test';
import type { VrrpInstanceConfig } from '../../../src/config/model/vrrp.ts';
import { ADDRESS_DEFAULTS } from '../../../src/config/vrrp-defaults.ts';
import { Keepalived } from '../../kit/keepalived-process.ts';
import {
  hasProgram,
  Network,
  type NetworkNode,
  NODE_INTERFACE,
  whyNoNamespaces,
} from '../../kit/network.ts';
import { captureFrames } from '../../kit/packets.ts';
import { fastInstance, SpeakerProcess, VIP } from '../../kit/speaker-process.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const skip =
  whyNoNamespaces() ?? (hasProgram('keepalived') ? false : 'The package "keepalived" is missing');
const VMAC = 'vrrp.51';
const MAC = '00:00:5e:00:01:33';

function withVmac(
  priority: number,
  changes: Partial<VrrpInstanceConfig> = {},
  sendsFromBase = false,
): VrrpInstanceConfig {
  return fastInstance(priority, { virtualMac: { name: VMAC, sendsFromBase }, ...changes });
}

async function createNodes(t: TestContext) {
  const network = await Network.create();
  t.after(() => network.close());
  const theirs = await network.addNode('theirs', '10.99.0.1/24');
  const ours = await network.addNode('ours', '10.99.0.2/24');
  const client = await network.addNode('client', '10.99.0.3/24');
  return { theirs, ours, client };
}

/** On any interface of the node. */
async function holds(node: NetworkNode, address = VIP): Promise<boolean> {
  return (await node.ip('-o', 'addr', 'show')).includes(` ${address}/`);
}

function owner(node: NetworkNode, others: readonly NetworkNode[]): Promise<unknown> {
  return waitUntil(`${node.name} alone owns the VIP`, async () => {
    const held = await Promise.all(others.map((other) => holds(other)));
    return (await holds(node)) && !held.includes(true);
  });
}

/** The kernel says so a moment after it is switched on. */
async function isOn(node: NetworkNode, mac: string): Promise<void> {
  const pattern = new RegExp(`state UP[\\s\\S]*${mac}`);
  await waitUntil(`${VMAC} is on, with ${mac}`, async () =>
    pattern.test(await node.ip('link', 'show', VMAC)),
  );
}

/** The client reaches the VIP. */
async function reaches(client: NetworkNode, node: NetworkNode): Promise<void> {
  const serve = `require('node:net').createServer((s) => s.end('hello')).listen(8443);`;
  const server = node.spawn(process.execPath, ['-e', serve], { stdio: 'ignore' });
  const ask = `const s = require('node:net').connect(8443, '${VIP}'); s.setTimeout(500, () => process.exit(1));
    s.on('error', () => process.exit(1)); s.on('data', (d) => { console.log(String(d)); process.exit(0); });`;
  await waitUntil('the client reaches the VIP', async () =>
    (await client.run(process.execPath, ['-e', ask])).stdout.includes('hello'),
  );
  const gone = once(server, 'exit');
  server.kill('SIGKILL');
  await gone;
}

/** And by the virtual MAC address; keepalived's own ARP requests teach neighbours its base's instead. */
async function reachesByMac(client: NetworkNode, node: NetworkNode): Promise<void> {
  await reaches(client, node);
  assert.match(await client.ip('neigh', 'show', VIP), new RegExp(MAC));
}

describe('a virtual MAC address', { skip, concurrency: 3 }, () => {
  test('moves between keepalived and ours, and clients keep their way', async (t) => {
    const { theirs, ours, client } = await createNodes(t);
    const mode = { kind: 'lines', text: 'version 3\n  advert_int 0.1\n  use_vmac' } as const;
    const options = { state: 'BACKUP', address: VIP, mode } as const;
    const better = new Keepalived(theirs, { ...options, priority: 200 });
    await owner(theirs, [ours]);
    const speaker = await SpeakerProcess.start(ours, withVmac(100));
    const heard = async () => (await speaker.status()).master === theirs.address;
    await waitUntil('ours hears the master', heard);
    // As a backup it has the interface, switched off: it can send nothing from there.
    assert.match(
      await ours.ip('-d', 'link', 'show', VMAC),
      /state DOWN[\s\S]*macvlan mode private/,
    );
    await reaches(client, theirs);
    await better.terminate();
    await owner(ours, [theirs]);
    await isOn(ours, MAC);
    await reachesByMac(client, ours);
    const worse = new Keepalived(theirs, { ...options, priority: 50 });
    const before = (await speaker.status()).advertsSent;
    const later = async () => (await speaker.status()).advertsSent >= before + 10;
    await waitUntil('keepalived had time to disagree', later);
    await owner(ours, [theirs]);
    assert.deepEqual((await speaker.status()).dropped, {});
    speaker.kill('SIGTERM');
    await owner(theirs, [ours]);
    // It tidies up behind itself once another has the address.
    await speaker.ended();
    assert.doesNotMatch(await ours.ip('link'), /vrrp\.51/);
    await worse.terminate();
  });

  test('sends from it, or from the base; is made again; nothing is left, or taken up again', async (t) => {
    const { ours, client } = await createNodes(t);
    const first = await SpeakerProcess.start(ours, withVmac(100));
    await owner(ours, []);
    const [frame] = await captureFrames(client, NODE_INTERFACE, 1);
    assert.equal(frame?.toString('hex', 6, 12), MAC.replaceAll(':', ''));
    await ours.ip('link', 'del', VMAC);
    await waitUntil('it is made again', () => holds(ours));
    await reachesByMac(client, ours);
    first.kill('SIGKILL');
    await waitUntil('its address goes', async () => !(await holds(ours)));
    assert.match(await ours.ip('link'), /vrrp\.51/);
    const base = await SpeakerProcess.start(ours, withVmac(100, {}, true));
    await owner(ours, []);
    const [other] = await captureFrames(client, NODE_INTERFACE, 1);
    assert.notEqual(other?.toString('hex', 6, 12), MAC.replaceAll(':', ''));
    await reachesByMac(client, ours);
    const ignore = ['/proc/sys/net/ipv4/conf/ens192/arp_ignore'];
    base.kill('SIGTERM');
    await base.ended();
    assert.equal(Number((await ours.run('cat', ignore)).stdout), 1, 'as the killed one left it');
    await ours.ip('link', 'add', VMAC, 'type', 'veth', 'peer', 'name', 'other');
    const refused = new SpeakerProcess(ours, withVmac(100));
    assert.match((await refused.line('refused')).text, /has not the virtual MAC address/);
  });

  test('of an IPv6 router', async (t) => {
    const { ours, client } = await createNodes(t);
    const vip = 'fe80::99';
    const addresses = [{ ...ADDRESS_DEFAULTS, address: vip, prefixLength: 64 }];
    const transport = { kind: 'multicast', group: 'ff02::12' } as const;
    const isSettled = async () => {
      const text = await ours.ip('-6', 'addr', 'show', 'dev', NODE_INTERFACE);
      return text.includes('fe80:') && !text.includes('tentative');
    };
    await waitUntil('it has a link-local address', isSettled);
    const speaker = await SpeakerProcess.start(ours, withVmac(100, { addresses, transport }));
    await speaker.reaches('master');
    await waitUntil('the address is there', () => holds(ours, vip));
    await isOn(ours, '00:00:5e:00:02:33');
    assert.equal((await ours.ip('-o', '-6', 'addr', 'show', 'dev', VMAC)).split('inet6').length, 2);
    const [frame] = await captureFrames(client, NODE_INTERFACE, 1);
    assert.equal(frame?.toString('hex', 6, 12), '00005e000233');
  });
});
