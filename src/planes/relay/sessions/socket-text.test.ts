/** Addresses in log lines. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeSocketAddress } from '../../../linux/sockets.ts';
import { socketText } from './socket-text.ts';

test('socketText() shows each family as HAProxy does', () => {
  const text = (kind: 'ipv4' | 'ipv6', host: string) =>
    socketText(encodeSocketAddress({ kind, host, port: 65_001 }), 0);
  assert.equal(text('ipv4', '192.168.1.93'), '192.168.1.93:65001');
  assert.equal(text('ipv6', '::1'), '::1:65001');
  assert.equal(text('ipv6', '::'), ':::65001');
  assert.equal(text('ipv6', 'fe80::1:0:0:2'), 'fe80::1:0:0:2:65001');
  assert.equal(text('ipv6', '2001:db8:0:1:0:0:0:9'), '2001:db8:0:1::9:65001');
  assert.equal(text('ipv6', '2001:db8::'), '2001:db8:::65001');
  assert.equal(text('ipv6', '::ffff:10.0.0.1'), '::ffff:10.0.0.1:65001');
  assert.equal(socketText(Uint8Array.of(1, 0), 0), 'unix:1');
});

test('socketText() reads from its offset', () => {
  const address = encodeSocketAddress({ kind: 'ipv4', host: '10.1.2.3', port: 80 });
  const table = new Uint8Array(64);
  table.set(address, 32);
  assert.equal(socketText(table, 32), '10.1.2.3:80');
});
