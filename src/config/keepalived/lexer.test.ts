import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commentStart, lexLine } from './lexer.ts';

function lex(text: string) {
  const columns = Array.from({ length: text.length }, (_, index) => index + 1);
  return lexLine({ file: 'f', line: 1, text, columns });
}

/** Words as they are, braces as themselves. */
function shape(text: string): readonly string[] {
  const braces = { open: '{', close: '}' };
  return lex(text).tokens.map((token) =>
    token.kind === 'word' ? token.word.text : braces[token.kind],
  );
}

test('lexLine() splits words and braces wherever they stand', () => {
  assert.deepEqual(shape('track_script{chk}}'), ['track_script', '{', 'chk', '}', '}']);
  assert.deepEqual(shape(' a\tb  { '), ['a', 'b', '{']);
});

test('lexLine() keeps references and escaped braces in their word', () => {
  assert.deepEqual(shape(`x\${NAME}y a\\{b`), [`x\${NAME}y`, 'a\\{b']);
});

test('lexLine() takes comment marks outside quotes only', () => {
  assert.deepEqual(shape('state MASTER # x { y'), ['state', 'MASTER']);
  assert.deepEqual(shape('! all of it'), []);
  assert.deepEqual(shape('script "a # b" \'c ! d\' ! e'), ['script', 'a # b', 'c ! d']);
});

test('lexLine() names the word that a comment mark cuts', () => {
  assert.equal(lex('auth_pass a!b').cut?.text, 'a');
  assert.equal(lex('auth_pass a !b').cut, null);
  assert.equal(lex('virtual_ipaddress {# x').cut, null);
});

test('lexLine() says where a quote opens that is not closed', () => {
  assert.equal(lex('script "a b').unterminated?.column, 8);
  assert.equal(lex('script "a \\" b"').unterminated, null);
});

test('commentStart() gives the length of a text without comment', () => {
  assert.equal(commentStart('a b'), 3);
  assert.equal(commentStart('a "#" # c'), 6);
});
