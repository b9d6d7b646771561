import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import test from 'node:test';
import fc from 'fast-check';
import { openPacket, sealPacket } from './authentication-header.ts';

/** Sent by keepalived 2.2.7: priority 100, password 1111, 10.99.0.1 to 224.0.0.18. */
const PACKET = Buffer.from(
  '45c0004000010000ff33d0530a630001e0000012' +
    '700400000a630001000000016c5551bf1bf33d51e2126f8e' +
    '2133640102016e030a6300640000000000000000',
  'hex',
);

function digestOf(password: string) {
  return (bytes: Uint8Array) => createHmac('md5', password).update(bytes).digest();
}

test('sealPacket() makes what keepalived makes', () => {
  const packet = Uint8Array.from(PACKET);
  packet.fill(0xff, 20, 44);
  sealPacket(packet, 1, digestOf('1111'));
  assert.equal(Buffer.from(packet).toString('hex'), PACKET.toString('hex'));
});

test('openPacket() takes what keepalived makes, and nothing that was changed', () => {
  const opened = openPacket(PACKET, digestOf('1111'));
  assert.ok(opened.ok);
  assert.equal(opened.value.sequence, 1);
  assert.deepEqual(Buffer.from(opened.value.message), PACKET.subarray(44));
  assert.deepEqual(openPacket(PACKET, digestOf('1112')), { ok: false, reason: 'wrong-digest' });
  assert.deepEqual(openPacket(PACKET.subarray(0, 43), digestOf('1111')), {
    ok: false,
    reason: 'too-short',
  });
  // Routers may change these; they change nothing here.
  const mutable = new Set([1, 6, 7, 10, 11]);
  for (const index of PACKET.keys()) {
    const changed = Uint8Array.from(PACKET);
    changed[index] = (changed[index] ?? 0) ^ 1;
    assert.equal(openPacket(changed, digestOf('1111')).ok, mutable.has(index), `byte ${index}`);
  }
});

test('openPacket() refuses random bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      assert.equal(openPacket(bytes, digestOf('1111')).ok, false);
    }),
  );
});
