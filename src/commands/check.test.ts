/** `evergate check` as a command: what it prints, and with which exit code it ends. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';

const MAIN = join(import.meta.dirname, '..', 'main.ts');

const GOOD = `vrrp_instance A {
  interface lo
  virtual_router_id 1
  virtual_ipaddress { 10.0.0.1 }
  smtp_alert
}
`;

function check(t: TestContext, text: string, ...args: string[]) {
  return inFolder(t, text, process.execPath, [MAIN, 'check', ...args]);
}

/** Runs a program beside a k.conf of this text. */
function inFolder(t: TestContext, text: string, program: string, args: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'eg-check-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'k.conf'), text);
  const options = { cwd: folder, encoding: 'utf8', timeout: 60_000 } as const;
  return spawnSync(program, args, options);
}

test('check prints warnings and a summary, and ends with 0', (t) => {
  const { status, stdout } = check(t, GOOD, '--keepalived', 'k.conf');
  const [first, summary, ...rest] = stdout.split('\n');
  assert.match(first ?? '', /^k\.conf:5:3: warning: "smtp_alert" .* \[ignored-directive\]$/);
  assert.equal(summary, 'OK: 1 VRRP instance, 1 warning');
  assert.deepEqual(rest, ['Reasons and fixes: evergate explain ignored-directive', '']);
  assert.equal(status, 0);
});

