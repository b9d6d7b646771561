import assert from 'node:assert/strict';
import test from 'node:test';
import type { VrrpInstanceConfig } from '../../config/model/vrrp.ts';
import { ADDRESS_DEFAULTS, VRRP_INSTANCE_DEFAULTS } from '../../config/vrrp-defaults.ts';
import { OperationalError } from '../../core/errors.ts';
import { EACCES, EPERM, SystemError } from '../../linux/errno.ts';
import type { InterfaceAddress, Link } from '../../linux/netlink-route.ts';
import { explainSystemError, resolveInstance } from './resolve.ts';

const LINKS: readonly Link[] = ['lo', 'ens192'].map((name, index) => ({
  index: index + 1,
  name,
  mac: new Uint8Array(6),
  switchedOn: true,
  up: true,
}));

function configOf(changes: Partial<VrrpInstanceConfig>): VrrpInstanceConfig {
  return {
    ...VRRP_INSTANCE_DEFAULTS,
    name: 'VI_1',
    interface: 'ens192',
    virtualRouterId: 51,
    priority: 100,
    addresses: [{ ...ADDRESS_DEFAULTS, address: '10.99.0.100', prefixLength: 24 }],
    ...changes,
  };
}

function present(address: number, secondary = false, interfaceIndex = 2): InterfaceAddress {
  return { interfaceIndex, address, prefixLength: 24, scope: 0, secondary, permanent: true };
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof OperationalError) return error.code;
    throw error;
  }
  return 'none';
}

test('resolveInstance() sends from the first primary address that is not virtual', () => {
  const addresses = [
    present(0x7f000001, false, 1),
    present(0x0a630064),
    present(0x0a630009, true),
    present(0x0a630001),
    present(0x0a630002),
  ];
  const instance = resolveInstance(configOf({}), LINKS, addresses);
  assert.equal(instance.sourceAddress, 0x0a630001);
  const fixed = resolveInstance(configOf({ sourceAddress: '10.99.0.7' }), LINKS, addresses);
  assert.equal(fixed.sourceAddress, 0x0a630007);
});

test('resolveInstance() lists the interfaces of all addresses, the own one first', () => {
  const addresses = [
    { ...ADDRESS_DEFAULTS, address: '10.0.0.1', prefixLength: 32, interface: 'lo' },
    { ...ADDRESS_DEFAULTS, address: '10.0.0.2', prefixLength: 32, interface: null },
  ];
  const instance = resolveInstance(configOf({ addresses }), LINKS, [present(0x0a630001)]);
  assert.deepEqual(instance.interfaceNames, ['ens192', 'lo']);
});

test('resolveInstance() refuses missing interfaces and interfaces without an address', () => {
  const missing = configOf({ interface: 'eth9' });
  assert.equal(
    codeOf(() => resolveInstance(missing, LINKS, [])),
    'missing-interface',
  );
  const vipOnly = [present(0x0a630064)];
  assert.equal(
    codeOf(() => resolveInstance(configOf({}), LINKS, vipOnly)),
    'no-source-address',
  );
});

test('explainSystemError() turns EPERM alone into the missing capability', () => {
  const explained = explainSystemError(new SystemError('socket', EPERM));
  assert.ok(explained instanceof OperationalError);
  assert.equal(explained.code, 'no-raw-sockets');
  const other = new SystemError('socket', EACCES);
  assert.equal(explainSystemError(other), other);
});

test('resolveInstance() takes no mixture of families, and no prefix longer than its address', () => {
  const own = [present(0x0a630001)];
  const refuse = (changes: Partial<VrrpInstanceConfig>, message: RegExp) =>
    assert.throws(() => resolveInstance(configOf(changes), LINKS, own), message);
  const virtual = { ...ADDRESS_DEFAULTS, address: '10.99.0.100', prefixLength: 24 };
  refuse({ sourceAddress: 'fe80::1' }, /sends from its own family/);
  refuse({ addresses: [{ ...virtual, prefixLength: 33 }] }, /part of its address/);
  refuse({ addresses: [{ ...virtual, prefixLength: 0.5 }] }, /part of its address/);
  refuse({ addresses: [{ ...virtual, broadcast: 'fe80::1' }] }, /IPv6 knows no broadcast/);
  const route = { interface: null, source: null, metric: 0, table: 254 };
  const beyond = { ...route, destination: '10.0.0.0', prefixLength: 8, gateway: 'fe80::1' };
  refuse({ routes: [beyond] }, /a route is of one family/);
  const sourced = { ...beyond, gateway: null, source: 'fe80::1' };
  refuse({ routes: [sourced] }, /a route is of one family/);
});
