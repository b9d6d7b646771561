import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EADDRNOTAVAIL, ENOBUFS, ENODEV, SystemError } from '../../linux/errno.ts';
import { address, DOWN_MS, INTERVAL_MS, link, OTHER, RISE, TestNode, VIP } from './fixture.ts';

/** Which of what it did has to do with addresses. */
function onAddresses(node: TestNode): readonly string[] {
  return node.done().filter((word) => !/^advert|^renew|^adapt/.test(word));
}

const PUT_BACK = ['put', 'garp 2'];
const MAC = '02:00:00:00:00:99';

test('an address that is taken away is put back at once, and announced', () => {
  const node = new TestNode().rise();
  node.takeAway(DOWN_MS + 10, ' by "ip" (4711)');
  assert.deepEqual(onAddresses(node), PUT_BACK);
  assert.ok(node.present.some((each) => each.address === VIP));
  const told = 'VRRP instance "VI_1" had an address taken away by "ip" (4711) and put it back';
  assert.deepEqual(node.told(), [told]);
  assert.equal(node.instance.phase, 'master');
});

test('one that goes again and again is put back ever later, and nothing renews it before', () => {
  const node = new TestNode().rise();
  let now = DOWN_MS + 10;
  node.takeAway(now);
  onAddresses(node);
  for (const pauseMs of [100, 200, 400, 800]) {
    node.takeAway(now);
    node.passTo(now + pauseMs - 1);
    assert.equal(
      node.present.some((each) => each.address === VIP),
      false,
    );
    // Missing still: no news, and no reason to put it back sooner.
    node.takeAway(node.now);
    assert.deepEqual(
      node.done().filter((word) => /put|renew/.test(word)),
      [],
    );
    now += pauseMs;
    node.passTo(now);
    assert.deepEqual(onAddresses(node), PUT_BACK, `after ${pauseMs} ms`);
  }
});

test('it asks for a turn when an address is to be renewed or put back', () => {
  const node = new TestNode({ advertIntervalMs: 1000 }).begin();
  node.passTo(node.instance.nextAt);
  const roseAt = node.now;
  assert.equal(node.instance.nextAt, roseAt + 400);
  node.takeAway(roseAt + 10);
  node.takeAway(roseAt + 20);
  assert.equal(node.instance.nextAt, roseAt + 120);
});

test('one that goes once too often is given up for half a minute', () => {
  const node = new TestNode().rise();
  let now = DOWN_MS;
  for (let count = 0; count < 5; count += 1) {
    now += 1000;
    node.passTo(now);
    node.takeAway(now);
  }
  node.passTo(now + 1000);
  onAddresses(node);
  node.takeAway(now + 1000, ' by "ip" (4711)');
  const gaveUpAt = node.now;
  assert.deepEqual(onAddresses(node), ['remove']);
  assert.equal(node.instance.phase, 'leaving');
  node.passTo(gaveUpAt + 29_999);
  const faults = ['its addresses were taken away 5 times and once more by "ip" (4711)'];
  assert.deepEqual(node.instance.status(node.now).faults, faults);
  node.passTo(gaveUpAt + 30_000);
  assert.equal(node.instance.phase, 'backup');
});

test('news of addresses let it adapt its own, and are no news without an address of its own', () => {
  const node = new TestNode().rise();
  node.addressesChanged(DOWN_MS + 10);
  assert.deepEqual(node.done(), ['adapt']);
  const backup = new TestNode().begin();
  backup.addressesChanged(10);
  assert.deepEqual(backup.done(), []);
});

test('without the address it sends from it lets go, and is back when that is', () => {
  const node = new TestNode({ sourceAddress: '10.99.0.2' }).rise();
  node.own = [address(OTHER)];
  node.present = [address(OTHER), address(VIP)];
  node.addressesChanged(DOWN_MS + 10);
  assert.deepEqual(node.done(), ['remove', 'advert 0']);
  node.passTo(DOWN_MS + 500);
  const fault = `the node's address 10.99.0.2 is gone from "eth0"`;
  assert.deepEqual(node.instance.status(node.now).faults, [fault]);
  // The configuration insists on it.
  assert.equal(node.instance.mayRenumber, false);
  node.done();
  node.own = [{ ...address(OTHER), address: node.resolve().sourceAddress }];
  node.present = node.own;
  node.addressesChanged(1000);
  assert.equal(node.instance.phase, 'backup');
  node.passTo(1000 + DOWN_MS);
  assert.deepEqual(node.done(), RISE);
});

