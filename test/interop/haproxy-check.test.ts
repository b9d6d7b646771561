/**
 * The haproxy.cfg front end against the real HAProxy (Debian: haproxy): the same files are valid, the same
 * are not, and no directive HAProxy knows is unknown to us. Then the files from outside the project: the
 * seed and the corpus in ../shared, where these are there.
 */

import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseHaproxy } from '../../src/config/haproxy/index.ts';
import { GOLDEN_ENV, goldenFiles, splitGolden } from '../golden/haproxy-golden.ts';
import { directiveGaps } from '../kit/haproxy-keywords.ts';
import { findCommand } from '../kit/peers.ts';

const SHARED = join(import.meta.dirname, '../../../shared');
const haproxy = findCommand('haproxy');
const NO_HAPROXY = 'The program "haproxy" (Debian: haproxy) is missing';

/** Valid for us, refused by HAProxy 2.6. */
const ONLY_WE_TAKE: ReadonlyMap<string, string> = new Map([
  ['nbproc', '"nbproc" is fatal since HAProxy 2.5, yet stands in many a file; we warn of it'],
  ['check-files', 'HAProxy opens the certificates at once, we when the file is loaded'],
]);

/** Refused by us for another reason than "unsupported-directive", valid for HAProxy 2.6. */
const ONLY_HAPROXY_TAKES: ReadonlyMap<string, string> = new Map([
  ['bad-left-out', 'only we are told to leave a backend out'],
  ['bad-conflict', 'HAProxy binds one address twice and shares its connections out at random'],
]);

/** Corpus files that convert: kubeadm's guide, kubespray, OpenShift on machines of one's own. */
const MUST_CONVERT = ['01-', '02-', '04-', '05-', '08-'];

function runHaproxy(program: string, args: readonly string[]): SpawnSyncReturns<string> {
  const env = { ...process.env, ...GOLDEN_ENV };
  return spawnSync(program, args, { encoding: 'utf8', env, timeout: 60_000 });
}

/** What `haproxy -c` says of a text: whether it would start, and its complaints. */
function ask(t: TestContext, program: string, text: string): { valid: boolean; said: string } {
  const folder = mkdtempSync(join(tmpdir(), 'eg-haproxy-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'haproxy.cfg');
  writeFileSync(path, text);
  const { status, stderr } = runHaproxy(program, ['-c', '-f', path]);
  return { valid: status === 0, said: stderr };
}

for (const { name, path } of goldenFiles()) {
  test(`haproxy -c agrees about golden file ${name}`, (t) => {
    if (haproxy === null) return t.skip(NO_HAPROXY);
    const golden = splitGolden(readFileSync(path, 'utf8'));
    const { valid, said } = ask(t, haproxy, golden.input);
    if (golden.valid) {
      assert.equal(valid, !ONLY_WE_TAKE.has(name), said);
    } else if (!golden.diagnostics.some((each) => each.endsWith('[unsupported-directive]'))) {
      assert.equal(valid, ONLY_HAPROXY_TAKES.has(name), said);
    }
  });
}

/** Which golden files cannot hold: their input ends with a line end. */
const CUT_OFF = ['6443', '6', '# the end', ' '];

test('haproxy -c refuses a file without its last line end, and so do we', (t) => {
  if (haproxy === null) return t.skip(NO_HAPROXY);
  const head =
    'listen l\n  bind :8443\n  timeout client 1h\n  timeout connect 1s\n  timeout server 1h\n';
  for (const end of CUT_OFF) {
    const line = end.startsWith('6') ? `  server a 10.0.0.1:${end}` : end;
    for (const [text, valid] of [
      [`${head}${line}\n`, true],
      [`${head}${line}`, false],
    ] as const) {
      const verdict = ask(t, haproxy, text);
      assert.equal(verdict.valid, valid, verdict.said);
      assert.equal(parseHaproxy('h', text, {}).config !== null, valid, text);
    }
  }
});

test('no keyword that HAProxy lists is unknown to us', (t) => {
  if (haproxy === null) return t.skip(NO_HAPROXY);
  const { stdout } = runHaproxy(haproxy, ['-dKall', '-c', '-q', '-f', '/dev/null']);
  const { known, gaps } = directiveGaps(stdout);
  if (known === 0) return t.skip('This HAProxy does not list its keywords (it is older than 2.6)');
  assert.deepEqual(gaps, []);
  assert.ok(known > 200, `only ${known} keywords were compared`);
});

test('the seed converts byte for byte, with just the warnings it earns', (t) => {
  const path = join(SHARED, 'seed/haproxy.cfg');
  if (!existsSync(path)) return t.skip(`The seed is not there: ${path}`);
  const { config, diagnostics } = parseHaproxy('haproxy.cfg', readFileSync(path, 'utf8'), {});
  assert.deepEqual(
    diagnostics.map(({ severity, line, code }) => `${line} ${severity} ${code}`),
    [
      '3 warning ignored-directive',
      '4 warning ignored-directive',
      '8 warning ignored-directive',
      '14 warning short-idle-timeout',
      '15 warning short-idle-timeout',
      '26 warning tcp-check-of-tls',
      '36 warning default-credentials',
      '37 warning open-admin',
    ],
  );
  const [frontend] = config?.frontends ?? [];
  const [backend] = config?.backends ?? [];
  const [page] = config?.httpFrontends ?? [];
  assert.deepEqual(frontend?.binds[0]?.address, { kind: 'ipv4', host: '0.0.0.0', port: 8443 });
  assert.equal(frontend?.connectionsMax, 3000);
  assert.deepEqual(backend?.balance, { kind: 'source' });
  assert.equal(backend?.servers.length, 3);
  assert.equal(backend?.servers[2]?.check?.fall, 2);
  assert.equal(page?.stats?.uri, '/haproxyadmin?stats');
  assert.equal(page?.stats?.realm, 'Haproxy Statistics');
});

test('every corpus file converts, or each of its errors names what is not done', (t) => {
  const folder = join(SHARED, 'corpus/haproxy');
  if (!existsSync(folder)) return t.skip(`The corpus is not there: ${folder}`);
  for (const name of readdirSync(folder).toSorted()) {
    const { config, diagnostics } = parseHaproxy(
      name,
      readFileSync(join(folder, name), 'utf8'),
      {},
    );
    const errors = diagnostics.filter((each) => each.severity === 'error');
    assert.equal(config === null, errors.length > 0);
    assert.ok(config !== null || !MUST_CONVERT.some((start) => name.startsWith(start)), name);
    assert.deepEqual(
      errors.filter((each) => each.code !== 'unsupported-directive'),
      [],
    );
    const named = new Set(errors.map((each) => /^"([^"]+)"/.exec(each.text)?.[1] ?? each.text));
    const verdict = config === null ? `refused for ${[...named].join(', ')}` : 'converts';
    const warnings = diagnostics.length - errors.length;
    t.diagnostic(`${basename(name, '.cfg')}: ${verdict}; ${warnings} warnings`);
  }
});
