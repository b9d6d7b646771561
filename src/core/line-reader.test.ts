import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LineReader } from './line-reader.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('LineReader', () => {
  it('gives the same lines however the bytes are cut', () => {
    const anyLines = fc.array(
      fc.string({ unit: 'grapheme', maxLength: 20 }).map((line) => line.replaceAll('\n', '')),
    );
    fc.assert(
      fc.property(anyLines, fc.integer({ min: 1, max: 9 }), (lines, size) => {
        const reader = new LineReader(1000);
        const all = bytes(lines.map((line) => `${line}\n`).join(''));
        const read: string[] = [];
        for (let at = 0; at < all.length; at += size) {
          read.push(...(reader.read(all.subarray(at, at + size)) ?? assert.fail('too long')));
        }
        assert.deepEqual(read, lines);
      }),
    );
  });

  it('takes a line of exactly the length allowed, and no longer one', () => {
    const reader = new LineReader(4);
    assert.deepEqual(reader.read(bytes('1234\n1')), ['1234']);
    assert.deepEqual(reader.read(bytes('234\n')), ['1234']);
    assert.equal(reader.read(bytes('12345\n')), null);
    assert.equal(new LineReader(4).read(bytes('12345')), null, 'an end that never comes');
    const slow = new LineReader(4);
    assert.deepEqual(slow.read(bytes('12')), []);
    assert.equal(slow.read(bytes('345')), null);
  });
});
