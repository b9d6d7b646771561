/**
 * docs/haproxy.md and docs/keepalived.md say of every directive, docs/metrics.md of every metric, what its
 * table says, docs/failover.md what was measured. After a change of a table run what its markers name, and read
 * the difference.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PAGES as MEASURED } from '../../bench/failover/page.ts';
import { GLOBAL_DIRECTIVES } from '../../src/config/haproxy/directives-global.ts';
import { VRRP_INSTANCE } from '../../src/config/keepalived/directives.ts';
import { PAGES } from '../../tools/docs/directive-tables.ts';
import { markersOf, withTables } from '../../tools/docs/page-tables.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const FIX = 'run node_modules/.bin/node with the file that the markers name';

for (const [page, tables] of Object.entries({ ...PAGES, ...MEASURED })) {
  const text = readFileSync(join(ROOT, page), 'utf8');

  test(`${page} holds the tables as they are`, () => {
    assert.equal(text, withTables(text, tables), FIX);
  });

  test(`${page} has markers for these tables and no others`, () => {
    assert.deepEqual(markersOf(text).toSorted(), Object.keys(tables).toSorted());
  });
}

test('the tables name every directive, with its reason where there is one', () => {
  const { global = '' } = PAGES['docs/haproxy.md'] ?? {};
  for (const { name, treatment } of GLOBAL_DIRECTIVES.values()) {
    const why = treatment.does === 'convert' ? '' : treatment.why;
    const line = global.split('\n').find((each) => each.includes(`\`${name}\``));
    assert.ok(line?.includes(why), `${name}: ${why}`);
  }
  const { 'vrrp-instance': instance = '' } = PAGES['docs/keepalived.md'] ?? {};
  for (const name of Object.keys(VRRP_INSTANCE)) assert.ok(instance.includes(`\`${name}\``), name);
});

test('withTables() writes between the markers only, and misses none', () => {
  const marks = (inside: string): string =>
    `before\n<!-- begin a (written by tools/docs/write-directive-tables.ts) -->\n${inside}<!-- end a -->\nafter\n`;
  assert.equal(withTables(marks('old'), { a: 'new\n' }), marks('\nnew\n\n'));
  assert.throws(() => withTables(marks('old'), { b: 'new\n' }), /one pair of markers for "b"/);
  assert.throws(() => withTables(marks('x') + marks('y'), { a: 'new\n' }), /one pair of markers/);
});