test('the address it sends from may have moved to another interface', () => {
  const node = new TestNode().begin();
  node.links.set('eth1', link('eth1', 3));
  node.present = [{ ...address(0x0a630002), interfaceIndex: 3 }];
  node.addressesChanged(10);
  node.addressesChanged(20);
  const fault = `the node's address 10.99.0.2 is on "eth1" now, not on "eth0"`;
  assert.deepEqual(node.told().slice(1), ['moved to eth1', `backup -> fault: ${fault}`]);
  assert.deepEqual(node.instance.status(10).faults, [fault]);
});

test('a node with another address goes on from there', () => {
  const node = new TestNode().rise();
  node.own = [address(OTHER)];
  node.present = node.own;
  node.addressesChanged(DOWN_MS + 10);
  node.passTo(DOWN_MS + 500);
  assert.ok(node.instance.mayRenumber);
  node.done();
  const resolved = node.resolve();
  assert.equal(resolved.sourceAddress, OTHER);
  assert.ok(node.instance.canBecome(resolved));
  node.become(node.instance.prepare(resolved, false, node.links), 1000);
  assert.deepEqual(node.done(), ['leave', 'close']);
  assert.deepEqual([node.instance.phase, node.instance.mayRenumber], ['backup', false]);
  node.passTo(1000 + DOWN_MS);
  assert.equal(node.instance.phase, 'master');
  // Its new address decides a tie.
  node.hear(100, node.now + 10, OTHER - 1);
  assert.equal(node.instance.phase, 'master');
  node.hear(100, node.now + 10, OTHER + 1);
  assert.equal(node.instance.phase, 'backup');
});

test('who cannot hold the addresses claims them nowhere, and tries again after 5 s', () => {
  const node = new TestNode().begin();
  node.ports.putError = new SystemError('RTM_NEWADDR', EADDRNOTAVAIL);
  node.passTo(DOWN_MS);
  assert.equal(node.instance.phase, 'fault');
  assert.deepEqual(node.done(), ['switch on', 'put', 'remove', 'switch off']);
  const [fault = ''] = node.instance.status(node.now).faults;
  assert.match(fault, /^addresses cannot be added: RTM_NEWADDR failed/);
  assert.deepEqual(node.told(), ['initialize -> backup: started', `backup -> fault: ${fault}`]);
  node.ports.putError = null;
  assert.equal(node.instance.nextAt, DOWN_MS + 5000);
  node.passTo(DOWN_MS + 4999);
  assert.equal(node.instance.phase, 'fault');
  node.passTo(DOWN_MS + 5000);
  assert.equal(node.instance.phase, 'backup');
  node.passTo(2 * DOWN_MS + 5000);
  assert.equal(node.instance.phase, 'master');
  assert.deepEqual(node.done(), RISE);
});

test('one that was killed as master and cannot hold the addresses begins in fault', () => {
  const node = new TestNode({}, { resumed: { shownAt: 1000, rank: 90 } });
  node.ports.putError = new SystemError('RTM_NEWADDR', EADDRNOTAVAIL);
  node.instance.start(node.links, 1000 + INTERVAL_MS);
  assert.equal(node.instance.phase, 'fault');
  assert.deepEqual(
    node.done().filter((word) => /advert|garp/.test(word)),
    [],
  );
  assert.equal(node.noted, null);
});

test('one that is drained and cannot hold the addresses any more lets go of them', () => {
  const node = new TestNode().rise();
  node.instance.drain(1000, DOWN_MS + 10);
  node.ports.putError = new SystemError('RTM_NEWADDR', EADDRNOTAVAIL);
  node.done();
  node.passTo(DOWN_MS + 1020);
  assert.equal(node.instance.phase, 'fault');
  assert.ok(node.done().includes('remove'));
});

test('addresses that cannot be renewed are a fault, too, but not while it leaves', () => {
  const node = new TestNode().rise();
  node.ports.putError = new SystemError('RTM_NEWADDR', ENODEV);
  node.passTo(DOWN_MS + 400);
  assert.equal(node.instance.phase, 'leaving');
  const leaving = new TestNode().rise();
  leaving.instance.depart(DOWN_MS + 10);
  leaving.ports.putError = new SystemError('RTM_NEWADDR', ENODEV);
  leaving.takeAway(DOWN_MS + 20);
  assert.ok(leaving.done().includes('put'));
  assert.equal(leaving.instance.isFaulty, false);
});

