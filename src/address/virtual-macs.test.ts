import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RouteSocket } from '../linux/netlink-route.ts';
import { VirtualMacs } from './virtual-macs.ts';

test('VirtualMacs releases no interface that nobody has acquired', (t) => {
  const route = new RouteSocket();
  const macs = new VirtualMacs(route);
  t.after(() => {
    macs.close();
    route.close();
  });
  const link = {
    index: 9999,
    name: 'vrrp.51',
    mac: new Uint8Array(6),
    switchedOn: false,
    up: false,
  };
  assert.throws(() => macs.release(link, 'lo'), /released by who acquired it/);
});
