/**
 * Golden files of the haproxy.cfg front end: a configuration, a line of dashes, what is said about it,
 * and for one that converts another line of dashes and the balancer's configuration as JSON.
 *
 * `UPDATE_GOLDEN=1 node --test test/golden/haproxy.test.ts` writes what comes out; read the diff.
 */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { ALGORITHM_NAMES } from '../../src/balance/algorithms.ts';
import { formatDiagnostic, hasErrors } from '../../src/config/diagnostics.ts';
import { parseHaproxy } from '../../src/config/haproxy/index.ts';
import { ALL_CHECK_KINDS } from '../../src/health/kinds/check-kinds.ts';
import { GOLDEN_ENV, goldenFiles, leaveOutOf, SEPARATOR, splitGolden } from './haproxy-golden.ts';

const { UPDATE_GOLDEN } = process.env;
const updating = UPDATE_GOLDEN === '1';

function render(input: string): string {
  const leaveOut = leaveOutOf(input);
  const { config, diagnostics } = parseHaproxy('haproxy.cfg', input, GOLDEN_ENV, leaveOut);
  assert.equal(config === null, hasErrors(diagnostics), 'no configuration exactly after an error');
  const said = diagnostics.map((each) => `${formatDiagnostic(each)}\n`).join('');
  const json = config === null ? '' : `${SEPARATOR}\n${JSON.stringify(config, null, 2)}\n`;
  return `${input}${SEPARATOR}\n${said}${json}`;
}

test('there are golden files', () => {
  assert.ok(goldenFiles().length >= 20);
});

for (const { name, path } of goldenFiles()) {
  test(`parseHaproxy() reads ${name} as expected`, () => {
    const golden = readFileSync(path, 'utf8');
    const actual = render(splitGolden(golden).input);
    if (updating) writeFileSync(path, actual);
    else assert.equal(actual, golden);
  });
}

test('every kind of check with an option stands in a golden file', () => {
  const texts = goldenFiles().map(({ path }) => splitGolden(readFileSync(path, 'utf8')));
  const seen = texts.filter(({ valid }) => valid).map(({ input }) => input);
  for (const { option } of ALL_CHECK_KINDS) {
    if (option === null) continue;
    assert.ok(
      seen.some((input) => input.includes(`option ${option}`)),
      option,
    );
  }
});

test('every balance algorithm stands in a golden file', () => {
  const texts = goldenFiles().map(({ path }) => readFileSync(path, 'utf8'));
  const seen = (name: string): boolean =>
    texts.some((text) => text.includes(`"balance": {\n        "kind": "${name}"`));
  assert.deepEqual(
    ALGORITHM_NAMES.filter((name) => !seen(name)),
    [],
  );
});
