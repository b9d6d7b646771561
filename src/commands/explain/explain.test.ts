/** `evergate explain` as a command. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { DIAGNOSTIC_CODES } from '../../config/diagnostics.ts';
import { EXPLANATIONS } from '../../config/explanations.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'main.ts');

function explain(...codes: readonly string[]) {
  const options = { encoding: 'utf8', timeout: 60_000 } as const;
  return spawnSync(process.execPath, [MAIN, 'explain', ...codes], options);
}

test('explain says what its codes mean, in the order given', () => {
  const { status, stdout } = explain('replaced-script', 'port-busy', 'port-taken');
  const { why } = EXPLANATIONS['replaced-script'];
  assert.deepEqual(stdout.split('\n'), [
    'replaced-script',
    DIAGNOSTIC_CODES['replaced-script'],
    `Why: ${why}`,
    'Fix: Nothing, or remove the script. "--keep-scripts" runs it as it is.',
    'Page: docs/diagnostics.md#replaced-script, in packages below /usr/share/doc/evergate',
    '',
    'port-busy',
    'In the log, or of a command: Another process listens on an address the configuration asks for.',
    '',
    'port-taken',
    'Of doctor, which has a command for it: only one program can listen there: Evergate does not start, or clients reach the other one',
    'Page: docs/doctor.md, in packages below /usr/share/doc/evergate',
    '',
  ]);
  assert.equal(status, 0);
});

test('explain lists all codes, and names the nearest to one that there is not', () => {
  const { stdout } = explain();
  for (const code of Object.keys(DIAGNOSTIC_CODES)) {
    assert.ok(stdout.includes(`\n${code}\n`) || stdout.startsWith(`${code}\n`), code);
  }
  assert.doesNotMatch(stdout, /\]\(/, 'a link of a page');
  const { status, stderr } = explain('split-brian');
  assert.match(
    stderr,
    /error: No line ends with the code "split-brian"; did you mean "split-brain"/,
  );
  assert.equal(status, 1);
});
