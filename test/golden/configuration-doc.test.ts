/**
 * docs/configuration.md and docs/evergate.schema.json say what the schema says, and every example on the
 * page is a whole configuration without a complaint. `UPDATE_GOLDEN=1` writes the tables and the schema;
 * read the difference before committing it.
 */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatDiagnostic } from '../../src/config/diagnostics.ts';
import { parseNative } from '../../src/config/evergate-yaml/index.ts';
import { jsonSchema } from '../../src/config/evergate-yaml/json-schema.ts';
import {
  BLOCK_NAMES,
  PAGE,
  SCHEMA_FILE,
  tablesOf,
  withKeyTables,
} from '../../tools/docs/configuration-tables.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const updating = process.env.UPDATE_GOLDEN === '1';

function holds(file: string, expected: (actual: string) => string): void {
  const path = join(ROOT, file);
  const actual = readFileSync(path, 'utf8');
  if (updating) writeFileSync(path, expected(actual));
  else assert.equal(actual, expected(actual), `run with UPDATE_GOLDEN=1 to write ${file}`);
}

test(`${SCHEMA_FILE} is what evergate schema prints`, () => {
  holds(SCHEMA_FILE, () => jsonSchema());
});

test(`${PAGE} holds a table of every block of keys`, () => {
  holds(PAGE, withKeyTables);
  assert.deepEqual(tablesOf(readFileSync(join(ROOT, PAGE), 'utf8')), BLOCK_NAMES);
});

const page = readFileSync(join(ROOT, PAGE), 'utf8');
const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = '']) => text);
const short = readFileSync(join(ROOT, 'examples/evergate.yaml'), 'utf8');

test(`${PAGE} and examples/ show configurations that are right`, () => {
  assert.ok(examples.length >= 3);
  for (const text of [short, ...examples]) {
    const { diagnostics } = parseNative('evergate.yaml', text, {
      hostName: null,
      localAddresses: [{ interface: 'ens192', address: '192.168.1.93', prefixLength: 24 }],
      node: text.includes('192.168.1.93') ? null : 'lb1',
      canRedirect: true,
      fileExists: () => true,
      groupExists: () => true,
      mustBeNode: text.includes('192.168.1.93'),
    });
    const elsewhere = ['vip-outside-network', 'no-vrrp-key'];
    const errors = diagnostics.filter(({ code }) => !elsewhere.includes(code));
    assert.deepEqual(errors.map(formatDiagnostic), [], text);
  }
});

test('every key is described', () => {
  const bare: string[] = [];
  const visit = (schema: unknown, path: string): void => {
    if (schema === null || typeof schema !== 'object') return;
    for (const [key, value] of Object.entries(schema)) {
      if (key === 'properties') {
        for (const [name, child] of Object.entries(value as Record<string, object>)) {
          if (!('description' in child)) bare.push(`${path}.${name}`);
          visit(child, `${path}.${name}`);
        }
      } else visit(value, path);
    }
  };
  visit(JSON.parse(jsonSchema()), '');
  assert.deepEqual(bare, []);
});
