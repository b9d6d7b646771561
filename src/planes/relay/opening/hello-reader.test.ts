import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { clientHello, tlsRecord } from '../fixture/client-hello.ts';
import { HelloReader } from './hello-reader.ts';

const reader = new HelloReader();
const judge = (bytes: Buffer) => reader.judge(bytes, 0, bytes.length);

const hellos = fc.record({
  paddingBytes: fc.integer({ min: 0, max: 2000 }),
  recordBytes: fc.integer({ min: 1, max: 3000 }),
});

test('judge() knows a hello however its records cut it, and each part of it', () => {
  fc.assert(
    fc.property(hellos, fc.nat(), (options, cut) => {
      const hello = clientHello(options);
      assert.equal(judge(hello), 'whole');
      assert.equal(judge(hello.subarray(0, cut % hello.length)), 'partial');
    }),
  );
});

test('judge() reads from where it is told to', () => {
  const hello = clientHello();
  const bytes = Buffer.concat([Buffer.from('GET '), hello, Buffer.from('more')]);
  assert.equal(reader.judge(bytes, 4, 4 + hello.length), 'whole');
});

test('judge() ends a hello at whatever comes behind it', () => {
  const hello = clientHello();
  for (const type of [20, 22, 23]) {
    const more = tlsRecord(type, Buffer.from('a request'));
    for (const length of [1, more.length]) {
      assert.equal(judge(Buffer.concat([hello, more.subarray(0, length)])), 'other');
    }
  }
});

test('judge() ends a hello at a record inside it that is no handshake', () => {
  const hello = clientHello({ recordBytes: 100 });
  const cut = Buffer.concat([hello.subarray(0, 105), tlsRecord(23, Buffer.from('a request'))]);
  assert.equal(judge(cut), 'other');
});

test('judge() takes no hello that offers early data', () => {
  fc.assert(
    fc.property(hellos, (options) => {
      assert.equal(judge(clientHello({ ...options, earlyData: true })), 'other');
    }),
  );
});

test('judge() takes nothing else for a hello', () => {
  const hello = clientHello();
  const changed = (at: number, value: number): Buffer => {
    const copy = Buffer.from(hello);
    copy[at] = value;
    return copy;
  };
  assert.equal(judge(Buffer.from('GET / HTTP/1.1\r\n\r\n')), 'other');
  assert.equal(judge(changed(1, 2)), 'other', 'SSL 2');
  assert.equal(judge(changed(5, 2)), 'other', 'a ServerHello');
  assert.equal(judge(tlsRecord(22, Buffer.alloc(0))), 'other', 'an empty record');
  // Session identifier of 255 bytes: cipher suites and extensions lie elsewhere then.
  assert.notEqual(judge(changed(43, 255)), 'whole');
});

test('judge() comes to an end with any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (noise, framed) => {
      const bytes = Buffer.from(noise);
      const verdict = judge(framed && bytes.length > 0 ? tlsRecord(22, bytes) : bytes);
      assert.ok(['partial', 'whole', 'other'].includes(verdict));
    }),
  );
});

const read = (bytes: Buffer) => reader.readName(bytes, 0, bytes.length);

test('readName() has the name, in however many records, whatever comes behind', () => {
  for (const recordBytes of [1_000, 100, 7]) {
    const hello = clientHello({ serverName: 'a.Test', recordBytes, earlyData: true });
    const data = tlsRecord(23, Buffer.from('a request'));
    assert.deepEqual(read(Buffer.concat([hello, data])), { verdict: 'whole', name: 'a.Test' });
  }
});

test('readName() has none before the hello is whole, or where it names none', () => {
  const hello = clientHello({ serverName: 'a.test' });
  for (let length = 0; length < hello.length; length++) {
    assert.deepEqual(read(hello.subarray(0, length)), { verdict: 'partial', name: null });
  }
  assert.deepEqual(read(clientHello({ serverName: null })), { verdict: 'whole', name: null });
  assert.equal(read(Buffer.from('GET / HTTP/1.0\r\n\r\n')).verdict, 'other');
});

test('readName() takes bytes of any kind without an exception', () => {
  const hello = clientHello({ serverName: 'a.test' });
  fc.assert(
    fc.property(fc.nat(hello.length - 1), fc.nat(255), (at, byte) => {
      const bytes = Buffer.from(hello);
      bytes[at] = byte;
      const { name } = read(bytes);
      assert.ok(name === null || name.length <= hello.length);
    }),
  );
});
