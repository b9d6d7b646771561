import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GARP_DEFAULTS } from '../config/vrrp-defaults.ts';
import { RouteSocket } from '../linux/netlink-route.ts';
import { VipSet } from './vip.ts';

test('a VipSet renews and adapts nothing that it does not hold', (t) => {
  const route = new RouteSocket();
  t.after(() => route.close());
  const config = { name: 'VI_1', interface: 'lo', garp: GARP_DEFAULTS };
  const lists = { addresses: [], excludedAddresses: [], routes: [] };
  const vips = new VipSet(
    route,
    { held: [], routes: [], config: { ...config, ...lists } },
    new Map(),
  );
  assert.throws(() => vips.renew(10), /by who holds them/);
  assert.throws(() => vips.adapt([], 10), /by who holds them/);
  vips.put(10);
  vips.renew(20);
  vips.adapt([], 30);
  assert.ok(vips.held);
  vips.remove();
  assert.throws(() => vips.renew(40), /by who holds them/);
});
