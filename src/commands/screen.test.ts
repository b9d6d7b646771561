import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fitColumns, paintReport } from './screen.ts';

test('a long line goes on further in, and a short one stays as it is', () => {
  const words = 'Server "kube-api/cp1" is down: Layer4 connection problem, info: refused by nobody';
  assert.equal(
    fitColumns(`a  b\n  ! ${words}\n`, 48),
    'a  b\n  ! Server "kube-api/cp1" is down: Layer4\n      connection problem, info: refused by\n      nobody\n',
  );
});

test('no word is lost, and no line is too long that could be broken', () => {
  const word = fc.stringMatching(/^[a-z]{1,30}$/);
  fc.assert(
    fc.property(
      fc.array(word, { minLength: 1 }),
      fc.integer({ min: 40, max: 90 }),
      (words, width) => {
        const fitted = fitColumns(`  ${words.join(' ')}`, width);
        assert.deepEqual(fitted.trim().split(/\s+/), words);
        assert.ok(fitted.split('\n').every((line) => line.length <= width));
      },
    ),
  );
});

test('who is no terminal gets no colours', () => {
  const text = 'a: degraded\n  ! x\n';
  assert.equal(paintReport(text, 'yellow'), text);
});