test('what is no error of the system is one of ours, and ends the speaker', () => {
  const node = new TestNode().begin();
  node.ports.putError = new TypeError('a mistake');
  assert.throws(() => node.passTo(DOWN_MS), /a mistake/);
});

test('announcements that cannot be sent are warned of, those that wait as well', () => {
  const node = new TestNode().begin();
  node.ports.announceError = ENOBUFS;
  node.passTo(DOWN_MS);
  const warning = 'VRRP instance "VI_1" cannot announce its addresses: no buffer space available';
  const [, first, then] = node.told();
  assert.equal(first, warning);
  assert.match(then ?? '', /^backup -> master: no better master is heard/);
  node.ports.announceAt = DOWN_MS + 50;
  node.done();
  node.passTo(DOWN_MS + 49);
  assert.equal(node.instance.nextAt, DOWN_MS + 50);
  node.passTo(DOWN_MS + 50);
  assert.deepEqual([...node.told(), ...onAddresses(node)], [warning, 'garp of those that wait']);
});

test('who else claims an address that is held is answered, counted, and warned of once', () => {
  const node = new TestNode().rise();
  const claim = { address: VIP, mac: MAC };
  node.passTo(DOWN_MS + 2000);
  node.done();
  for (const at of [2010, 2020]) {
    node.ports.claims.push(claim);
    node.round(DOWN_MS + at);
  }
  // Each of the first ones.
  assert.deepEqual(onAddresses(node), ['garp 2', 'garp 2']);
  assert.deepEqual(node.told(), [
    `VRRP instance "VI_1" holds 10.99.0.100, but ${MAC} claims it too`,
  ]);
  const warnings = node.instance.status(node.now).warnings?.join();
  assert.match(warnings ?? '', new RegExp(`${MAC} claims 10.99.0.100, which is held here`));
});

test('a master goes on asking who has its addresses, and whether the other nodes are there', () => {
  const peers = ['10.99.0.9', '10.99.5.1'];
  const node = new TestNode({ transport: { kind: 'unicast', peers } }).begin();
  node.passTo(DOWN_MS + 7050);
  const asked = node.done().filter((word) => word.startsWith('ask'));
  const peersAsked = 'ask peers';
  // The one beyond a router is not asked.
  assert.deepEqual(asked, [peersAsked, peersAsked, 'ask for conflicts', peersAsked, peersAsked]);
  const doubt = 'no other node (10.99.0.9) answers on "eth0": one of them may be, too';
  assert.deepEqual(node.instance.status(node.now).doubts, [doubt]);
  node.ports.answers.push(OTHER);
  node.round(DOWN_MS + 7060);
  assert.deepEqual(node.instance.status(node.now).doubts, []);
  for (const at of [7100, 7200, 7300]) node.hear(50, DOWN_MS + at);
  node.ports.claims.push({ address: VIP, mac: MAC });
  node.round(DOWN_MS + 7400);
  assert.deepEqual(node.instance.status(node.now).doubts, [
    `${MAC} claims 10.99.0.100, too`,
    '10.99.0.9 advertises, too, with priority 50: it does not hear this node',
  ]);
  node.hear(150, DOWN_MS + 7500);
  assert.deepEqual(node.instance.status(node.now).doubts, []);
});

test('claims to an address that is not held are those of its master', () => {
  const node = new TestNode().begin();
  node.ports.claims.push({ address: VIP, mac: MAC });
  node.round(10);
  assert.deepEqual(node.done(), []);
  assert.deepEqual(node.instance.status(10).warnings, []);
  assert.deepEqual(node.told(), ['initialize -> backup: started']);
});

test('a master that has slept through the lifetime of its addresses puts nothing back', () => {
  const node = new TestNode().rise();
  node.takeAway(DOWN_MS + 5000);
  assert.deepEqual(
    node.done().filter((word) => word === 'put'),
    [],
  );
  assert.equal(node.instance.phase, 'backup');
  assert.deepEqual(node.told(), ['master -> backup: asleep for 5000 ms']);
});

test('a backup that has addresses is a mistake, whoever gave them to it', () => {
  const node = new TestNode().begin();
  node.ports.vips.put(10);
  assert.throws(() => node.hear(150, 20), /only a master holds addresses/);
});
