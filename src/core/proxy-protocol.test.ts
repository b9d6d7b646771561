/** PROXY protocol: the examples of its specification, strictness, and every prefix of a header. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeProxyHeader, HEADER_BYTES_MAX, parseProxyHeader } from './proxy-protocol.ts';

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

const V4 = {
  source: Uint8Array.of(192, 168, 0, 1),
  sourcePort: 56_324,
  destination: Uint8Array.of(192, 168, 0, 11),
  destinationPort: 443,
};

test('reads the line of section 2.1 and leaves what follows it', () => {
  const line = 'PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n';
  const header = parseProxyHeader(bytes(`${line}GET / HTTP/1.1\r\n`));
  assert.deepEqual(header, { kind: 'header', bytes: line.length, ends: V4 });
  assert.deepEqual(encodeProxyHeader(1, V4), bytes(line));
});

test('reads the longest lines of section 2.1', () => {
  const all = 'ffff:f...f:ffff'.replace('f...f', 'ffff:ffff:ffff:ffff:ffff:ffff');
  const line = `PROXY TCP6 ${all} ${all} 65535 65535\r\n`;
  assert.equal(line.length, 104);
  const header = parseProxyHeader(bytes(line));
  assert.ok(header.kind === 'header' && header.ends?.sourcePort === 65_535);
  const unknown = parseProxyHeader(bytes(`PROXY UNKNOWN ${all} ${all} 65535 65535\r\n`));
  assert.deepEqual(unknown, { kind: 'header', bytes: 107, ends: null });
});

test('writes and reads the block of section 2.2', () => {
  const block = Buffer.from('0d0a0d0a000d0a515549540a2111000cc0a80001c0a8000bdc0401bb', 'hex');
  assert.deepEqual(Buffer.from(encodeProxyHeader(2, V4)), block);
  assert.deepEqual(parseProxyHeader(block), { kind: 'header', bytes: 28, ends: V4 });
});

test('a sender that speaks for itself names nobody', () => {
  assert.deepEqual(parseProxyHeader(encodeProxyHeader(2, null)), {
    kind: 'header',
    bytes: 16,
    ends: null,
  });
  assert.equal(Buffer.from(encodeProxyHeader(1, null)).toString(), 'PROXY UNKNOWN\r\n');
});

test('refuses what the specification does not allow', () => {
  const signature = '\r\n\r\n\0\r\nQUIT\n';
  const lines = [
    'GET / HTTP/1.1\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n',
    'PROXY TCP4 1.2.3.4  5.6.7.8 1 2\r\n',
    'PROXY TCP4 ::1 ::2 1 2\r\n',
    'PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n',
    'PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\rX',
    `PROXY UNKNOWN ${'x'.repeat(120)}\r\n`,
    `${signature}\x31\x11\0\x0c${'x'.repeat(12)}`,
    `${signature}\x22\x11\0\x0c${'x'.repeat(12)}`,
    `${signature}\x21\x11\0\x0b${'x'.repeat(12)}`,
    `${signature}\x21\x11\xff\xff`,
    '\r\n\r\nGET /',
  ];
  for (const line of lines) assert.equal(parseProxyHeader(bytes(line)).kind, 'invalid', line);
});

test('whatever is sent is read whole, byte by byte, and any bytes are judged', () => {
  const ends = fc.constantFrom(4, 16).chain((length) =>
    fc.record({
      source: fc.uint8Array({ minLength: length, maxLength: length }),
      sourcePort: fc.nat(65_535),
      destination: fc.uint8Array({ minLength: length, maxLength: length }),
      destinationPort: fc.nat(65_535),
    }),
  );
  fc.assert(
    fc.property(ends, fc.constantFrom(1 as const, 2 as const), (expected, version) => {
      const header = encodeProxyHeader(version, expected);
      for (let length = 0; length < header.length; length++) {
        assert.equal(parseProxyHeader(header.subarray(0, length)).kind, 'incomplete');
      }
      const read = parseProxyHeader(header);
      assert.deepEqual(read, { kind: 'header', bytes: header.length, ends: { ...expected } });
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: HEADER_BYTES_MAX + 16 }), (noise) => {
      const read = parseProxyHeader(noise);
      if (read.kind === 'header') assert.ok(read.bytes <= noise.length);
    }),
  );
});
