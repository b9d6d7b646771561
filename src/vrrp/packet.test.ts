/** Golden vectors captured from keepalived 2.2.7, and properties of the codec. */

import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  type Advertisement,
  decodeAdvertisement,
  type Expectation,
  encodeAdvertisement,
  MESSAGE_BYTES_MAX,
  passwordField,
  type ReceivedPacket,
} from './packet.ts';

const SOURCE = 0x0a630001; // 10.99.0.1
const PEER = 0x0a630002; // 10.99.0.2
const VIP = 0x0a630064; // 10.99.0.100
const GROUP = 0xe0000012; // 224.0.0.18

type Vector = {
  readonly name: string;
  readonly hex: string;
  readonly version: 2 | 3;
  readonly password: string | null;
  readonly intervalMs: number;
  readonly destination: number;
};

const VECTORS: readonly Vector[] = [
  {
    name: 'v2 without authentication',
    hex: '2133640100017003 0a630064 0000000000000000',
    version: 2,
    password: null,
    intervalMs: 1000,
    destination: GROUP,
  },
  {
    name: 'v2 with a password',
    hex: '2133640101010ca1 0a630064 3131313100000000',
    version: 2,
    password: '1111',
    intervalMs: 1000,
    destination: GROUP,
  },
  {
    name: 'v3 multicast',
    hex: '31336401006474ad 0a630064',
    version: 3,
    password: null,
    intervalMs: 1000,
    destination: GROUP,
  },
  {
    name: 'v3 unicast',
    hex: '3133640100644a5b 0a630064',
    version: 3,
    password: null,
    intervalMs: 1000,
    destination: PEER,
  },
];

function expectationOf(
  advertisement: Advertisement,
  password: string | null,
  destination: number,
): Expectation {
  return {
    version: advertisement.version,
    virtualRouterId: advertisement.virtualRouterId,
    password: password === null ? null : passwordField(password),
    intervalMs: advertisement.intervalMs,
    addresses: advertisement.addresses,
    ownAddress: PEER,
    transport:
      destination === GROUP
        ? { kind: 'multicast', group: GROUP }
        : { kind: 'unicast', peers: [SOURCE] },
  };
}

function encode(advertisement: Advertisement, password: string | null, destination: number) {
  const into = new Uint8Array(MESSAGE_BYTES_MAX);
  const field = password === null ? null : passwordField(password);
  const length = encodeAdvertisement(advertisement, field, { source: SOURCE, destination }, into);
  return into.slice(0, length);
}

function packetOf(message: Uint8Array, destination: number): ReceivedPacket {
  return { message, source: SOURCE, destination, ttl: 255 };
}

for (const vector of VECTORS) {
  const { version, password, intervalMs, destination } = vector;
  const golden = Uint8Array.fromHex(vector.hex.replaceAll(' ', ''));
  const advertisement: Advertisement = {
    version,
    virtualRouterId: 51,
    priority: 100,
    intervalMs,
    addresses: [VIP],
  };

  test(`encodeAdvertisement() writes the golden vector of ${vector.name}`, () => {
    assert.deepEqual(encode(advertisement, password, destination), golden);
  });

  test(`decodeAdvertisement() reads the golden vector of ${vector.name}`, () => {
    const expected = expectationOf(advertisement, password, destination);
    assert.deepEqual(decodeAdvertisement(packetOf(golden, destination), expected), {
      ok: true,
      value: { advertisement, addressesMatch: true, intervalMatches: true },
    });
  });
}

const advertisements = fc
  .record({
    version: fc.constantFrom<2 | 3>(2, 3),
    virtualRouterId: fc.integer({ min: 1, max: 255 }),
    priority: fc.integer({ min: 0, max: 255 }),
    interval: fc.integer({ min: 1, max: 255 }),
    addresses: fc.array(fc.integer({ min: 0, max: 0xffffffff }), { maxLength: 255 }),
    password: fc.option(fc.string({ maxLength: 8, unit: 'grapheme-ascii' })),
    destination: fc.constantFrom(GROUP, PEER),
  })
  .map(({ interval, password, destination, ...rest }) => ({
    advertisement: { ...rest, intervalMs: interval * (rest.version === 2 ? 1000 : 10) },
    password: rest.version === 2 ? password : null,
    destination,
  }));

