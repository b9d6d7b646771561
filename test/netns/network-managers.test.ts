/**
 * The network managers of real hosts at work around a VIP: restarted, told to configure the interface again, leases
 * renewed, the cable pulled. The node's own address stays its own, and the VIP is back where it was.
 */

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { type NetworkNode, NODE_INTERFACE, whyNoNamespaces } from '../kit/network.ts';
import { type ManagerKind, ManagerProcess, whyNoManager } from '../kit/network-manager.ts';
import { findCommand } from '../kit/peers.ts';
import { fastInstance, SpeakerProcess, VIP } from '../kit/speaker-process.ts';
import { createNetwork } from '../kit/vrrp-pair.ts';
import { waitUntil } from '../kit/wait-until.ts';

const skip = whyNoNamespaces() ?? false;

/** What administrators, upgrades and timers have each of them do. */
const ACTS: Readonly<Record<ManagerKind, readonly string[]>> = {
  'systemd-networkd': [
    `networkctl renew ${NODE_INTERFACE}`,
    'networkctl reload',
    `networkctl reconfigure ${NODE_INTERFACE}`,
  ],
  NetworkManager: [
    'nmcli connection reload',
    `nmcli device reapply ${NODE_INTERFACE}`,
    'nmcli connection up lan',
  ],
};

/** IPv4 addresses, the first of its network first; "secondary" behind the others. */
async function addressesOf(node: NetworkNode): Promise<readonly string[]> {
  const shown = await node.ip('-o', '-4', 'addr', 'show', 'dev', NODE_INTERFACE);
  return shown.split('\n').flatMap((line) => {
    const [, address] = /inet (\S+)\/\d+/.exec(line) ?? [];
    if (address === undefined) return [];
    return line.includes(' secondary ') ? `${address} secondary` : address;
  });
}

async function ownAddress(node: NetworkNode): Promise<string | null> {
  const own = (await addressesOf(node)).filter((address) => address !== VIP);
  return own.length === 1 ? (own[0] ?? null) : null;
}

/** What the node sends from; null while its manager has the network without a route. */
async function sendsFrom(node: NetworkNode): Promise<string | null> {
  const route = await node.ip('route', 'get', '10.99.0.99').catch(() => '');
  return / src (\S+) /.exec(route)?.[1] ?? null;
}

/** The own address is there, first of its network, and what the node sends from. */
async function ownStands(node: NetworkNode, own: string): Promise<void> {
  const source = await waitUntil(`${own} is the node's own`, async () =>
    (await ownAddress(node)) === own ? await sendsFrom(node) : null,
  );
  assert.equal(source, own);
}

async function serveDhcp(node: NetworkNode): Promise<void> {
  const range = '--dhcp-range=10.99.0.50,10.99.0.60,2m';
  const options = ['--no-daemon', '--port=0', '--user=root', '--dhcp-leasefile=/dev/null', range];
  node.spawn('dnsmasq', [...options, '--conf-file=/dev/null', '--dhcp-authoritative'], {
    stdio: 'ignore',
  });
}

async function perform(t: TestContext, kind: ManagerKind, addressing: 'static' | 'dhcp') {
  const { one, two, owned } = await createNetwork(t);
  await one.ip('addr', 'flush', 'dev', NODE_INTERFACE);
  if (addressing === 'dhcp') await serveDhcp(two);
  const prefix = `${one.address}/24`;
  const manager = await ManagerProcess.start(
    one,
    kind,
    addressing === 'dhcp' ? { kind: 'dhcp' } : { kind: 'static', prefix },
  );
  // Before the address: a node that boots.
  const first = await SpeakerProcess.start(one, fastInstance(200));
  const second = await SpeakerProcess.start(two, fastInstance(100));
  await owned('one');
  const own = await waitUntil('the node has its address', () => ownAddress(one));
  const acts: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['a restart', () => manager.restart()],
    ...ACTS[kind].map((command) => [command, () => manager.run(command)] as const),
  ];
  for (const [name, act] of acts) {
    const before = first.lines.length;
    await act();
    await owned('one');
    await ownStands(one, own);
    const told = first.lines.slice(before).flatMap((line) => {
      if (line.kind === 'transition') return [`to ${line.to}`];
      return line.kind === 'warning' ? [line.text] : [];
    });
    t.diagnostic(`${name}: ${told.length === 0 ? 'nothing' : told.join(', ')}`);
  }
  // Out for longer than the others wait, and shorter than a manager takes the addresses away.
  await one.setCarrier(false);
  await second.reaches('master');
  await one.setCarrier(true);
  await owned('one');
  await ownStands(one, own);
  assert.deepEqual((await first.status()).faults, []);
  first.kill('SIGTERM');
  await first.ended();
  await owned('two');
  await ownStands(one, own);
}

describe('the own address and the VIP survive', { skip, concurrency: 4 }, () => {
  for (const kind of ['systemd-networkd', 'NetworkManager'] as const) {
    for (const addressing of ['static', 'dhcp'] as const) {
      test(`${kind}, ${addressing}`, async (t) => {
        const reason = whyNoManager(kind);
        if (reason !== null) return t.skip(reason);
        if (addressing === 'dhcp' && findCommand('dnsmasq') === null) {
          return t.skip('dnsmasq is missing');
        }
        await perform(t, kind, addressing);
      });
    }
  }
});
