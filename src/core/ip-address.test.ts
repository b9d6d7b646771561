import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  bareAddress,
  formatIpAddress,
  type IpAddress,
  ipBytes,
  parseIpAddress,
  parseIpPrefix,
  readIpAddress,
  writeIpAddress,
} from './ip-address.ts';

const addresses: fc.Arbitrary<IpAddress> = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
);

test('addresses survive as text and as bytes', () => {
  assert.deepEqual(parseIpAddress('2001:db8::5'), {
    ok: true,
    value: 0x20010db8000000000000000000000005n,
  });
  fc.assert(
    fc.property(addresses, (address) => {
      assert.deepEqual(parseIpAddress(formatIpAddress(address)), { ok: true, value: address });
      const bytes = new Uint8Array(20);
      writeIpAddress(bytes, 3, address);
      assert.equal(readIpAddress(bytes, 3, ipBytes(address)), address);
    }),
  );
});

test('parseIpPrefix() takes prefix lengths of the family', () => {
  const lengthOf = (text: string) => {
    const prefix = parseIpPrefix(text);
    return prefix.ok ? prefix.value.prefixLength : null;
  };
  assert.equal(lengthOf('10.0.0.1'), 32);
  assert.equal(lengthOf('10.0.0.1/24'), 24);
  assert.equal(lengthOf('10.0.0.1/33'), null);
  assert.equal(lengthOf('fe80::1'), 128);
  assert.equal(lengthOf('fe80::1/64'), 64);
  assert.equal(lengthOf('fe80::1/129'), null);
  assert.equal(lengthOf('fe80::1/6/4'), null);
  assert.equal(lengthOf('nonsense/24'), null);
});

test('bareAddress() takes the prefix length away, and nothing where there is none', () => {
  assert.equal(bareAddress('192.168.1.94/24'), '192.168.1.94');
  assert.equal(bareAddress('192.168.1.94'), '192.168.1.94');
  assert.equal(bareAddress('fd00::94/64'), 'fd00::94');
});