test('decodeAdvertisement() gives back what encodeAdvertisement() took', () => {
  fc.assert(
    fc.property(advertisements, ({ advertisement, password, destination }) => {
      const message = encode(advertisement, password, destination);
      const expected = expectationOf(advertisement, password, destination);
      const decoded = decodeAdvertisement(packetOf(message, destination), expected);
      assert.deepEqual(decoded, {
        ok: true,
        value: { advertisement, addressesMatch: true, intervalMatches: true },
      });
    }),
  );
});

test('decodeAdvertisement() rejects every single flipped bit', () => {
  fc.assert(
    fc.property(advertisements, fc.nat(), ({ advertisement, password, destination }, nat) => {
      const message = encode(advertisement, password, destination);
      const bit = nat % (message.length * 8);
      message[bit >> 3] = (message[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const expected = expectationOf(advertisement, password, destination);
      assert.equal(decodeAdvertisement(packetOf(message, destination), expected).ok, false);
    }),
    { numRuns: 500 },
  );
});

test('decodeAdvertisement() never throws on random bytes', () => {
  const [vector] = VECTORS;
  assert.ok(vector);
  const golden = Uint8Array.fromHex(vector.hex.replaceAll(' ', ''));
  const advertisement: Advertisement = {
    version: 2,
    virtualRouterId: 51,
    priority: 100,
    intervalMs: 1000,
    addresses: [VIP],
  };
  const expected = expectationOf(advertisement, null, GROUP);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1100 }), fc.boolean(), (bytes, plausible) => {
      if (plausible) bytes.set(golden.subarray(0, Math.min(4, bytes.length)));
      decodeAdvertisement(packetOf(bytes, GROUP), expected);
    }),
  );
});

test('decodeAdvertisement() names why it drops a packet', () => {
  const base: Advertisement = {
    version: 2,
    virtualRouterId: 51,
    priority: 100,
    intervalMs: 1000,
    addresses: [VIP],
  };
  const expected = expectationOf(base, '1111', GROUP);
  const good = packetOf(encode(base, '1111', GROUP), GROUP);
  const changed = (offset: number, value: number) => {
    const message = good.message.slice();
    message[offset] = value;
    return { ...good, message };
  };
  const reasonOf = (packet: ReceivedPacket, expectation = expected) => {
    const decoded = decodeAdvertisement(packet, expectation);
    return decoded.ok ? null : decoded.reason;
  };
  const v3: Advertisement = { ...base, version: 3 };
  const unicast = expectationOf(v3, null, PEER);
  const unicastGood = packetOf(encode(v3, null, PEER), PEER);

  assert.equal(reasonOf(good), null);
  assert.equal(reasonOf({ ...good, message: good.message.subarray(0, 7) }), 'too-short');
  assert.equal(reasonOf(changed(1, 52)), 'other-router');
  assert.equal(reasonOf({ ...good, source: PEER }), 'own-packet');
  assert.equal(reasonOf({ ...good, message: good.message.subarray(0, 19) }), 'wrong-length');
  assert.equal(reasonOf(changed(3, 2)), 'wrong-length');
  assert.equal(reasonOf({ ...good, ttl: 254 }), 'wrong-ttl');
  assert.equal(reasonOf(packetOf(encode(v3, null, GROUP), GROUP)), 'wrong-version');
  assert.equal(reasonOf(changed(0, 0x41)), 'wrong-version');
  const open = packetOf(encode(base, null, GROUP), GROUP);
  assert.equal(reasonOf(open), 'wrong-authentication-type');
  assert.equal(reasonOf(packetOf(encode(base, '1112', GROUP), GROUP)), 'wrong-password');
  const slow = packetOf(encode({ ...base, intervalMs: 2000 }, '1111', GROUP), GROUP);
  assert.equal(reasonOf(slow), 'wrong-interval');
  assert.equal(reasonOf(changed(0, 0x22)), 'wrong-type');
  assert.equal(reasonOf(changed(7, 0)), 'bad-checksum');
  assert.equal(reasonOf({ ...good, destination: PEER }), 'wrong-destination');
  const stranger = { ...unicast, transport: { kind: 'unicast' as const, peers: [VIP] } };
  assert.equal(reasonOf(unicastGood, stranger), 'unknown-peer');
  assert.equal(reasonOf({ ...unicastGood, ttl: 64 }, stranger), 'unknown-peer');
});

