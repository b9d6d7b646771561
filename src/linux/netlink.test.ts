import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { decodeAttributes, decodeMessages, encodeMessage } from './netlink.ts';
import { RouteSocket } from './netlink-route.ts';

test('encodeMessage() writes header, structure and padded attributes of rtnetlink(7)', () => {
  const message = encodeMessage(20, 0x505, 7, Uint8Array.of(2, 24, 0, 0, 3, 0, 0, 0), [
    { type: 2, value: Uint8Array.of(10, 99, 0, 100) },
    { type: 3, value: Uint8Array.of(0x61, 0) },
  ]);
  const expected = [
    '28000000 1400 0505 07000000 00000000',
    '02180000 03000000',
    '0800 0200 0a630064',
    '0600 0300 6100 0000',
  ];
  assert.equal(message.toString('hex'), expected.join('').replaceAll(' ', ''));
});

test('decodeMessages() and decodeAttributes() give back what encodeMessage() took', () => {
  const attribute = fc
    .tuple(fc.integer({ min: 1, max: 60 }), fc.uint8Array({ maxLength: 40 }))
    .map(([type, value]) => ({ type, value }));
  const attributes = fc.uniqueArray(attribute, { selector: ({ type }) => type, maxLength: 8 });
  fc.assert(
    fc.property(attributes, (list) => {
      const message = encodeMessage(20, 0, 1, new Uint8Array(8), list);
      const [decoded, ...rest] = decodeMessages(Buffer.concat([message, message]));
      assert.ok(decoded);
      assert.equal(rest.length, 1);
      assert.equal(decoded.type, 20);
      const read = [...decodeAttributes(decoded.payload, 8)];
      assert.deepEqual(
        read.map(([type, value]) => ({ type, value: Uint8Array.from(value) })),
        list,
      );
    }),
  );
});

test('decodeMessages() and decodeAttributes() never throw on random bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const { payload } of decodeMessages(Buffer.from(bytes))) decodeAttributes(payload, 8);
      decodeAttributes(Buffer.from(bytes), 0);
    }),
  );
});

test('RouteSocket lists the loopback interface and its address', () => {
  const route = new RouteSocket();
  try {
    const loopback = route.links().find(({ name }) => name === 'lo');
    assert.ok(loopback);
    const addresses = route.addresses().filter(({ interfaceIndex: i }) => i === loopback.index);
    assert.ok(
      addresses.some(({ address, prefixLength }) => {
        return address === 0x7f000001 && prefixLength === 8;
      }),
    );
  } finally {
    route.close();
  }
});
