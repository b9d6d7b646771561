import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { INVISIBLE_LINES_MAX, invisibleName, scanInvisible, withoutInvisible } from './text.ts';

const NBSP = '\u00a0';

test('scanInvisible() names the character, its line and its column', () => {
  const [first, ...others] = scanInvisible('f', `ok\nbind${NBSP}:80${NBSP}x`, '#');
  assert.equal(others.length, 0);
  assert.equal(first?.line, 2);
  assert.equal(first?.column, 5);
  assert.match(first?.text ?? '', /U\+00A0, NO-BREAK SPACE \(2 invisible characters/);
  assert.equal(first?.severity, 'error');
});

test('scanInvisible() counts columns in characters, not in UTF-16 units', () => {
  assert.equal(scanInvisible('f', `\u{1f600}${NBSP}`, '#')[0]?.column, 2);
});

test('scanInvisible() names what looks like nothing and what is no text', () => {
  for (const [character, name] of [
    ['\u200b', 'ZERO WIDTH SPACE'],
    ['\ufeff', 'ZERO WIDTH NO-BREAK SPACE'],
    ['\u3000', 'IDEOGRAPHIC SPACE'],
    ['\u0000', 'control character'],
    ['\ufffd', 'not UTF-8'],
  ] as const) {
    const [found] = scanInvisible('f', `a${character}b`, '#');
    assert.ok(found?.text.includes(name), `${name} in "${found?.text}"`);
  }
});

test('scanInvisible() leaves comments alone', () => {
  assert.deepEqual(scanInvisible('f', `a # ${NBSP}\n# ${NBSP}\n! ${NBSP}`, '#!'), []);
});

test('scanInvisible() sees that a comment mark in quotes or after a backslash begins none', () => {
  assert.equal(scanInvisible('f', `"#"${NBSP}`, '#').length, 1);
  assert.equal(scanInvisible('f', `'#'${NBSP}`, '#').length, 1);
  assert.equal(scanInvisible('f', `\\#${NBSP}`, '#').length, 1);
  assert.equal(scanInvisible('f', `!${NBSP}`, '#').length, 1);
});

test('scanInvisible() takes tabs and carriage returns for white space', () => {
  assert.deepEqual(scanInvisible('f', '\tmode tcp\r\n\f\v', '#'), []);
});

test('scanInvisible() sums up what is too much to list', () => {
  const found = scanInvisible('f', `a${NBSP}\n`.repeat(INVISIBLE_LINES_MAX + 7), '#');
  assert.equal(found.length, INVISIBLE_LINES_MAX + 1);
  assert.match(found.at(-1)?.text ?? '', /in 7 more lines/);
});

test('withoutInvisible() reads spaces for spaces and nothing for nothing', () => {
  assert.equal(withoutInvisible(`a${NBSP}b\u200bc\ufeff\u0001\td`), 'a bc\td');
});

test('withoutInvisible() leaves no invisible character but bytes that are not UTF-8', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 0x2fff })), (codePoints) => {
      const text = String.fromCodePoint(...codePoints);
      for (const character of withoutInvisible(text)) {
        const codePoint = character.codePointAt(0) ?? 0;
        assert.ok(invisibleName(codePoint) === null || codePoint === 0xfffd);
      }
    }),
  );
});