test('decodeAdvertisement() takes from a unicast peer the TTLs that are said of it, otherwise 255', () => {
  const sent: Advertisement = {
    version: 3,
    virtualRouterId: 51,
    priority: 100,
    intervalMs: 1000,
    addresses: [VIP],
  };
  const packet = packetOf(encode(sent, null, PEER), PEER);
  const taken = (ttl: number, ranges: readonly (readonly [number, number, number])[]) => {
    const ttls = new Map(ranges.map(([peer, min, max]) => [peer, { min, max }]));
    const transport = { kind: 'unicast' as const, peers: [SOURCE, VIP], ttls };
    return decodeAdvertisement(
      { ...packet, ttl },
      { ...expectationOf(sent, null, PEER), transport },
    );
  };
  assert.equal(taken(255, []).ok, true);
  assert.deepEqual(taken(254, []), { ok: false, reason: 'wrong-ttl' });
  assert.deepEqual(taken(64, [[VIP, 0, 255]]), { ok: false, reason: 'wrong-ttl' }, 'another peer');
  assert.equal(taken(0, [[SOURCE, 0, 255]]).ok, true);
  assert.deepEqual(taken(63, [[SOURCE, 64, 200]]), { ok: false, reason: 'wrong-ttl' });
  assert.equal(taken(64, [[SOURCE, 64, 200]]).ok, true);
  assert.equal(taken(200, [[SOURCE, 64, 200]]).ok, true);
  assert.deepEqual(taken(201, [[SOURCE, 64, 200]]), { ok: false, reason: 'wrong-ttl' });
});

test('decodeAdvertisement() accepts another list and another v3 interval, and says so', () => {
  const sent: Advertisement = {
    version: 3,
    virtualRouterId: 51,
    priority: 100,
    intervalMs: 200,
    addresses: [VIP, VIP + 1],
  };
  const expected = expectationOf({ ...sent, intervalMs: 100, addresses: [VIP] }, null, GROUP);
  const decoded = decodeAdvertisement(packetOf(encode(sent, null, GROUP), GROUP), expected);
  assert.ok(decoded.ok);
  assert.equal(decoded.value.addressesMatch, false);
  assert.equal(decoded.value.intervalMatches, false);
});

test('other checksums of version 3, as keepalived 2.4.3 and 1.3 make them', () => {
  const vectors = [
    ['as-v2', 'c49f', GROUP],
    ['as-v2', 'c49f', PEER],
    ['old-unicast', 'd9ac', PEER],
  ] as const;
  for (const [checksum, sum, destination] of vectors) {
    const message = Uint8Array.from(Buffer.from(`3133ff010064${sum}0a630064`, 'hex'));
    const into = new Uint8Array(MESSAGE_BYTES_MAX);
    const advertisement: Advertisement = {
      version: 3,
      virtualRouterId: 51,
      priority: 255,
      intervalMs: 1000,
      addresses: [VIP],
    };
    const ends = { source: SOURCE, destination };
    const length = encodeAdvertisement(advertisement, null, ends, into, { checksum });
    assert.deepEqual(into.subarray(0, length), message, checksum);
    const packet = { message, ttl: 255, ...ends };
    const expected: Expectation = {
      version: 3,
      virtualRouterId: 51,
      password: null,
      intervalMs: 1000,
      addresses: [VIP],
      ownAddress: PEER,
      transport:
        destination === GROUP
          ? { kind: 'multicast', group: GROUP }
          : { kind: 'unicast', peers: [SOURCE] },
    };
    assert.deepEqual(decodeAdvertisement(packet, expected), { ok: false, reason: 'bad-checksum' });
    assert.equal(decodeAdvertisement(packet, { ...expected, checksum }).ok, true);
    encodeAdvertisement(advertisement, null, ends, into);
    const proper = { ...packet, message: into.slice(0, length) };
    assert.equal(decodeAdvertisement(proper, { ...expected, checksum }).ok, true);
  }
});

test('encodeAdvertisement() makes no farewell of a priority that is none', () => {
  const ends = { source: SOURCE, destination: GROUP };
  const into = new Uint8Array(MESSAGE_BYTES_MAX);
  const said = { version: 3, virtualRouterId: 51, priority: 100, intervalMs: 100 } as const;
  const encode = (changes: Partial<Advertisement>) =>
    encodeAdvertisement({ ...said, addresses: [VIP], ...changes }, null, ends, into);
  encode({ priority: 0 });
  for (const priority of [256, -1, 99.5, Number.NaN]) {
    assert.throws(() => encode({ priority }), /a priority is one of 0 to 255/);
  }
  assert.throws(() => encode({ virtualRouterId: 0 }), /a number of 1 to 255/);
});
