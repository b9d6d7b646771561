import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { splitShellWords } from './shell-words.ts';

test('splitShellWords() splits at blanks outside quotes', () => {
  const cases: [string, readonly string[]][] = [
    ['killall -0 haproxy', ['killall', '-0', 'haproxy']],
    ["bash -c 'if true ; then exit 1;fi'", ['bash', '-c', 'if true ; then exit 1;fi']],
    ['a "" \'\' b', ['a', '', '', 'b']],
    ['a"b c"d', ['ab cd']],
    ['a\\ b \\"c\\"', ['a b', '"c"']],
    ["'\\n'", ['\\n']],
    ['\\x41\\102\\t', ['AB\t']],
    ['  ', []],
  ];
  for (const [text, words] of cases)
    assert.deepEqual(splitShellWords(text), { ok: true, value: words });
});

test('splitShellWords() fails on an open quote and on too many words', () => {
  assert.equal(splitShellWords("bash -c 'exit").ok, false);
  assert.equal(splitShellWords('a '.repeat(1000)).ok, false);
});

test('splitShellWords() gives back words that are quoted', () => {
  const words = fc.array(
    fc.string().filter((word) => !word.includes("'")),
    { maxLength: 20 },
  );
  fc.assert(
    fc.property(words, (expected) => {
      const text = expected.map((word) => `'${word}'`).join(' ');
      assert.deepEqual(splitShellWords(text), { ok: true, value: expected });
    }),
    { seed: 51 },
  );
});
