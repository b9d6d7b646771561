import assert from 'node:assert/strict';
import test from 'node:test';
import { foldChecksum, sumWords } from './checksum.ts';

test('foldChecksum() and sumWords() agree with the example of RFC 1071 section 3', () => {
  const bytes = Uint8Array.fromHex('0001f203f4f5f6f7');
  assert.equal(foldChecksum(sumWords(bytes, 0, 8)), 0xddf2 ^ 0xffff);
});

test('sumWords() takes an odd last byte as the high half of a word', () => {
  assert.equal(sumWords(Uint8Array.of(1, 2, 3), 0, 3), 0x0102 + 0x0300);
});

test('foldChecksum() gives 0 over data that holds its checksum', () => {
  const header = Uint8Array.fromHex('45000073000040004011b861c0a80001c0a800c7');
  assert.equal(foldChecksum(sumWords(header, 0, 20)), 0);
});
