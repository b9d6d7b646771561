import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LINE_LENGTH_MAX, lexLine, WORDS_MAX } from './lexer.ts';

const ENV: Readonly<Record<string, string>> = {
  HOME: '/root',
  LIST: 'a b  c',
  EMPTY: '',
  _x1: 'y',
};

function words(text: string): readonly string[] {
  const { words: found, problems } = lexLine(text, 1, (name) => ENV[name]);
  assert.deepEqual(problems, []);
  return found.map((word) => word.text);
}

function problem(text: string): string {
  const lexed = lexLine(text, 1, (name) => ENV[name]);
  return lexed.problems.map((each) => `${each.severity} ${each.column}: ${each.text}`).join('; ');
}

test('lexLine() parts words at blanks and tabs and stops at a comment', () => {
  assert.deepEqual(words('  timeout\tclient  1m # idle'), ['timeout', 'client', '1m']);
  assert.deepEqual(words('a#b'), ['a']);
  assert.deepEqual(words('   '), []);
  assert.deepEqual(words('a b\rc'), ['a', 'b']);
});

test('lexLine() knows where each word begins', () => {
  const { words: found } = lexLine('  bind "a b"c  \\#x', 7, () => undefined);
  assert.deepEqual(
    found.map(({ line, column }) => [line, column]),
    [
      [7, 3],
      [7, 8],
      [7, 16],
    ],
  );
});

// The matrix of the configuration manual's section 2.2, row by row.
test('lexLine() treats special characters as the manual has it', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['a\\ b', 'a b'],
    ['a\\\tb', 'a\tb'],
    ['a\\nb\\rc\\td', 'a\nb\rc\td'],
    ['a\\x41\\x2d', 'aA-'],
    ['\\#\\\\\\"\\\'\\$', '#\\"\'$'],
    ['$HOME', '$HOME'],
    ['"a b#\'"', "a b#'"],
    ['"\\"\\#\\$\\x41"', '"#$A'],
    ["'a b # \" $HOME \\n'", 'a b # " $HOME \\n'],
    ['a"b"\'c\'d', 'abcd'],
    ['\\z', '\\z'],
    ['x\\', 'x\\'],
  ];
  for (const [text, word] of cases) assert.deepEqual(words(text), [word], text);
});

test('lexLine() takes empty quotes for an empty word', () => {
  assert.deepEqual(words('a "" b'), ['a', '', 'b']);
});

test('lexLine() replaces variables in double quotes', () => {
  assert.deepEqual(words(`"$HOME/x" "\${HOME}y" "\${_x1}"`), ['/root/x', '/rooty', 'y']);
  assert.deepEqual(words(`"\${NONE-default} z" "\${EMPTY-default}"`), ['default z', '']);
  assert.deepEqual(words(`"-\${LIST[*]}-" "$LIST"`), ['-a', 'b', 'c-', 'a b  c']);
});

test('lexLine() warns of a variable that is not set', () => {
  assert.equal(
    problem('a "$NONE"'),
    'warning 4: Environment variable "NONE" is not set and reads as an empty word',
  );
});

test('lexLine() names what is not closed or not finished, and gives no words then', () => {
  assert.match(problem('a "b'), /^error 3: Quote " is not closed/);
  assert.match(problem("a 'b"), /^error 3: Quote ' is not closed/);
  assert.match(problem('a \\x4'), /^error 3: Escape/);
  assert.match(problem(`"\${HOME"`), /^error 2: Variable in braces/);
  assert.match(problem('"$1"'), /^error 2: Dollar sign/);
  assert.match(problem('"\\x00"'), /^error 2: Escape/);
  assert.deepEqual(lexLine('a "b', 1, () => undefined).words, []);
});

test('lexLine() bounds words, characters and what variables expand to', () => {
  assert.equal(words('w '.repeat(WORDS_MAX)).length, WORDS_MAX);
  assert.match(problem('w '.repeat(WORDS_MAX + 1)), /more than 64 words/);
  assert.match(problem('w'.repeat(LINE_LENGTH_MAX + 1)), /longer than/);
  const huge = lexLine('"$X" "$X" "$X"', 1, () => 'x'.repeat(LINE_LENGTH_MAX));
  assert.match(huge.problems[0]?.text ?? '', /longer than/);
});

test('lexLine() gives back any word that was quoted strongly', () => {
  const word = fc.string({ unit: 'grapheme' }).filter((text) => !/['\n]/.test(text));
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), (list) => {
      assert.deepEqual(words(list.map((text) => `'${text}'`).join(' ')), list);
    }),
  );
});

test('lexLine() gives back any word that was escaped character by character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme-ascii', minLength: 1 }), (text) => {
      const hex = [...text].map(
        (c) => `\\x${(c.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`,
      );
      assert.deepEqual(words(hex.join('')), [text]);
    }),
  );
});

test('lexLine() gives words or an error for anything', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const text = new TextDecoder().decode(bytes);
      const { words: found, problems } = lexLine(text, 1, () => undefined);
      const failed = problems.some((each) => each.severity === 'error');
      assert.ok(!failed || found.length === 0);
    }),
  );
});
