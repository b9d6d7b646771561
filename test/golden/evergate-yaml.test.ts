/**
 * Golden files of evergate.yaml: a configuration, a line of dashes, what is said about it, and for one that
 * converts another line of dashes and the configuration as JSON. Comments at the top of the file set the
 * scene: `# here: ens192 192.168.1.93/24`, `# name: cp2.example 10.0.0.2` (where it leads), `# node: NAME` (as --node),
 * `# exists: /a/file`, `# check` (the machine need not be a node),
 * `# without nft`.
 *
 * `UPDATE_GOLDEN=1 node --test test/golden/evergate-yaml.test.ts` writes what comes out; read the difference.
 */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatDiagnostic, hasErrors } from '../../src/config/diagnostics.ts';
import type { NativeContext } from '../../src/config/evergate-yaml/draft.ts';
import { parseNative } from '../../src/config/evergate-yaml/index.ts';
import { ALL_CHECK_KINDS } from '../../src/health/kinds/check-kinds.ts';

const FOLDER = join(import.meta.dirname, 'evergate-yaml');
const SEPARATOR = '----------';
const updating = process.env.UPDATE_GOLDEN === '1';

function sceneOf(input: string): NativeContext {
  const all = (name: string): readonly string[] =>
    [...input.matchAll(new RegExp(`^# ${name}: (.*)$`, 'gm'))].map(([, value = '']) => value);
  const files = new Set(all('exists'));
  return {
    hostName: null,
    localAddresses: all('here').map((text) => {
      const [name = '', address = '', length = ''] = text.split(/[ /]/);
      return { interface: name, address, prefixLength: Number(length) };
    }),
    names: Object.fromEntries(
      all('name').map((text) => {
        const [name = '', ...addresses] = text.split(' ');
        return [name, addresses];
      }),
    ),
    node: all('node')[0] ?? null,
    canRedirect: !/^# without nft$/m.test(input),
    fileExists: (path) => files.has(path),
    groupExists: (name) => name === 'adm',
    mustBeNode: !/^# check$/m.test(input),
  };
}

function render(input: string): string {
  const { config, diagnostics } = parseNative('evergate.yaml', input, sceneOf(input));
  assert.equal(config === null, hasErrors(diagnostics), 'no configuration exactly after an error');
  const said = diagnostics.map((each) => `${formatDiagnostic(each)}\n`).join('');
  const json = config === null ? '' : `${SEPARATOR}\n${JSON.stringify(config, null, 2)}\n`;
  return `${input}${SEPARATOR}\n${said}${json}`;
}

const names = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));

test('there are golden files', () => assert.ok(names.length >= 15));

for (const name of names.toSorted()) {
  test(`parseNative() reads ${name} as expected`, () => {
    const path = join(FOLDER, name);
    const golden = readFileSync(path, 'utf8');
    const actual = render(golden.split(`${SEPARATOR}\n`)[0] ?? '');
    if (updating) writeFileSync(path, actual);
    else assert.equal(actual, golden);
  });
}

test('every kind of check stands in a golden file', () => {
  const texts = names.map((name) => readFileSync(join(FOLDER, name), 'utf8'));
  const configs = texts.flatMap((text) => text.split(`${SEPARATOR}\n`)[2] ?? []);
  const kinds = new Set(
    configs
      .flatMap((json) => [...json.matchAll(/"check": \{\s+"kind": "(\w+)"/g)])
      .map(([, kind]) => kind),
  );
  assert.equal(kinds.size, ALL_CHECK_KINDS.length);
});
