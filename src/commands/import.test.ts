/** `evergate import` as a command: where the result goes, what is refused, and what the exit code tells. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const MAIN = join(import.meta.dirname, '../main.ts');
const ARTICLE = join(import.meta.dirname, '../../examples/article');
const HAPROXY = join(ARTICLE, 'haproxy.cfg');
const KEEPALIVED = ['master', 'node1', 'node2'].map((name) =>
  join(ARTICLE, `keepalived.k8s-${name}.conf`),
);

const folder = mkdtempSync(join(tmpdir(), 'evergate-import-'));
after(() => rmSync(folder, { recursive: true }));

function evergate(...args: readonly string[]) {
  return spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', timeout: 60_000 });
}

test('import writes a file that check takes, and never over another one', () => {
  const output = join(folder, 'evergate.yaml');
  const args = ['import', '--haproxy', HAPROXY, '--keepalived', ...KEEPALIVED, '--output', output];
  const first = evergate(...args);
  assert.equal(first.status, 0, first.stderr);
  assert.equal(first.stdout, '');
  assert.match(first.stderr, /^.*keepalived\.k8s-node2\.conf:19:5: left out: "auth_pass" .*$/m);
  const made = readFileSync(output, 'utf8');
  assert.match(made, /^ {2}k8s-node1: \{ address: 192\.168\.1\.93, priority: 90, /m);
  const checked = evergate('check', '--config', output, '--node', 'k8s-node1');
  assert.equal(checked.status, 0, checked.stdout);
  const second = evergate(...args, '--modern');
  assert.equal(second.status, 1);
  assert.match(
    second.stderr,
    /^evergate: error: ".*" exists and is left as it is.*\[output-file\]\n$/,
  );
  assert.equal(readFileSync(output, 'utf8'), made);
});

test('import of files with errors says where and writes nothing', () => {
  const file = join(folder, 'haproxy.cfg');
  const output = join(folder, 'none.yaml');
  writeFileSync(file, 'defaults\n  mode tcp\n  timout client 1m\n');
  const bad = evergate('import', '--haproxy', file, '--output', output);
  assert.equal(bad.status, 1);
  assert.match(bad.stderr, /haproxy\.cfg:3:3: error: .*\[unknown-directive\]/);
  assert.ok(!existsSync(output));
  const missing = evergate('import', '--keepalived', join(folder, 'keepalived.conf'));
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /does not exist \[unreadable-file\]/);
  assert.equal(evergate('import').status, 1);
});
