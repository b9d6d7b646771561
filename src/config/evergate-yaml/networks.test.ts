import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWithin, networkText } from './networks.ts';

test('isWithin() compares what the prefix covers, within one family', () => {
  assert.ok(isWithin('192.168.1.94', '192.168.1.1', 24));
  assert.ok(!isWithin('192.168.2.94', '192.168.1.1', 24));
  assert.ok(isWithin('255.255.255.255', '0.0.0.0', 0));
  assert.ok(isWithin('fd00::94', 'fd00::ffff:1', 64));
  assert.ok(!isWithin('fd00:0:0:1::94', 'fd00::1', 64));
  assert.ok(isWithin('fd00::94', 'fd00::94', 128));
  assert.ok(!isWithin('0.0.0.0', '::', 0));
});

test('networkText() clears the bits of the host', () => {
  assert.equal(networkText('192.168.1.94', 24), '192.168.1.0/24');
  assert.equal(networkText('fd00::1:94', 64), 'fd00::/64');
});