test('check leaves out every proxy that --leave-out names', (t) => {
  const text =
    'defaults\n  mode http\n  timeout connect 1s\n  timeout client 1h\n  timeout server 1h\n' +
    'frontend a\n  bind :81\n  default_backend b\nbackend b\n  server s 127.0.0.1:82\n' +
    'listen l\n  mode tcp\n  bind :8443\n  server s 127.0.0.1:6444\n';
  const refused = check(t, text, '--haproxy', 'k.conf');
  assert.match(refused.stdout, /^k\.conf:6:10: error: .*--leave-out a \[/m);
  assert.match(refused.stdout, /^k\.conf:9:9: error: .*--leave-out b \[/m);
  assert.match(refused.stdout, /^2 errors, 0 warnings$/m);
  const args = ['--leave-out', 'a', '--leave-out', 'b', '--haproxy', 'k.conf'];
  const { status, stdout } = check(t, text, ...args);
  assert.match(stdout, /^OK: 1 frontend, 1 server, 2 warnings$/m);
  assert.equal(status, 0);
  const alone = check(t, GOOD, '--keepalived', 'k.conf', '--leave-out', 'a');
  assert.match(alone.stderr, /--leave-out goes with --haproxy FILE/);
});

test('check holds the haproxy.cfg files of several nodes against the first', (t) => {
  const text =
    'defaults\n  timeout connect 1s\n  timeout client 1h\n  timeout server 1h\n' +
    'listen api\n  bind :8443\n  server s 127.0.0.1:6444\n';
  const folder = mkdtempSync(join(tmpdir(), 'eg-check-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const other = join(folder, 'other.cfg');
  writeFileSync(other, text.replace('8443', '9443').replace('connect 1s', 'connect 2s'));
  const differing = check(t, text, '--haproxy', 'k.conf', 'k.conf', other);
  assert.deepEqual(differing.stdout.replaceAll(other, 'other').split('\n'), [
    'other:2:3: warning: Backend "api" has timeout connect 2s here, and 1s in k.conf:2; give all nodes the same, or clients are served otherwise after a failover [nodes-differ]',
    'other:6:3: error: Frontend "api" listens on port 9443 here, and on 8443 in k.conf:6: clients know one; give all nodes the same [nodes-differ]',
    '1 error, 1 warning',
    'Reasons and fixes: evergate explain nodes-differ',
    '',
  ]);
  assert.equal(differing.status, 1);
  const alike = check(t, text, '--haproxy', 'k.conf', 'k.conf');
  assert.equal(alike.stdout, 'OK: 1 frontend, 1 server, 2 nodes, 0 warnings\n');
  const missing = check(t, text, '--haproxy', 'k.conf', 'gone.cfg');
  assert.match(missing.stdout, /^gone\.cfg: error: The file "gone\.cfg" does not exist/m);
});

test('check prints errors and a summary, and ends with 1', (t) => {
  const bad = GOOD.replace('virtual_router_id 1', 'virtual_router_id 0');
  const { status, stdout } = check(t, bad, '--keepalived', 'k.conf', 'missing.conf');
  assert.match(stdout, /^k\.conf:3:21: error: "0" is no virtual router id.*\[bad-value\]$/m);
  assert.match(stdout, /^missing\.conf: error: The file "missing\.conf" does not exist/m);
  assert.match(stdout, /^2 errors, 1 warning$/m);
  assert.equal(status, 1);
});

test('check does not hang on a device without an end or a pipe without a writer', (t) => {
  const fifo = join(mkdtempSync(join(tmpdir(), 'eg-fifo-')), 'fifo');
  t.after(() => rmSync(dirname(fifo), { recursive: true, force: true }));
  assert.equal(spawnSync('mkfifo', [fifo]).status, 0);
  for (const path of ['/dev/zero', fifo]) {
    for (const option of ['--haproxy', '--keepalived', '--config']) {
      const { status, stdout } = check(t, GOOD, option, path);
      assert.ok(stdout.includes(`The file "${path}" is not a regular file [unreadable-file]`));
      assert.equal(status, 1);
    }
  }
});

test('check reads what is piped in, and stops at its limit', (t) => {
  for (const path of ['/dev/stdin', '/dev/fd/0', '/proc/self/fd/0']) {
    const { stdout, status } = pipe('cat k.conf', path);
    assert.match(stdout, /^OK: 1 VRRP instance, 1 warning$/m);
    assert.equal(status, 0);
  }
  const endless = pipe('yes', '/dev/stdin');
  assert.match(endless.stdout, /The file "\/dev\/stdin" is larger than 16 MiB/);
  assert.equal(endless.status, 1);

  function pipe(writer: string, path: string) {
    const command = `${writer} | "$0" "$1" check --keepalived "$2"`;
    return inFolder(t, GOOD, 'sh', ['-c', command, process.execPath, MAIN, path]);
  }
});

test('check --json prints an array', (t) => {
  const { status, stdout } = check(t, GOOD, '--keepalived', 'k.conf', '--json');
  const diagnostics: unknown = JSON.parse(stdout);
  assert.ok(Array.isArray(diagnostics));
  assert.equal(diagnostics.length, 1);
  assert.deepEqual(Object.keys(diagnostics[0]).sort(), [
    'code',
    'column',
    'file',
    'line',
    'severity',
    'text',
  ]);
  assert.equal(status, 0);
});

test('check without files says what it needs', (t) => {
  const { status, stderr } = check(t, GOOD);
  assert.match(
    stderr,
    /Give --config FILE, such as \/etc\/evergate\/evergate\.yaml, or --haproxy FILE, --keepalived FILE or both/,
  );
  assert.equal(status, 1);
  const bare = check(t, GOOD, 'k.conf');
  assert.match(
    bare.stderr,
    /"k\.conf" belongs to no option: name a file by --config, --haproxy or/,
  );
  assert.equal(bare.status, 1);
});

test("check takes an evergate.yaml alone, and one that is another machine's", (t) => {
  const both = check(t, GOOD, '--config', 'k.conf', '--keepalived', 'k.conf');
  assert.match(both.stderr, /either --config FILE or the files of HAProxy and keepalived/);
  assert.equal(both.status, 1);
  const native = 'listen: 8443\nnodes: { a: 203.0.113.7 }\n';
  const { status, stdout } = check(t, native, '--config', 'k.conf');
  assert.match(
    stdout,
    /^k\.conf:2:1: warning: This machine is none of the nodes.*\[unknown-node\]$/m,
  );
  const refused =
    /^OK for the nodes of the file, but "evergate run" refuses on this machine.*: 1 frontend, 1 server, 1 warning$/m;
  assert.match(stdout, refused);
  assert.equal(status, 0);
});

test('check holds the evergate.yaml of several nodes against each other', (t) => {
  const native = 'vip: 203.0.113.94/24\nlisten: 8443\nnodes: { a: 203.0.113.7, b: 203.0.113.8 }\n';
  const same = check(t, native, '--config', 'k.conf', 'k.conf');
  assert.match(same.stdout, /^OK for the nodes of the file/m);
  const other =
    'cat k.conf | sed s,94.24,95/24, > o.conf; exec "$0" "$1" check --config k.conf o.conf';
  const { status, stdout } = inFolder(t, native, 'sh', ['-c', other, process.execPath, MAIN]);
  assert.match(stdout, /^o\.conf:1:1: error: "vip" is 203\.0\.113\.95\/24 here.*\[split-brain\]$/m);
  assert.equal(status, 1);
});

test('schema prints a JSON Schema', () => {
  const options = { encoding: 'utf8', timeout: 60_000 } as const;
  const { status, stdout } = spawnSync(process.execPath, [MAIN, 'schema'], options);
  assert.equal(status, 0);
  const schema = JSON.parse(stdout) as { properties: Record<string, unknown> };
  assert.ok('nodes' in schema.properties);
});
