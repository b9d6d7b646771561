import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENODEV, EPERM } from '../../linux/errno.ts';
import { address, DOWN_MS, INTERVAL_MS, link, OTHER, OWN, RISE, TestNode, VIP } from './fixture.ts';

const LO = link('lo', 1);
const FAULT_TEXT = 'the balancer does not serve';
const faulty = { priorityDelta: 0, faults: [FAULT_TEXT] };

test('a backup that hears nobody has the address and announces it before it advertises', () => {
  const node = new TestNode().begin();
  assert.equal(node.instance.nextAt, DOWN_MS);
  node.passTo(DOWN_MS - 1);
  assert.deepEqual(node.done(), []);
  assert.equal(node.noted, null);
  node.passTo(DOWN_MS);
  assert.deepEqual(node.done(), RISE);
  assert.deepEqual(node.noted, { shownAt: DOWN_MS, rank: 100 });
  const nobody = `no better master is heard, nor was one for ${Math.round(DOWN_MS)} ms`;
  const told = ['initialize -> backup: started', `backup -> master: ${nobody}`];
  assert.deepEqual(node.told(), told);
});

test('a master advertises in its interval and renews the lifetime of its addresses', () => {
  const node = new TestNode().rise();
  node.passTo(DOWN_MS + 10 * INTERVAL_MS);
  const words = node.done();
  assert.equal(words.filter((word) => word === 'advert 100').length, 10);
  assert.equal(words.filter((word) => word === 'renew').length, 2);
  assert.equal(words.length, 12);
});

test('a master yields to a better one: address gone, then the farewell', () => {
  const node = new TestNode().rise();
  node.hear(150, DOWN_MS + 10);
  assert.deepEqual(node.done(), ['remove', 'advert 100', 'switch off']);
  assert.deepEqual(node.told(), ['master -> backup: priority 150 is heard: 10.99.0.9']);
  assert.equal(node.noted, null);
  assert.equal(node.instance.status(node.now).master, '10.99.0.9');
});

test('a worse master is told of once a second at most', () => {
  const node = new TestNode().rise();
  for (let at = 1; at <= 1002; at += 7) node.hear(50, DOWN_MS + at);
  assert.deepEqual(node.told(), ['rival 100', 'rival 100']);
});

test('a backup leaves worse masters to their master', () => {
  const node = new TestNode({ preempt: false }).begin();
  node.hear(50, 10);
  assert.deepEqual(node.told(), ['initialize -> backup: started']);
});

test('a flood of packets keeps nobody from the timers', () => {
  const node = new TestNode().begin();
  const heard = { source: OTHER, priority: 50, intervalMs: INTERVAL_MS };
  node.ports.heard.push(...Array.from({ length: 3000 }, () => heard));
  node.round(DOWN_MS);
  assert.equal(node.ports.heard.length, 3000 - 2048);
  assert.deepEqual(node.done(), RISE);
});

test('nobody is promoted while the probe runs, which asks three times', () => {
  const { instance, ...node } = begun(new TestNode());
  assert.deepEqual(instance.probe(0), { kind: 'running', nextAt: 100 });
  instance.probe(50);
  assert.deepEqual(node.words.splice(0), ['probe']);
  instance.probe(100);
  instance.probe(200);
  assert.deepEqual(node.words.splice(0), ['probe', 'probe']);
  assert.deepEqual(instance.status(200).waitsFor, { event: 'address-probe' });
  assert.deepEqual(instance.probe(300), { kind: 'free' });
  instance.turn(10_000);
  assert.equal(instance.phase, 'backup');
  instance.release(10_000);
  assert.equal(instance.phase, 'master');
});

test('an address that somebody answers for without advertising is taken; an owner is heard', () => {
  for (const isOwnerHeard of [false, true]) {
    const node = begun(new TestNode());
    const { instance } = node;
    for (let at = 0; at < 6000; at += 250) {
      node.ports.claims.push({ address: VIP, mac: '02:00:00:00:00:99' });
      if (isOwnerHeard && at === 1000) node.ports.heard.push('stranger');
      instance.receive(at);
      instance.probe(at);
    }
    const taken = { kind: 'taken', mac: '02:00:00:00:00:99', address: VIP };
    assert.deepEqual(instance.probe(6000), isOwnerHeard ? { kind: 'free' } : taken);
  }
});

