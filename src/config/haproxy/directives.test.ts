/** The directive table and the converters must agree, or a directive would be dropped without a word. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GLOBAL_CONVERTERS } from './convert-global.ts';
import { PROXY_CONVERTERS } from './convert-proxy.ts';
import { type DirectiveTable, familyWords, findDirective, firstWords } from './directives.ts';
import { GLOBAL_DIRECTIVES } from './directives-global.ts';
import { PROXY_DIRECTIVES } from './directives-proxy.ts';

function convertedNames(table: DirectiveTable): readonly string[] {
  return [...table.values()]
    .filter((each) => each.treatment.does === 'convert')
    .map((each) => each.name)
    .toSorted();
}

test('every converted directive has its converter, and the other way round', () => {
  assert.deepEqual(convertedNames(GLOBAL_DIRECTIVES), Object.keys(GLOBAL_CONVERTERS).toSorted());
  assert.deepEqual(convertedNames(PROXY_DIRECTIVES), Object.keys(PROXY_CONVERTERS).toSorted());
});

test('every directive left out or refused says why, in a clause that fits after a colon', () => {
  for (const { name, treatment } of [...GLOBAL_DIRECTIVES.values(), ...PROXY_DIRECTIVES.values()]) {
    if (treatment.does === 'convert') continue;
    assert.match(treatment.why, /^\S.{8,90}[^.\s]$/, name);
  }
});

test('every proxy directive belongs to some section', () => {
  for (const { name, sections } of PROXY_DIRECTIVES.values()) {
    assert.match(sections, /^d?f?l?b?$/, name);
    assert.notEqual(sections, '', name);
  }
});

test('findDirective() prefers the longer name', () => {
  const found = findDirective(PROXY_DIRECTIVES, ['stats', 'uri', '/x']);
  assert.equal(found?.directive.name, 'stats uri');
  assert.equal(found?.length, 2);
  assert.equal(findDirective(PROXY_DIRECTIVES, ['mode', 'tcp'])?.length, 1);
  assert.equal(findDirective(PROXY_DIRECTIVES, ['stats']), null);
  assert.equal(findDirective(GLOBAL_DIRECTIVES, ['tune.bufsize'])?.directive.name, 'tune.*');
});

test('familyWords() and firstWords() list what a suggestion may name', () => {
  assert.ok(familyWords(PROXY_DIRECTIVES, 'timeout').includes('client-fin'));
  assert.deepEqual(familyWords(PROXY_DIRECTIVES, 'mode'), []);
  assert.ok(firstWords(PROXY_DIRECTIVES).includes('timeout'));
});
