/**
 * Known files, spoilt: bytes changed, lines lost, doubled, moved or taken from other files. Whatever comes
 * out, each front end ends in a configuration or in at least one error, never in an exception.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDiagnostic, hasErrors } from '../../src/config/diagnostics.ts';
import { ANY_CHARACTER } from '../kit/any-shape.ts';
import { FRONT_ENDS, type FrontEnd } from './parsers.ts';

const RUNS = { numRuns: 600, seed: 2026 } as const;

/** What tears syntax apart: quotes, braces, escapes, ends, numbers at their limits, invisible things. */
const TOKENS = [
  ...['"', "'", '{', '}', '[', ']', '\\', '#', '!', '$', '@', ':', '-', ',', '*', '&', '|', '%'],
  ...['\0', '\r', '\n', '\t', '\u00a0', '\u200b', '\ufeff', '\ud800', '🔥', '0', '-1', '1e9'],
  ...[
    '99999999999999999999',
    '4294967296',
    '65536',
    '0x10',
    '1.5',
    '$' + '{A}',
    '"$' + '{EG_EMPTY}"',
  ],
  ...['$A=$A$A', 'include x', 'if', 'unless', 'or', '::', '0.0.0.0', '::ffff:1.2.3.4', '/33'],
  ...['x'.repeat(20_000), ' '.repeat(300), 'a '.repeat(80)],
];

type Change = {
  readonly kind: number;
  readonly at: number;
  readonly to: number;
  readonly token: string;
};

const change = fc.record({
  kind: fc.nat(8),
  at: fc.nat(),
  to: fc.nat(),
  token: fc.oneof(fc.constantFrom(...TOKENS), fc.string({ unit: ANY_CHARACTER, maxLength: 8 })),
});

function spoil(text: string, { kind, at, to, token }: Change, other: string): string {
  const lines = text.split('\n');
  const line = at % lines.length;
  const position = at % (text.length + 1);
  switch (kind) {
    case 0:
      return text.slice(0, position) + token + text.slice(position);
    case 1:
      return text.slice(0, position) + token + text.slice(position + 1 + (to % 8));
    case 2:
      return text.slice(0, position);
    case 3:
      return lines.toSpliced(line, 1 + (to % 3)).join('\n');
    case 4:
      return lines.toSpliced(line, 0, ...lines.slice(line, line + 1 + (to % 40))).join('\n');
    case 5:
      return lines.toSpliced(to % lines.length, 0, lines[line] ?? '').join('\n');
    case 6:
      return lines.toSpliced(line, 0, other.split('\n')[to % 7] ?? '').join('\n');
    case 7: {
      const words = (lines[line] ?? '').split(' ');
      return lines.with(line, words.with(to % words.length, token).join(' ')).join('\n');
    }
    default:
      return text.slice(0, position) + other.slice(to % (other.length + 1));
  }
}

function assertSound(text: string, { parse }: FrontEnd): void {
  const { config, diagnostics } = parse(text);
  assert.equal(config === null, hasErrors(diagnostics), 'a configuration, or why there is none');
  const lines = text.split('\n').length;
  for (const each of diagnostics) {
    assert.ok(each.line >= 0 && each.line <= lines && each.column >= 0);
    assert.doesNotMatch(each.text, /undefined|\[object|NaN/);
    assert.ok(!formatDiagnostic(each).includes('\n'), 'one line each');
  }
  assert.equal(JSON.stringify(JSON.parse(JSON.stringify(config))), JSON.stringify(config));
}

for (const frontEnd of FRONT_ENDS) {
  const { name, seeds } = frontEnd;
  const seed = fc.constantFrom(...seeds);
  test(`a spoilt ${name} ends in a diagnosis`, () => {
    fc.assert(
      fc.property(
        seed,
        seed,
        fc.array(change, { minLength: 1, maxLength: 6 }),
        (text, other, changes) => {
          assertSound(
            changes.reduce((so, one) => spoil(so, one, other), text),
            frontEnd,
          );
        },
      ),
      RUNS,
    );
  });

  test(`every prefix of a ${name} ends in a diagnosis`, () => {
    for (const text of seeds) {
      // Cut within each line once, so that every directive loses its end somewhere.
      let end = 0;
      for (const [index, line] of text.split('\n').entries()) {
        assertSound(text.slice(0, end + Math.floor((line.length * (index % 4)) / 4)), frontEnd);
        end += line.length + 1;
      }
    }
  });
}