test('without a carrier there is nobody to probe', () => {
  const node = new TestNode();
  node.links.set('eth0', link('eth0', 2, false));
  const { instance } = begun(node);
  assert.deepEqual(instance.probe(0), { kind: 'free' });
  assert.deepEqual(node.done(), []);
});

test('one that a stranger keeps out stays out, and becomes no other', () => {
  const { instance, ...node } = new TestNode().begin();
  instance.refuse('taken by a stranger', 10);
  assert.deepEqual(instance.status(10).faults, ['taken by a stranger']);
  instance.track({ priorityDelta: 0, faults: [] }, 20);
  assert.equal(instance.phase, 'fault');
  assert.deepEqual(node.words, []);
});

test('a master that was killed goes on as if it had been slow, by the priority it had', () => {
  const node = new TestNode({}, { resumed: { shownAt: 1000, rank: 90 } });
  node.instance.start(node.links, 1000 + DOWN_MS);
  assert.deepEqual(node.done(), ['switch on', 'put', 'garp 2', 'advert 90']);
  assert.equal(node.instance.phase, 'master');
  assert.deepEqual(node.noted, { shownAt: 1000 + DOWN_MS, rank: 90 });
});

test('a master that was killed too long ago, or that has a fault, lets go and begins anew', () => {
  const late = new TestNode({}, { resumed: { shownAt: 1000, rank: 100 } });
  late.instance.start(late.links, 1000 + DOWN_MS + 1);
  assert.deepEqual([late.instance.phase, ...late.done()], ['backup', 'remove']);
  const down = new TestNode({}, { resumed: { shownAt: 1000, rank: 100 } });
  down.links.set('eth0', link('eth0', 2, false));
  down.instance.start(down.links, 1010);
  assert.deepEqual([down.instance.phase, ...down.done()], ['fault', 'remove']);
});

test('a lost link is a FAULT, and one that comes back with another index gets ports of its own', () => {
  const node = new TestNode().rise();
  node.setLinks(DOWN_MS + 10, LO);
  assert.deepEqual(node.done(), ['advert 0']);
  assert.equal(node.opened.length, 1);
  node.passTo(DOWN_MS + 500);
  assert.deepEqual(node.done(), ['remove', 'switch off', 'advert 0']);
  assert.deepEqual(node.instance.status(node.now).faults, ['interface "eth0" is gone']);
  node.setLinks(DOWN_MS + 600, LO, link('eth0', 7));
  assert.deepEqual(node.done(), ['close']);
  assert.equal(node.opened.length, 2);
  assert.deepEqual(node.instance.descriptors, [20, 21]);
  node.passTo(2 * DOWN_MS + 600);
  assert.deepEqual(
    node.done(),
    RISE.map((word) => `2: ${word}`),
  );
});

test('a master whose interface was made anew puts its addresses on the new one', () => {
  const node = new TestNode().rise();
  node.setLinks(DOWN_MS + 10, LO, link('eth0', 7));
  assert.deepEqual(node.done(), ['close', '2: switch on', '2: put', '2: garp 2']);
  assert.equal(node.instance.phase, 'master');
});

test('a link that went and came back with its index has its ports anew', () => {
  const node = new TestNode().rise();
  node.setLinks(DOWN_MS + 10, LO, { ...link('eth0', 2), life: 1 });
  assert.deepEqual(node.done(), ['close', '2: switch on', '2: put', '2: garp 2']);
});

test('a link that is used and tracked is one fault', () => {
  const node = new TestNode({ trackInterfaces: [{ name: 'eth0', weight: 0 }] }).begin();
  node.setLinks(10, LO, link('eth0', 2, false));
  assert.deepEqual(node.instance.status(10).faults, ['interface "eth0" has no carrier']);
});

