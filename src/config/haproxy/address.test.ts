import assert from 'node:assert/strict';
import { isIPv6 } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { ipv6Key, isIpv6, PORT_RANGE_MAX, parseEndpoint, parsePorts } from './address.ts';

test('parseEndpoint() takes the forms of the manual', () => {
  const cases: readonly (readonly [string, string, string, string | null])[] = [
    [':8443', 'ipv4', '0.0.0.0', '8443'],
    ['*:8443', 'ipv4', '0.0.0.0', '8443'],
    ['0.0.0.0:8443', 'ipv4', '0.0.0.0', '8443'],
    ['10.0.0.1', 'ipv4', '10.0.0.1', null],
    [':::8443', 'ipv6', '::', '8443'],
    ['::1:80', 'ipv6', '::1', '80'],
    ['[::]:8443', 'ipv6', '::', '8443'],
    ['[2001:DB8::1]', 'ipv6', '2001:db8::1', null],
    ['ipv6@:80', 'ipv6', '::', '80'],
    ['ipv4@*:80', 'ipv4', '0.0.0.0', '80'],
    ['localhost:80', 'ipv4', '127.0.0.1', '80'],
    ['api.example.test:6443', 'name', 'api.example.test', '6443'],
  ];
  for (const [text, kind, host, port] of cases) {
    assert.deepEqual(parseEndpoint(text), { ok: true, value: { kind, host, port } }, text);
  }
});

test('parseEndpoint() takes paths, and leaves other prefixes to its caller', () => {
  assert.deepEqual(parseEndpoint('/run/x'), { ok: true, value: { kind: 'unix', path: '/run/x' } });
  assert.deepEqual(parseEndpoint('unix@/x'), { ok: true, value: { kind: 'unix', path: '/x' } });
  const other = { kind: 'other', prefix: 'fd', rest: '3' };
  assert.deepEqual(parseEndpoint('fd@3'), { ok: true, value: other });
});

test('parseEndpoint() refuses what is no address', () => {
  const long = `/${'x'.repeat(120)}`;
  for (const text of [
    '300.0.0.1:80',
    '1.2.3:80',
    'a b:80',
    '::g:80',
    'unix@x',
    'ipv4@::1:80',
    long,
  ]) {
    assert.equal(parseEndpoint(text).ok, false, text);
  }
});

test('parsePorts() takes a port or a bounded range', () => {
  assert.deepEqual(parsePorts('80'), { ok: true, value: [80] });
  assert.deepEqual(parsePorts('80-82'), { ok: true, value: [80, 81, 82] });
  assert.equal(parsePorts(`1-${PORT_RANGE_MAX}`).ok, true);
  for (const text of [
    '',
    '0',
    '65536',
    '82-80',
    `1-${PORT_RANGE_MAX + 1}`,
    '1-2-3',
    '80-',
    '-80',
  ]) {
    assert.equal(parsePorts(text).ok, false, text);
  }
});

const address = fc.oneof(
  fc.ipV6(),
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef:.'), maxLength: 24 }),
);

test('isIpv6() agrees with the C library', () => {
  fc.assert(
    fc.property(address, (text) => {
      assert.equal(isIpv6(text), isIPv6(text), text);
    }),
    { numRuns: 2_000 },
  );
});

test('ipv6Key() is the same for every spelling of an address', () => {
  assert.equal(ipv6Key('::1'), ipv6Key('0:0:0::0001'));
  assert.equal(ipv6Key('::ffff:1.2.3.4'), ipv6Key('::ffff:102:304'));
  assert.notEqual(ipv6Key('::1'), ipv6Key('1::'));
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const canonical = new URL(`http://[${text}]/`).hostname.slice(1, -1);
      assert.equal(ipv6Key(text), ipv6Key(canonical), text);
    }),
  );
});
