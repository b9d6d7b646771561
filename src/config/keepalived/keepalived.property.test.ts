/** keepalived.conf, properties: whatever the text, there is a configuration or an error, and no exception. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ANY_CHARACTER } from '../../../test/kit/any-shape.ts';
import { hasErrors } from '../diagnostics.ts';
import { lintNodes } from '../lint.ts';
import { ADDRESS_DEFAULTS } from '../vrrp-defaults.ts';
import * as directives from './directives.ts';
import { type KeepalivedOptions, parseKeepalived } from './index.ts';
import { DIAGNOSTICS_MAX } from './report.ts';

const OPTIONS: KeepalivedOptions = {
  readInclude: (pattern) => [{ file: pattern, text: 'global_defs {\n router_id x\n}\ninclude a' }],
  readScript: () => null,
  configId: 'a',
  keepScripts: false,
  balancerHere: true,
};

/** The same inputs every time, so that a change is to blame for a failure. */
const RUNS = { seed: 51, numRuns: 400 } as const;

/** Checks what must hold of every result. */
function parseAnything(text: string): void {
  const { config, diagnostics, facts } = parseKeepalived('f', text, OPTIONS);
  assert.equal(config === null, hasErrors(diagnostics));
  assert.ok(diagnostics.length <= DIAGNOSTICS_MAX + 1);
  for (const { line, column, text: message } of diagnostics) {
    assert.ok(line >= 0 && column >= 0);
    assert.match(message, /^\P{Ll}/u);
    assert.doesNotMatch(message, /\.$/);
  }
  for (const instance of config?.instances ?? []) {
    assert.ok(instance.priority >= 1 && instance.priority <= 255);
    assert.ok(instance.addresses.length > 0);
  }
  lintNodes([facts, facts]);
}

test('parseKeepalived() is total over random text', () => {
  fc.assert(fc.property(fc.string({ unit: ANY_CHARACTER, maxLength: 400 }), parseAnything), RUNS);
});

const names = Object.values(directives).flatMap((table) => [
  ...(table instanceof Set ? table : Object.keys(table)),
]);
const word = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...names) },
  fc.constantFrom(
    '{',
    '}',
    '\n',
    '"',
    "'",
    '#',
    '!',
    '$X=1',
    `\${X}`,
    '@a',
    '@^a',
    'include x',
    '\\',
  ),
  fc.constantFrom('MASTER', 'PASS', 'A', '10.0.0.1/24', 'dev', 'label', 'weight', '0.5', '-2'),
  fc.integer({ min: -300, max: 300 }).map(String),
  fc.string({ maxLength: 6 }),
);

test('parseKeepalived() is total over random statements', () => {
  const text = fc.array(word, { maxLength: 120 }).map((words) => words.join(' '));
  fc.assert(fc.property(text, parseAnything), RUNS);
});

test('parseKeepalived() bounds what definitions grow to', () => {
  const lines = Array.from({ length: 40 }, (_, index) => `$A${index + 1}=$A${index}$A${index}`);
  const text = ['$A0=xxxxxxxx', ...lines, 'vrrp_instance $A40 {', '}'].join('\n');
  const { diagnostics } = parseKeepalived('f', text, OPTIONS);
  assert.ok(diagnostics.some((diagnostic) => diagnostic.text.includes('grows over every bound')));
});

test('parseKeepalived() reads an instance that is written at random', () => {
  const instance = fc.record({
    virtualRouterId: fc.integer({ min: 1, max: 255 }),
    priority: fc.integer({ min: 1, max: 255 }),
    centiseconds: fc.integer({ min: 1, max: 4095 }),
    octet: fc.nat(255),
    prefixLength: fc.integer({ min: 0, max: 32 }),
  });
  fc.assert(
    fc.property(instance, ({ virtualRouterId, priority, centiseconds, octet, prefixLength }) => {
      const text = `vrrp_instance A {
        version 3
        interface ens192
        virtual_router_id ${virtualRouterId}
        priority ${priority}
        advert_int ${centiseconds / 100}
        virtual_ipaddress { 10.0.0.${octet}/${prefixLength} }
      }`;
      const read = parseKeepalived('f', text, OPTIONS).config?.instances[0];
      assert.equal(read?.virtualRouterId, virtualRouterId);
      assert.equal(read?.priority, priority);
      assert.equal(read?.advertIntervalMs, centiseconds * 10);
      const address = { ...ADDRESS_DEFAULTS, address: `10.0.0.${octet}`, prefixLength };
      assert.deepEqual(read?.addresses, [address]);
    }),
    RUNS,
  );
});

test('parseKeepalived() knows what to do with every directive of the tables', () => {
  const { TOP_LEVEL, GLOBAL_DEFS, VRRP_SCRIPT, VRRP_INSTANCE, AUTHENTICATION } = directives;
  const { SYNC_GROUP, TRACK_PROCESS, TRACK_FILE } = directives;
  const blocks: [string, directives.RuleTable][] = [
    ['', TOP_LEVEL],
    ['global_defs {', GLOBAL_DEFS],
    ['vrrp_script chk {', VRRP_SCRIPT],
    ['vrrp_instance A {', VRRP_INSTANCE],
    ['vrrp_instance A { authentication {', AUTHENTICATION],
    ['vrrp_sync_group G {', SYNC_GROUP],
    ['vrrp_track_process p {', TRACK_PROCESS],
    ['track_file f {', TRACK_FILE],
  ];
  for (const [opening, table] of blocks) {
    for (const [name, rule] of Object.entries(table)) {
      assert.match(name, /^\w+$/);
      const block = rule.does === 'convert' && rule.block ? '{ }' : '';
      const text = `${opening}\n${name} 1 1 ${block}\n`;
      const { diagnostics } = parseKeepalived('f', text, OPTIONS);
      const own = diagnostics.filter(({ line }) => line === 2).map(({ code }) => code);
      assert.ok(!own.includes('unknown-directive'), name);
      if (rule.does === 'ignore') assert.deepEqual(own, ['ignored-directive'], name);
      if (rule.does === 'refuse') assert.deepEqual(own, ['unsupported-directive'], name);
    }
  }
});
