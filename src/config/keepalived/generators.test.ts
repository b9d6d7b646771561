import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { generatorEnd, parseGenerator, VALUES_MAX } from './generators.ts';

function valuesOf(text: string): readonly string[] | string {
  const generator = parseGenerator(text);
  return generator.ok ? generator.value.values.map((words) => words.join(' ')) : generator.reason;
}

test('parseGenerator() counts as keepalived.conf(5) shows it', () => {
  assert.deepEqual(valuesOf('~SEQ(S, 0, 3)'), ['0', '1', '2', '3']);
  assert.deepEqual(valuesOf('~SEQ(S, 3)'), ['1', '2', '3']);
  assert.deepEqual(valuesOf('~SEQ(S, -2)'), ['-1', '-2']);
  assert.deepEqual(valuesOf('~SEQ(S, 168, 2, 172)'), ['168', '170', '172']);
  assert.deepEqual(valuesOf('~SEQx(S, 0x90, 0x10, 0xc0)'), ['90', 'a0', 'b0', 'c0']);
  assert.deepEqual(valuesOf('~SEQx(S, 0x0e, -1, 0x0c)'), ['e', 'd', 'c']);
  assert.deepEqual(valuesOf('~LST(IP, 1, b)'), ['1', 'b']);
  assert.deepEqual(valuesOf('~LST({IP, IP1}, {10,1},{20,4})'), ['10 1', '20 4']);
});

test('parseGenerator() never throws and stays within its bound', () => {
  const word = fc.oneof(fc.constantFrom('A', '1', '-1', '0x10', '{', '}', ',', ''), fc.string());
  fc.assert(
    fc.property(fc.constantFrom('SEQ', 'SEQx', 'LST'), fc.array(word), (kind, words) => {
      const text = `~${kind}(${words.join(',')})`;
      const end = generatorEnd(text);
      assert.ok(end !== null && end <= text.length);
      const generator = parseGenerator(text.slice(0, end));
      if (!generator.ok) return;
      const { names, values } = generator.value;
      assert.ok(values.length >= 1 && values.length <= VALUES_MAX);
      for (const each of values) assert.equal(each.length, names.length);
    }),
  );
});
