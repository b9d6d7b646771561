/** Networks: membership in both families, and what is none. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIpv6 } from './ipv6.ts';
import { networkHolds, parseNetwork } from './network.ts';

function holds(network: string, address: string): boolean {
  const parsed = parseNetwork(network);
  const bytes = parseIpv6(address.includes(':') ? address : `::ffff:${address}`);
  assert.ok(parsed.ok && bytes.ok);
  return networkHolds(parsed.value, bytes.value);
}

test('an address lies in a network or not, to the bit', () => {
  assert.ok(holds('192.168.1.0/24', '192.168.1.255'));
  assert.ok(!holds('192.168.1.0/24', '192.168.2.0'));
  assert.ok(holds('10.0.0.0/9', '10.127.255.255'));
  assert.ok(!holds('10.0.0.0/9', '10.128.0.0'));
  assert.ok(holds('192.168.1.77/24', '192.168.1.1'), 'bits behind the prefix do not count');
  assert.ok(holds('192.168.1.1', '192.168.1.1'));
  assert.ok(!holds('192.168.1.1', '192.168.1.0'));
  assert.ok(holds('0.0.0.0/0', '1.2.3.4'));
  assert.ok(!holds('0.0.0.0/0', 'fd00::1'), 'every IPv4 address is no IPv6 address');
  assert.ok(holds('::/0', '1.2.3.4'));
  assert.ok(holds('fd00::/8', 'fdff::1'));
  assert.ok(!holds('fd00::/8', 'fc00::1'));
});

test('what is no network is said to be none', () => {
  for (const text of ['', '1.2.3.4/33', '::/129', '1.2.3/8', '1.2.3.4/', '1.2.3.4/8/8', 'x/8']) {
    assert.ok(!parseNetwork(text).ok, text);
  }
});
