/** Golden vectors captured from keepalived 2.4.3 with auth_hmac, and properties of signatures. */

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import test from 'node:test';
import fc from 'fast-check';
import { type IpAddress, parseIpAddress } from '../core/ip-address.ts';
import { OtherClocks } from '../core/other-clocks.ts';
import {
  decodeAdvertisement,
  type Expectation,
  encodeAdvertisement,
  MESSAGE_BYTES_MAX,
  type ReceivedPacket,
} from './packet.ts';
import { parseSecret } from './signature.ts';
import { type SignatureOptions, Signatures } from './signatures.ts';

const SOURCE = 0x0a630001;
const GROUP = 0xe0000012;
const VIP = 0x0a630064;
/** 2026-11-25, when the vectors were captured. */
const NOW = 0x6b06abc6 * 1000;
const SECRETS: Readonly<Record<number, Uint8Array>> = {
  1: Uint8Array.from({ length: 32 }, (_, index) => index),
  7: new TextEncoder().encode('abcdefghijklmnopqrstuvwxyz012345'),
};

function hmac(secret: Uint8Array, bytes: Uint8Array): Uint8Array {
  return createHmac('sha256', secret).update(bytes).digest();
}

function signatures(changes: Partial<Omit<SignatureOptions, 'keys' | 'hmac'>> = {}): Signatures {
  const keys = [1, 7].map((id) => ({ id, secret: SECRETS[id] ?? new Uint8Array() }));
  return new Signatures({
    keys,
    activeKey: 1,
    mode: 'enforce',
    toleranceMs: 5000,
    hmac,
    clocks: new OtherClocks<IpAddress>(),
    ...changes,
  });
}

function address(text: string) {
  const parsed = parseIpAddress(text);
  assert.ok(parsed.ok);
  return parsed.value;
}

/** `bootMs`: time passes by that clock, too, unless `now` was set. */
function expectation(signed: Signatures, now = NOW, bootMs = now - NOW): Expectation {
  return {
    version: 3,
    virtualRouterId: 51,
    password: null,
    intervalMs: 1000,
    addresses: [VIP],
    ownAddress: 0x0a630002,
    transport: { kind: 'multicast', group: GROUP },
    checkSignature: (packet, isSigned) => signed.check(packet, isSigned, { utcMs: now, bootMs }),
  };
}

function packetOf(message: Uint8Array): ReceivedPacket {
  return { message, source: SOURCE, destination: GROUP, ttl: 255 };
}

function send(signed: Signatures, now = NOW): ReceivedPacket {
  const buffer = new Uint8Array(MESSAGE_BYTES_MAX);
  const length = encodeAdvertisement(
    { version: 3, virtualRouterId: 51, priority: 100, intervalMs: 1000, addresses: [VIP] },
    null,
    { source: SOURCE, destination: GROUP },
    buffer,
    { sign: (into, size, source) => signed.sign(into, size, source, now) },
  );
  return packetOf(buffer.slice(0, length));
}

const VECTORS: readonly (readonly [string, string, Partial<Expectation>])[] = [
  [
    'v2',
    '2133ff010001d5020a6300640000000000000000' +
      '010100006b06abc688bb00003f1c3e8f74b80e92a708ff3e075537a2',
    { version: 2 },
  ],
  [
    'v3 with key 7',
    '3133ff010064d9ac0a630064010700006b06abca10260000ce53bb0d34d5ddee69e33865a784a419',
    {},
  ],
  [
    'v3 unicast',
    '3133ff010064af5a0a630064010100006b06abcc8eff00001dd68a23f0bc2ab1eae376f5cf62b66e',
    { transport: { kind: 'unicast', peers: [SOURCE] } },
  ],
  [
    'v3 on IPv6',
    '3133ff010064ea9efe800000000000000000000000000099' +
      '010100006b06abd002ac00004b2943ae8f69d5cde8290697dce651d7',
    {
      ownAddress: address('fe80::2'),
      addresses: [address('fe80::99')],
      transport: { kind: 'multicast', group: address('ff02::12') },
    },
  ],
];

for (const [name, hex, changes] of VECTORS) {
  test(`what keepalived signs is believed, and changed nowhere: ${name}`, () => {
    const message = Uint8Array.from(Buffer.from(hex, 'hex'));
    const isIpv6 = name.endsWith('IPv6');
    const expected = { ...expectation(signatures({ toleranceMs: 30_000 })), ...changes };
    const { transport } = expected;
    const packet: ReceivedPacket = {
      message,
      source: isIpv6 ? address('fe80::d80b:5eff:feb9:859c') : SOURCE,
      destination: transport.kind === 'multicast' ? transport.group : expected.ownAddress,
      ttl: 255,
    };
    const decoded = decodeAdvertisement(packet, expected);
    assert.ok(decoded.ok, decoded.ok ? '' : decoded.reason);
    assert.equal(decoded.value.advertisement.priority, 255);
    assert.equal(decoded.value.addressesMatch, true);
    assert.deepEqual(decodeAdvertisement(packet, expected), { ok: false, reason: 'replayed' });
    for (const index of message.keys()) {
      const changed = message.slice();
      changed[index] = (changed[index] ?? 0) ^ 1;
      const fresh = { ...expectation(signatures({ toleranceMs: 30_000 })), ...changes };
      const { ok } = decodeAdvertisement({ ...packet, message: changed }, fresh);
      assert.equal(ok, false, `byte ${index}`);
    }
  });
}

