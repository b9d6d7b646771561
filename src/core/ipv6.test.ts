/** IPv6 addresses: forms of RFC 4291, texts of RFC 5952, and there and back again. */

import assert from 'node:assert/strict';
import { isIPv6 } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatIpv6, parseIpv6 } from './ipv6.ts';

test('reads and writes the forms of the RFCs', () => {
  const forms = [
    ['2001:DB8:0:0:8:800:200C:417A', '2001:db8::8:800:200c:417a'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['::', '::'],
    ['2001:db8::', '2001:db8::'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['::ffff:129.144.52.38', '::ffff:129.144.52.38'],
  ];
  for (const [text = '', canonical] of forms) {
    const parsed = parseIpv6(text);
    assert.ok(parsed.ok, text);
    assert.equal(formatIpv6(parsed.value), canonical);
  }
});

test('judges any text as the runtime does', () => {
  const part = fc.constantFrom('0', 'ffff', '12345', '', ':', '::', '1.2.3.4', '1.2.3', 'g', '%0');
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      for (const text of [parts.join(':'), parts.join('')]) {
        if (!text.includes('%')) assert.equal(parseIpv6(text).ok, isIPv6(text), text);
      }
    }),
    { numRuns: 1000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (address) => {
      assert.deepEqual(parseIpv6(formatIpv6(address)), { ok: true, value: address });
    }),
  );
});
