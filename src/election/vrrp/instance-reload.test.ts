import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ADDRESS_DEFAULTS } from '../../config/vrrp-defaults.ts';
import { EPERM } from '../../linux/errno.ts';
import { DOWN_MS, INTERVAL_MS, link, TestNode, VIP } from './fixture.ts';

const ELSEWHERE = [{ ...ADDRESS_DEFAULTS, address: '10.99.0.200', prefixLength: 24 }];
const unicast = (...peers: readonly string[]) => ({ kind: 'unicast' as const, peers });

test('what no socket knows of leaves the ports as they are', () => {
  const node = new TestNode().rise();
  const next = node.resolve({ preempt: false, notifyPriority: true });
  const form = node.instance.prepare(next, false, node.links);
  assert.equal(form.ports, node.ports);
  node.become(form, DOWN_MS + 10);
  // Backups learn at once what may be new.
  assert.deepEqual(node.done(), ['advert 100']);
  assert.equal(node.opened.length, 1);
  assert.equal(node.instance.phase, 'master');
});

test('a master that is another on the wire opens first, and has its addresses again at last', () => {
  const node = new TestNode().rise();
  const form = node.instance.prepare(node.resolve({ priority: 120 }), false, node.links);
  assert.equal(node.opened.length, 2);
  assert.deepEqual(node.done(), []);
  node.become(form, DOWN_MS + 10);
  const words = ['leave', '2: advert 120', 'close', '2: switch on', '2: put', '2: garp 2'];
  assert.deepEqual(node.done(), words);
  assert.deepEqual(node.instance.descriptors, [20, 21]);
  assert.equal(node.instance.status(node.now).held, true);
});

test('a backup that is another on the wire takes nothing', () => {
  const node = new TestNode().begin();
  const next = node.resolve({ addresses: ELSEWHERE });
  node.become(node.instance.prepare(next, false, node.links), 10);
  assert.deepEqual(node.done(), ['leave', 'close']);
  assert.deepEqual(node.instance.status(10).addresses, ['10.99.0.200/24']);
});

test('a reload that is given up closes what it has opened, and nothing else', () => {
  const node = new TestNode().rise();
  const { instance } = node;
  instance.abandon(instance.prepare(node.resolve({ priority: 120 }), false, node.links));
  instance.abandon(instance.prepare(node.resolve({ preempt: false }), false, node.links));
  assert.deepEqual(node.done(), ['2: close']);
  assert.equal(instance.status(DOWN_MS).priority, 100);
  node.refuseOpening(EPERM);
  assert.throws(() => instance.prepare(node.resolve({ priority: 120 }), false, node.links), {
    code: 'EPERM',
  });
  node.passTo(DOWN_MS + INTERVAL_MS);
  assert.deepEqual(node.done(), ['advert 100']);
});

test('a sleep shows by the old configuration, before a longer interval hides it', () => {
  const node = new TestNode().rise();
  const form = node.instance.prepare(node.resolve({ advertIntervalMs: 1000 }), false, node.links);
  node.become(form, DOWN_MS + 1000);
  assert.deepEqual(node.told(), ['master -> backup: asleep for 1000 ms']);
  assert.equal(node.done().includes('2: put'), false);
});

test('it becomes no other router on the wire, and none at another place', () => {
  const node = new TestNode().begin();
  const { instance } = node;
  node.links.set('eth1', link('eth1', 3));
  assert.ok(instance.canBecome(node.resolve({ priority: 1, addresses: ELSEWHERE })));
  assert.equal(instance.canBecome(node.resolve({ name: 'VI_2' })), false);
  assert.equal(instance.canBecome(node.resolve({ virtualRouterId: 52 })), false);
  assert.equal(
    instance.canBecome(node.resolve({ interface: 'eth1', sourceAddress: '10.99.0.2' })),
    false,
  );
  const addresses = [{ ...ADDRESS_DEFAULTS, address: '2001:db8::100', prefixLength: 64 }];
  const ipv6 = node.resolve({ addresses, sourceAddress: 'fe80::1' });
  assert.equal(instance.canBecome(ipv6), false);
});

test('one that a stranger has kept out begins anew', () => {
  const node = new TestNode().begin();
  assert.ok(node.instance.canBecome(node.resolve()));
  node.instance.refuse('taken by a stranger', 10);
  assert.equal(node.instance.canBecome(node.resolve()), false);
});

test('one that a stranger has kept out asks again, and is back when the stranger has gone', () => {
  const node = new TestNode().begin();
  const { instance } = node;
  const taken = { mac: '02:00:00:00:00:09', address: VIP };
  const ask = (until: number, isThere: boolean) => {
    while (instance.isProbing && node.now < until) {
      if (isThere) node.ports.claims.push(taken);
      node.round(node.now + 100);
      const verdict = instance.probe(node.now);
      if (verdict.kind === 'taken') instance.refuse('taken by a stranger', node.now);
      if (verdict.kind === 'free') instance.release(node.now);
    }
  };
  instance.refuse('taken by a stranger', 10);
  assert.deepEqual(node.told(), [
    'initialize -> backup: started',
    'backup -> fault: taken by a stranger',
  ]);
  node.passTo(10_009);
  assert.equal(instance.isProbing, false);
  node.passTo(10_010);
  ask(20_000, true);
  assert.deepEqual(node.told(), []);
  assert.equal(instance.phase, 'fault');
  node.passTo(instance.nextAt);
  ask(40_000, false);
  assert.deepEqual(node.told(), ['fault -> backup: all faults are gone']);
});

test('counters go on, and the peers are watched that are there now', () => {
  const node = new TestNode({ transport: unicast('10.99.0.9') }).begin();
  const { instance } = node;
  const silent = () => instance.status(node.now).warnings?.join() ?? '';
  silent();
  node.now = 10_000;
  assert.match(silent(), /10\.99\.0\.9/);
  node.become(instance.prepare(node.resolve({ priority: 90 }), false, node.links), 10_000);
  assert.match(silent(), /10\.99\.0\.9/);
  const others = node.resolve({ transport: unicast('10.99.0.8') });
  node.become(instance.prepare(others, false, node.links), 10_000);
  assert.equal(silent(), '');
  node.now = 20_000;
  assert.match(silent(), /10\.99\.0\.8/);
});

test('links are read anew, and a sync group is one from then on', () => {
  const node = new TestNode().begin();
  const next = node.resolve({ trackInterfaces: [{ name: 'eth1', weight: 0 }] });
  node.become(node.instance.prepare(next, true, node.links), 10);
  assert.deepEqual(node.instance.status(10).faults, ['interface "eth1" is down']);
  node.setLinks(20, ...node.links.values(), link('eth1', 3));
  node.passTo(20 + DOWN_MS);
  assert.deepEqual(node.instance.status(node.now).waitsFor, { event: 'sync-group' });
});