test('a link that is only down keeps its ports', () => {
  const node = new TestNode().begin();
  node.setLinks(10, LO, link('eth0', 2, false));
  assert.deepEqual(node.instance.status(10).faults, ['interface "eth0" has no carrier']);
  node.setLinks(15, LO, { ...link('eth0', 2, false), switchedOn: false });
  assert.deepEqual(node.instance.status(15).faults, ['interface "eth0" is switched off']);
  node.setLinks(20, LO, link('eth0', 2));
  assert.equal(node.instance.phase, 'backup');
  assert.equal(node.opened.length, 1);
});

test('an interface that goes while its ports are opened is waited for; other errors are told', () => {
  const node = new TestNode().begin();
  node.refuseOpening(ENODEV);
  node.setLinks(10, LO, link('eth0', 7));
  assert.deepEqual([node.opened.length, ...node.done()], [1]);
  node.refuseOpening(EPERM);
  assert.throws(() => node.setLinks(20, LO, link('eth0', 7)), { code: 'EPERM' });
  assert.deepEqual([node.opened.length, ...node.done()], [1]);
});

test('an interface that is only tracked changes the priority, or keeps out', () => {
  const node = new TestNode({ trackInterfaces: [{ name: 'eth1', weight: -30 }] }).begin();
  node.passTo(400);
  assert.equal(node.instance.status(400).effectivePriority, 70);
  assert.deepEqual(node.done(), [...RISE.slice(0, -1), 'advert 70']);
  node.setLinks(410, LO, link('eth0', 2), link('eth1', 3));
  assert.deepEqual(node.done(), ['advert 100']);
  const strict = new TestNode({ trackInterfaces: [{ name: 'eth1', weight: 0 }] }).begin();
  assert.equal(strict.instance.phase, 'fault');
});

test('what tracking says changes the priority at once, and is told where that is asked for', () => {
  for (const notifyPriority of [true, false]) {
    const node = new TestNode({ ...(notifyPriority && { notifyPriority }) }).rise();
    node.instance.track({ priorityDelta: -20, faults: [] }, DOWN_MS + 10);
    assert.deepEqual(node.done(), ['advert 80']);
    assert.deepEqual(node.told(), notifyPriority ? ['priority 80'] : []);
    assert.deepEqual(node.noted, { shownAt: DOWN_MS + 10, rank: 80 });
  }
});

test('a fault of its own, of its group and of the main thread keeps out until it is gone', () => {
  const { instance } = new TestNode().begin();
  instance.track(faulty, 10);
  assert.ok(instance.isFaulty);
  instance.setMainFault('hangs', 20);
  instance.setGroupFault('another is in fault', 30);
  const { faults } = instance.status(30);
  assert.deepEqual(faults, ['hangs', FAULT_TEXT, 'another is in fault']);
  instance.track({ priorityDelta: 0, faults: [] }, 40);
  instance.setMainFault(null, 50);
  // What its group has is no reason for its group to have it.
  assert.deepEqual([instance.isFaulty, instance.phase], [false, 'fault']);
  instance.setGroupFault(null, 60);
  assert.equal(instance.phase, 'backup');
});

test('a drained master leaves when another follows, and takes nothing back until it is ready', () => {
  const node = new TestNode().rise();
  node.instance.drain(node.instance.leaveMs, DOWN_MS + 10);
  assert.deepEqual([node.instance.phase, ...node.done()], ['leaving', 'advert 0']);
  assert.equal(node.instance.status(node.now).drained, false);
  // The successor announces what is still held here: that is as it should be, and no news.
  node.ports.claims.push({ address: VIP, mac: '02:00:00:00:00:09' });
  node.hear(50, DOWN_MS + 20);
  assert.deepEqual([node.instance.phase, ...node.done()], ['backup', 'remove', 'switch off']);
  assert.doesNotMatch(node.instance.status(node.now).warnings?.join() ?? '', /claims/);
  const { drained, waitsFor } = node.instance.status(node.now);
  assert.deepEqual([drained, waitsFor?.event], [true, 'ready']);
  node.instance.makeReady(DOWN_MS + 30);
  node.passTo(3 * DOWN_MS);
  assert.equal(node.instance.phase, 'master');
});