test('what is signed here has the bytes of keepalived', () => {
  const packet = send(signatures({ activeKey: 7 }), 0x6b06abca * 1000);
  assert.equal(packet.message.length, 40);
  assert.equal(Buffer.from(packet.message).toString('hex', 8, 20), '0a630064010700006b06abca');
});

test('a sender goes on above what it sent, also after a restart and within one millisecond', () => {
  const receiver = expectation(signatures());
  const sender = signatures();
  for (const at of [NOW, NOW, NOW, NOW - 1000, NOW + 1]) {
    assert.equal(decodeAdvertisement(send(sender, at), receiver).ok, true, String(at - NOW));
  }
  const restarted = send(signatures(), NOW + 10);
  assert.equal(decodeAdvertisement(restarted, receiver).ok, true);
});

test('old, new, unsigned and strangely signed advertisements are refused, each with its reason', () => {
  const refusal = (packet: ReceivedPacket, signed: Signatures, now = NOW) => {
    const decoded = decodeAdvertisement(packet, expectation(signed, now));
    return decoded.ok ? null : decoded.reason;
  };
  const packet = send(signatures());
  assert.equal(refusal(packet, signatures()), null);
  assert.equal(refusal(packet, signatures(), NOW + 5001), 'stale-signature');
  assert.equal(refusal(packet, signatures(), NOW - 5001), 'stale-signature');
  assert.equal(refusal(packet, signatures({ toleranceMs: null }), NOW + 1e9), null);
  const unsigned = send(signatures({ mode: 'receive-only' }));
  assert.equal(unsigned.message.length, 12);
  assert.equal(refusal(unsigned, signatures()), 'unsigned');
  assert.equal(refusal(unsigned, signatures({ mode: 'permissive' })), null);
  const patched = (offset: number, value: number) => {
    const message = packet.message.slice();
    message[offset] = value;
    return packetOf(message);
  };
  assert.equal(refusal(patched(13, 2), signatures()), 'unknown-key');
  assert.equal(refusal(patched(14, 1), signatures()), 'malformed-signature');
  assert.equal(refusal(patched(39, 0xff), signatures({ mode: 'permissive' })), 'wrong-signature');
  const { checkSignature: _, ...keyless } = expectation(signatures());
  const decoded = decodeAdvertisement(packet, keyless);
  assert.deepEqual(decoded, { ok: false, reason: 'unexpected-signature' });
});

test('a clock that was set does not lock its node out', () => {
  const receiver = signatures();
  const sender = signatures();
  const believed = (at: number) =>
    decodeAdvertisement(send(sender, at), expectation(receiver, at)).ok;
  assert.equal(believed(NOW), true);
  assert.equal(believed(NOW + 3_600_000), true);
  assert.equal(believed(NOW + 1000), true);
});

test('a sender that was asked for its time is believed by its own clock, and by no other', () => {
  const clocks = new OtherClocks<IpAddress>();
  const receiver = signatures({ clocks });
  const sender = signatures();
  const HOUR_MS = 3_600_000;
  // `sentAt` by its clock, `now` by ours, `bootMs` by the one that nobody sets.
  const fault = (sentAt: number, now: number, bootMs: number) => {
    const decoded = decodeAdvertisement(send(sender, sentAt), expectation(receiver, now, bootMs));
    return decoded.ok ? null : decoded.reason;
  };
  const ahead = NOW + 6 * HOUR_MS;
  assert.equal(fault(ahead, NOW, 0), 'stale-signature');
  clocks.learn(SOURCE, ahead);
  assert.equal(fault(ahead + 1000, NOW + 1000, 1000), null);
  assert.equal(receiver.skewMs, 6 * HOUR_MS);
  // Recorded when its clock was right: near our time, and nothing that it says now.
  const recorded = send(signatures(), NOW + 1500);
  const old = decodeAdvertisement(recorded, expectation(receiver, NOW + 2000, 2000));
  assert.deepEqual(old, { ok: false, reason: 'stale-signature' });
  // Ours is set, too, which is no matter.
  assert.equal(fault(ahead + 3000, NOW - HOUR_MS, 3000), null);
  assert.equal(fault(ahead + 9000, NOW, 3500), 'stale-signature');
  // Its own is set right: refused until it is asked again.
  assert.equal(fault(NOW + 4000, NOW + 4000, 4000), 'stale-signature');
  clocks.learn(SOURCE, NOW);
  assert.equal(fault(NOW + 5000, NOW + 5000, 5000), null);
});

test('random bytes behind a message never pass', () => {
  const bytes = fc.uint8Array({ minLength: 28, maxLength: 28 });
  fc.assert(
    fc.property(bytes, (trailer) => {
      const message = Uint8Array.of(...send(signatures()).message.subarray(0, 12), ...trailer);
      assert.equal(decodeAdvertisement(packetOf(message), expectation(signatures())).ok, false);
    }),
  );
});

test('parseSecret() takes hexadecimal digits and texts of 32 to 64 bytes', () => {
  assert.deepEqual(parseSecret(`hex:${'00'.repeat(32)}\n`), {
    ok: true,
    value: new Uint8Array(32),
  });
  assert.equal(parseSecret('x'.repeat(64)).ok, true);
  for (const wrong of ['', 'hex:', 'hex:0', 'hex:zz', 'short', 'x'.repeat(65), 'hex:00']) {
    assert.equal(parseSecret(wrong).ok, false, wrong);
  }
});
