/** Properties of the whole front end; what it makes of single files is in test/golden/haproxy. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hasErrors } from '../diagnostics.ts';
import { GLOBAL_DIRECTIVES, SECTIONS } from './directives-global.ts';
import { PROXY_DIRECTIVES } from './directives-proxy.ts';
import { type HaproxyResult, parseHaproxy } from './index.ts';
import { BIND_KEYWORDS, SERVER_KEYWORDS } from './keywords.ts';
import { FILE_LENGTH_MAX, LINES_MAX } from './parser.ts';
import { DIAGNOSTICS_MAX } from './report.ts';

const SMALL = `
defaults
    timeout connect 1s
    timeout client 1h
    timeout server 1h
listen api
    bind :8443
    server a 10.0.0.1:9000
`;

/** What holds for every input: a configuration or the reason why not, places inside the file, bounds. */
function assertSound(text: string, { config, diagnostics }: HaproxyResult): void {
  assert.equal(config === null, hasErrors(diagnostics));
  assert.ok(diagnostics.length <= DIAGNOSTICS_MAX + 1);
  const lines = text.split('\n').length;
  for (const { line, column, text: said } of diagnostics) {
    assert.ok(line >= 0 && line <= lines);
    assert.ok(column >= 0);
    assert.match(said, /^["A-Z0-9:/[]/, said);
    assert.doesNotMatch(said, /\.$|\b(undefined|null|NaN)\b/, said);
  }
}

test('parseHaproxy() converts a small file without a word', () => {
  const { config, diagnostics } = parseHaproxy('h', SMALL, {});
  assert.deepEqual(diagnostics, []);
  assert.equal(config?.frontends[0]?.backend, 'api');
});

test('parseHaproxy() refuses a file whose last line may be cut off', () => {
  const { config, diagnostics } = parseHaproxy('h', SMALL.slice(0, -2), {});
  assert.equal(config, null);
  assert.deepEqual(
    diagnostics.map(({ line, column, code }) => `${line}:${column} ${code}`),
    ['8:26 syntax-error'],
  );
});

test('parseHaproxy() gives a configuration or an error for any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const result = parseHaproxy('h', new TextDecoder().decode(bytes), {});
      assert.equal(result.config === null, hasErrors(result.diagnostics));
    }),
  );
});

const word = fc.oneof(
  fc.constantFrom(...SECTIONS.keys()),
  fc.constantFrom(...[...PROXY_DIRECTIVES.keys(), ...GLOBAL_DIRECTIVES.keys()]),
  fc.constantFrom(...SERVER_KEYWORDS.keys(), ...BIND_KEYWORDS.keys()),
  fc.constantFrom('a', 'b', ':80', '*:81', '10.0.0.1:80', '[::1]:82', '/x', '5s', '1', '0', '""'),
  fc.constantFrom('no', 'default', 'from', 'if', 'TRUE', 'global', 'local0', '127.0.0.1', 'a:a'),
  fc.stringMatching(/^[!-~]{1,8}$/),
);
const line = fc.array(word, { minLength: 1, maxLength: 7 }).map((list) => list.join(' '));
const configuration = fc.array(line, { maxLength: 40 }).map((list) => list.join('\n'));

test('parseHaproxy() is sound for any mixture of its own words', () => {
  fc.assert(
    fc.property(configuration, (text) => assertSound(text, parseHaproxy('h', text, {}))),
    { numRuns: 500 },
  );
});

test('parseHaproxy() is sound for a good file with one line spoilt', () => {
  fc.assert(
    fc.property(fc.nat(), line, (at, spoilt) => {
      const lines = SMALL.split('\n');
      lines.splice(at % lines.length, 1, spoilt);
      const text = lines.join('\n');
      assertSound(text, parseHaproxy('h', text, {}));
    }),
    { numRuns: 500 },
  );
});

test('parseHaproxy() says something about every directive it does not convert', () => {
  for (const { name, sections, treatment } of PROXY_DIRECTIVES.values()) {
    if (treatment.does === 'convert') continue;
    const kind = sections.includes('l') ? '    ' : 'defaults\n    ';
    const { diagnostics } = parseHaproxy('h', `${SMALL}${kind}${name} x\n`, {});
    assert.ok(
      diagnostics.some((each) => each.text.startsWith(`"${name}" is `)),
      name,
    );
  }
});

test('parseHaproxy() bounds the size of a file and the count of its complaints', () => {
  const long = parseHaproxy('h', 'x'.repeat(FILE_LENGTH_MAX + 1), {});
  assert.match(long.diagnostics[0]?.text ?? '', /longer than/);
  const high = parseHaproxy('h', '\n'.repeat(LINES_MAX), {});
  assert.match(high.diagnostics[0]?.text ?? '', /more than 50000 lines/);
  const bad = parseHaproxy('h', `defaults\n${'frob\n'.repeat(DIAGNOSTICS_MAX + 9)}`, {});
  assert.equal(bad.diagnostics.length, DIAGNOSTICS_MAX + 1);
  assert.match(bad.diagnostics.at(-1)?.text ?? '', /^9 more problems/);
});

test('parseHaproxy() gives a model that survives JSON', () => {
  const { config } = parseHaproxy('h', SMALL, {});
  assert.deepEqual(JSON.parse(JSON.stringify(config)), config);
});
