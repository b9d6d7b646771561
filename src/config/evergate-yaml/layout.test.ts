import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gluedKeys, layoutProblems } from './layout.ts';

test('gluedKeys() names the lines that lack a blank, and leaves what may be glued', () => {
  const text =
    'vip:192.168.1.94/24 # ours\nlisten: 8443\nnodes:\n  a:10.0.0.1\n  - b:1\n"c":1\nurl://x\n';
  assert.deepEqual(gluedKeys(text), [
    {
      place: { line: 1, column: 5 },
      text: 'A blank is missing behind the colon; write "vip: 192.168.1.94/24"',
    },
    {
      place: { line: 4, column: 5 },
      text: 'A blank is missing behind the colon; write "  a: 10.0.0.1"',
    },
  ]);
  assert.equal(gluedKeys('a:1\n'.repeat(1000)).length, 20);
});

test('layoutProblems() finds the line that fits no block', () => {
  const places = (text: string) => layoutProblems(text)[0]?.place ?? null;
  assert.deepEqual(places('a: 1\n b: 2\n'), { line: 2, column: 2 });
  assert.deepEqual(places('a:\n   b: 2\n  c: 3\n'), { line: 3, column: 3 });
  assert.deepEqual(places('a:\n  b: 2\n    c: 3\n'), { line: 3, column: 5 });
  assert.equal(places('a:\n  b:\n    c: 3\n  d: 4\ne: 5\n'), null);
  assert.equal(places('a: # block\n  b: 1\nlogs:\n  - to: x\n    level: info\n  - to: y\n'), null);
  assert.deepEqual(places('x:1\na: 1\n b: 2\n'), { line: 1, column: 3 });
  assert.equal(places('a: {\n  b: 1,\n  c: 2 }\n'), null);
  assert.equal(places('a: &anchor\n  b: 1\n'), null);
});
