/**
 * `evergate import`, golden: the old files, a line of dashes, what is said, another line of dashes, the evergate.yaml.
 * Beyond the letters, each result is read again and means what the old files mean, or a remark says that it does not.
 *
 * `UPDATE_GOLDEN=1 node --test test/golden/import.test.ts` writes what comes out; read the difference.
 */

import assert from 'node:assert/strict';
import { existsSync, globSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { formatDiagnostic, hasErrors } from '../../src/config/diagnostics.ts';
import { type Imported, type ImportSources, importFiles } from '../../src/config/import/index.ts';
import { formatRemark } from '../../src/config/import/remarks.ts';
import { assertSameMeaning, sourcesOf } from './import-golden.ts';

const FOLDER = join(import.meta.dirname, 'import');
const SEPARATOR = '----------\n';
const updating = process.env.UPDATE_GOLDEN === '1';

/** Files from the field that are no part of this repository. */
const SHARED = join(import.meta.dirname, '../../../shared');
const FIELD = process.env.EG_FIELD_FILES ?? SHARED;

function said({ text, remarks, diagnostics }: Imported): string {
  const lines = text === null ? diagnostics.map(formatDiagnostic) : remarks.map(formatRemark);
  return lines.map((line) => `${line}\n`).join('');
}

/** Twice the same, an error or a text, and a text that means what the old files mean. */
function importSoundly(sources: ImportSources): Imported {
  const imported = importFiles(sources);
  assert.deepEqual(importFiles(sources), imported);
  assert.equal(imported.text === null, hasErrors(imported.diagnostics));
  assertSameMeaning(sources, imported);
  return imported;
}

const names = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));

test('there are golden files', () => assert.ok(names.length >= 8));

for (const name of names.toSorted()) {
  test(`import makes of ${name} what it says`, () => {
    const path = join(FOLDER, name);
    const golden = readFileSync(path, 'utf8');
    const input = golden.split(SEPARATOR)[0] ?? '';
    const imported = importSoundly(sourcesOf(input));
    const actual = `${input}${SEPARATOR}${said(imported)}${SEPARATOR}${imported.text ?? ''}`;
    if (updating) writeFileSync(path, actual);
    else assert.equal(actual, golden);
  });
}

function fieldSource(path: string) {
  return { file: basename(path), text: readFileSync(path, 'utf8') };
}

function fieldImport(
  haproxy: string | null,
  keepalived: readonly string[],
  modern: boolean,
): Imported {
  return importSoundly({
    haproxy: haproxy === null ? null : { ...fieldSource(haproxy), env: {}, leaveOut: [] },
    keepalived: keepalived.map(fieldSource),
    options: { readInclude: () => [], readScript: () => null, configId: null },
    here: { name: 'lb1', address: '192.0.2.1' },
    modern,
  });
}

const isThere = existsSync(join(FIELD, 'corpus')) && existsSync(join(FIELD, 'seed'));
const skip = isThere ? false : 'the files from the field are not here';

test('files from the field mean the same afterwards', { skip }, () => {
  const seed = join(FIELD, 'seed');
  const haproxy = globSync(`${FIELD}/corpus/haproxy/*.cfg`);
  const keepalived = globSync(`${FIELD}/corpus/keepalived/*.conf`);
  assert.ok(haproxy.length > 0 && keepalived.length > 0);
  let made = 0;
  for (const modern of [false, true]) {
    const article = fieldImport(join(seed, 'haproxy.cfg'), globSync(`${seed}/*.conf`), modern);
    assert.notEqual(article.text, null, said(article));
    for (const file of haproxy) {
      if (fieldImport(file, [], modern).text !== null) made += 1;
      for (const conf of keepalived) fieldImport(file, [conf], modern);
    }
    for (const conf of keepalived) fieldImport(null, [conf], modern);
  }
  assert.ok(made >= 12, `${made} of ${haproxy.length * 2}`);
});
