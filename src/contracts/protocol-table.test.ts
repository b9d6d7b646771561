import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { anyFitting, anyMutated } from '../../test/kit/any-shape.ts';
import {
  cutLine,
  cutSentences,
  FROM_BALANCER,
  FROM_CHECKER,
  parseFromBalancer,
  parseFromChecker,
} from './protocol-table.ts';

/** Mutated messages of each kind. */
const MUTATIONS = 300;

function refusal(line: string): string | null {
  const parsed = parseFromBalancer(line);
  return parsed.ok ? null : parsed.reason;
}

for (const [parser, table, parse] of [
  ['parseFromBalancer', FROM_BALANCER, parseFromBalancer],
  ['parseFromChecker', FROM_CHECKER, parseFromChecker],
] as const) {
  describe(`${parser}(), kind by kind`, () => {
    const refusal = (line: string): string | null => {
      const parsed = parse(line);
      return parsed.ok ? null : parsed.reason;
    };

    for (const [kind, shape] of Object.entries(table)) {
      it(`takes what fits of "${kind}", as it is`, () => {
        fc.assert(
          fc.property(anyFitting(shape.rule), (message) => {
            const line = JSON.stringify(message);
            assert.deepEqual(parse(line), { ok: true, value: JSON.parse(line) });
          }),
        );
      });

      it(`takes "${kind}" with each of its fields and no other`, () => {
        const [message = {}] = fc.sample(anyFitting(shape.rule) as fc.Arbitrary<object>, 1);
        assert.match(
          refusal(JSON.stringify({ ...message, more: 1 })) ?? '',
          /unknown field "more"/,
        );
        for (const name of Object.keys(message)) {
          const isOptional = shape.rule.kind === 'record' && shape.rule.fields[name]?.optional;
          const without = refusal(JSON.stringify({ ...message, [name]: undefined }));
          assert.equal(without === null, isOptional, name);
          assert.notEqual(refusal(JSON.stringify({ ...message, [name]: {} })), null, name);
        }
      });

      it(`throws never and says little, however "${kind}" is mutated`, () => {
        const run = (message: unknown): void => {
          const reason = refusal(JSON.stringify(message) ?? '') ?? '';
          assert.ok(reason.length < 300, reason);
        };
        fc.assert(fc.property(anyMutated(anyFitting(shape.rule)), run), { numRuns: MUTATIONS });
      });
    }
  });
}

describe('parseFromBalancer()', () => {
  it('refuses what is no message at all', () => {
    assert.equal(refusal(''), 'It is no JSON');
    assert.equal(refusal('{"kind":"prepared"'), 'It is no JSON');
    for (const line of ['null', '5', '"prepared"', 'true']) {
      assert.equal(refusal(line), 'It is no record');
    }
    for (const line of ['[]', '{}', '{"kind":5}', '{"kind":"start"}', '{"kind":"toString"}']) {
      assert.equal(refusal(line), 'Field "kind" is no kind of message');
    }
    assert.equal(refusal('['.repeat(1e6)), 'It is no JSON');
    assert.equal(
      refusal('[['.repeat(5e4) + ']]'.repeat(5e4)),
      'Field "kind" is no kind of message',
    );
  });

  it('refuses what ended the guardian before there was a table', () => {
    assert.equal(refusal('{"kind":"log","level":"info","text":5}'), 'Field "text" is no text');
    const poisoned = '{"kind":"servers","servers":[{"backend":5},null]}';
    assert.equal(refusal(poisoned), 'Field "servers[0].backend" is no text');
  });

  it('takes what was cut to size', () => {
    const line = { kind: 'log', level: 'info', text: cutLine('x'.repeat(100_000)) };
    assert.equal(refusal(JSON.stringify(line)), null);
    assert.ok(line.text.endsWith('x…'));
    assert.equal(cutLine('short'), 'short');
    assert.deepEqual(
      cutSentences(Array(20).fill('y'.repeat(600))).map(({ length }) => length),
      Array(8).fill(512),
    );
  });
});
