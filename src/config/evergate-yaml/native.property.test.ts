/** Whatever the text, parseNative() ends, and in a diagnosis or a configuration. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ANY_CHARACTER } from '../../../test/kit/any-shape.ts';
import { hasErrors } from '../diagnostics.ts';
import type { NativeContext } from './draft.ts';
import { parseNative } from './index.ts';

const CONTEXT: NativeContext = {
  hostName: null,
  localAddresses: [{ interface: 'ens192', address: '192.168.1.93', prefixLength: 24 }],
  node: null,
  canRedirect: true,
  fileExists: () => true,
  groupExists: () => true,
  mustBeNode: true,
};

const RUNS = { numRuns: 150, seed: 7 };

const WORDS = [
  ...['vip', 'listen', 'nodes', 'servers', 'check', 'vrrp', 'logs', 'stats', 'users', 'to', 'type'],
  ...['8443', '192.168.1.93', '192.168.1.94/24', '2s', 'true', '~', '"', "'", '{', '}', '[', ']'],
  ...[': ', '- ', '\n', '\n  ', '\n\t', '#', '&a', '*a', '<<', '!x', '---\n', '? ', '|', '>', ','],
  ...['\u00a0', '\ufeff', '__proto__', 'constructor', '999999999999999999999', '0x1F', '.inf'],
];

function parse(text: string): void {
  const { config, diagnostics } = parseNative('evergate.yaml', text, CONTEXT);
  assert.equal(config === null, hasErrors(diagnostics));
  const lines = text.split('\n').length;
  for (const { line, text: sentence } of diagnostics) {
    assert.ok(line <= lines, `line ${line} of ${lines}`);
    assert.ok(!/undefined|\[object|NaN/.test(sentence), sentence);
  }
}

test('parseNative() takes any text', () => {
  fc.assert(fc.property(fc.string({ unit: ANY_CHARACTER, maxLength: 200 }), parse), RUNS);
});

test('parseNative() takes any arrangement of words', () => {
  const words = fc.array(fc.constantFrom(...WORDS), { maxLength: 60 });
  fc.assert(
    fc.property(words, (list) => parse(list.join(''))),
    RUNS,
  );
});

test('parseNative() takes any value under any key', () => {
  const keys = fc.constantFrom(
    'vip',
    'listen',
    'nodes',
    'servers',
    'check',
    'logs',
    'stats',
    'vrrp',
  );
  const files = fc.dictionary(keys, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 5 });
  fc.assert(
    fc.property(files, (file) => parse(JSON.stringify(file, null, 1))),
    RUNS,
  );
});

test('parseNative() is bounded where aliases multiply', () => {
  const levels = Array.from({ length: 12 }, (_, level) => {
    const items = Array.from({ length: 10 }, () => (level === 0 ? '1' : `*l${level - 1}`));
    return `l${level}: &l${level} [${items.join(', ')}]\n`;
  });
  const { diagnostics } = parseNative('evergate.yaml', levels.join(''), CONTEXT);
  assert.ok(diagnostics.some(({ text }) => /holds more than 20000 values/.test(text)));
});