test('a drained master whom nobody follows serves on as the last resort', () => {
  const node = new TestNode().rise();
  node.instance.drain(250, DOWN_MS + 10);
  node.passTo(DOWN_MS + 10 + 249);
  assert.equal(node.instance.phase, 'leaving');
  node.instance.drain(250, node.now);
  node.passTo(DOWN_MS + 10 + 250);
  assert.equal(node.instance.phase, 'master');
  assert.equal(node.instance.isLastResort, false);
});

test('a drained backup is master as the last resort, says so, and is itself again when ready', () => {
  const node = new TestNode().begin();
  node.instance.drain(node.instance.leaveMs, 0);
  node.passTo(3 * DOWN_MS);
  assert.ok(node.instance.isLastResort);
  assert.deepEqual(node.done().slice(0, 4), ['switch on', 'put', 'garp 2', 'advert 1']);
  assert.equal(node.instance.status(node.now).lastResort, true);
  node.instance.makeReady(node.now);
  assert.deepEqual(node.done(), ['advert 100']);
  assert.equal(node.instance.status(node.now).lastResort, false);
});

test('depart() serves on until a successor is heard, stop() does not wait', () => {
  const node = new TestNode().rise();
  node.instance.depart(DOWN_MS + 10);
  assert.deepEqual([node.instance.phase, ...node.done()], ['leaving', 'advert 0']);
  node.hear(50, DOWN_MS + 20);
  assert.deepEqual([node.instance.phase, ...node.done()], ['initialize', 'remove', 'switch off']);
  const hasty = new TestNode().rise();
  hasty.instance.stop(DOWN_MS + 10);
  assert.deepEqual(hasty.done(), ['advert 0', 'remove', 'switch off', 'advert 0']);
  hasty.instance.close();
  assert.ok(hasty.ports.isClosed);
});

test('stop() of one that is faulty, and still has addresses, removes them', () => {
  const node = new TestNode().rise();
  node.instance.track(faulty, DOWN_MS + 10);
  node.instance.stop(DOWN_MS + 20);
  assert.ok(node.done().includes('remove'));
  assert.deepEqual(node.present, [address(OWN)]);
});

test('status() says what is known, and that it has changed', () => {
  const node = new TestNode({ preemptDelayMs: 5000 }).begin();
  const { instance } = node;
  const inMs = DOWN_MS;
  assert.deepEqual(instance.status(0).waitsFor, { event: 'takeover', inMs });
  assert.equal(instance.changed, false);
  node.hear(150, 10);
  assert.equal(instance.changed, true);
  assert.deepEqual(instance.status(10).waitsFor, { event: 'master-silence', inMs });
  node.hear(50, 20);
  assert.deepEqual(instance.status(20).waitsFor, { event: 'preempt-delay', inMs: 5000 });
  node.hear(50, 30);
  assert.equal(instance.changed, false);
  assert.equal(instance.status(30 + DOWN_MS).master, '10.99.0.9');
  const status = instance.status(31 + DOWN_MS);
  assert.deepEqual([status.master, status.held, status.state], [null, false, 'backup']);
  assert.deepEqual(status.addresses, ['10.99.0.100/24']);
});

test('only a backup waits for something, and only in FAULT there are faults', () => {
  const node = new TestNode().rise();
  node.instance.track(faulty, DOWN_MS + 10);
  assert.deepEqual(node.instance.status(node.now).faults, []);
  assert.equal(node.instance.status(node.now).waitsFor, null);
  node.passTo(DOWN_MS + 500);
  assert.deepEqual(node.instance.status(node.now).faults, [FAULT_TEXT]);
});

test('a member of a sync group waits for the others, and asks for no turn meanwhile', () => {
  const node = new TestNode({}, { grouped: true }).begin();
  node.passTo(DOWN_MS);
  assert.equal(node.instance.phase, 'backup');
  assert.deepEqual(node.instance.status(DOWN_MS).waitsFor, { event: 'sync-group' });
  assert.equal(node.instance.nextAt, Number.POSITIVE_INFINITY);
  node.instance.follow('master', 'G', DOWN_MS);
  assert.deepEqual(node.done(), RISE);
});

/** Started, its probe under way. */
function begun(node: TestNode): TestNode {
  node.instance.start(node.links, 0);
  return node;
}
