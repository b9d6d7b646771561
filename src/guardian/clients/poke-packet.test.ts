import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldChecksum, sumWords } from '../../core/checksum.ts';
import { POKE_BYTES_MAX, writePoke } from './poke-packet.ts';

const NUMBERS = { sequence: 0x01020304, acknowledgment: 0xfffefdfc };

/** Over the pseudo header (RFC 9293 section 3.1). */
function tcpSum(packet: Buffer, addressesAt: number, tcpAt: number): number {
  const pseudo = sumWords(packet, addressesAt, tcpAt, 6 + packet.length - tcpAt);
  return foldChecksum(sumWords(packet, tcpAt, packet.length, pseudo));
}

test('a bare acknowledgement of IPv4 from the VIP, whose checksums are right', () => {
  const into = Buffer.alloc(POKE_BYTES_MAX, 0xee);
  const service = { vip: '\xc0\xa8\x01\x5e', port: 8443 };
  const length = writePoke(into, service, '\xc0\xa8\x01\xc8\x9c\x41', NUMBERS);
  const packet = into.subarray(0, length);
  assert.equal(length, 40);
  assert.equal(foldChecksum(sumWords(packet, 0, 20)), 0);
  assert.equal(tcpSum(packet, 12, 20), 0);
  assert.equal(
    packet.toString('hex').replace(/^(.{20}).{4}(.*).{4}(.{4})$/, '$1....$2....$3'),
    '45000028000040004006....c0a8015ec0a801c820fb9c4101020304fffefdfc50100400....0000',
  );
});

test('one of IPv6', () => {
  const into = Buffer.alloc(POKE_BYTES_MAX, 0xee);
  const vip = `\xfd${'\0'.repeat(14)}\x5e`;
  const length = writePoke(
    into,
    { vip, port: 8443 },
    `\xfd${'\0'.repeat(14)}\xc8\x9c\x41`,
    NUMBERS,
  );
  const packet = into.subarray(0, length);
  assert.equal(length, 60);
  assert.equal(packet.readUInt16BE(4), 20);
  assert.equal(packet[6], 6);
  assert.equal(packet[23], 0x5e);
  assert.equal(packet[39], 0xc8);
  assert.equal(packet[40 + 13], 0x10);
  assert.equal(tcpSum(packet, 8, 40), 0);
});
