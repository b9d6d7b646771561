/** loadConfig(): what only files and the machine can show: missing files, includes, scripts, interfaces. */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ConfigInputs, loadConfig } from './load.ts';

const INSTANCE = `vrrp_instance A {
  interface lo
  virtual_router_id 1
  virtual_ipaddress { 10.0.0.1 }
  track_script { chk }
}
`;
const HAPROXY = `defaults
  timeout connect 1s
  timeout client 1h
  timeout server 1h
frontend f
  bind 127.0.0.1:8443
  default_backend b
backend b
  server s 127.0.0.1:9999
`;

function folderOf(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'eg-load-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

async function load(inputs: Partial<ConfigInputs>) {
  const defaults = { haproxy: null, keepalived: [], keepScripts: false, checkMachine: false };
  const loaded = await loadConfig({ ...defaults, ...inputs });
  return {
    ...loaded,
    codes: loaded.diagnostics.map(({ severity, code }) => `${severity} ${code}`),
  };
}

function scriptOf(command: string): string {
  return `vrrp_script chk {\n  script "${command}"\n}\n${INSTANCE}`;
}

test('loadConfig() names files that are missing or folders', async (t) => {
  const folder = folderOf(t, {});
  const { config, diagnostics } = await load({ haproxy: join(folder, 'no'), keepalived: [folder] });
  assert.deepEqual(config, { balancer: null, vrrp: null });
  assert.deepEqual(
    diagnostics.map(({ text }) => text),
    [`The file "${join(folder, 'no')}" does not exist`, `The file "${folder}" is a directory`],
  );
});

test('loadConfig() races the servers of a haproxy.cfg only when asked to', async (t) => {
  const text = 'listen l\n  bind :8443\n  server a 10.0.0.1:6443\n  timeout connect 5s\n';
  const haproxy = join(folderOf(t, { 'h.cfg': text }), 'h.cfg');
  const asked = await load({ haproxy, hedge: true });
  const [racing] = asked.config.balancer?.backends ?? [];
  assert.deepEqual([racing?.hedgeConnectMs, racing?.hedgeAfterMs], [60, 150]);
  const [plain] = (await load({ haproxy })).config.balancer?.backends ?? [];
  assert.deepEqual([plain?.hedgeConnectMs, plain?.hedgeAfterMs], [undefined, undefined]);
});

test('loadConfig() notes for the status which proxies a haproxy.cfg runs without', async (t) => {
  const text = `${HAPROXY}frontend web\n  mode http\n  bind 127.0.0.1:80\n  default_backend b\n`;
  const haproxy = join(folderOf(t, { 'h.cfg': text }), 'h.cfg');
  const whole = await load({ haproxy });
  assert.deepEqual(whole.codes, ['error unsupported-directive']);
  assert.match(whole.diagnostics[0]?.text ?? '', /run without it: --leave-out web$/);
  const { codes, config } = await load({ haproxy, leaveOut: ['web'] });
  assert.deepEqual(codes, ['warning ignored-directive']);
  assert.deepEqual(config.notes, ['Frontend "web" is left out, as --leave-out says']);
  assert.equal(config.balancer?.frontends.length, 1);
});

test('loadConfig() says in one line that a program or picture is no text', async (t) => {
  const folder = folderOf(t, { 'k.conf': 'include d/*.conf\n' });
  mkdirSync(join(folder, 'd'));
  const binary = join(folder, 'd', 'b.conf');
  writeFileSync(binary, readFileSync(process.execPath).subarray(0, 100_000));
  const expected = [`The file "${binary}" is not a text file`];
  for (const inputs of [{ haproxy: binary }, { keepalived: [binary] }]) {
    const { config, diagnostics } = await load(inputs);
    assert.deepEqual(config, { balancer: null, vrrp: null });
    assert.deepEqual(
      diagnostics.map(({ text }) => text),
      expected,
    );
  }
  writeFileSync(join(folder, 'd', 'a.conf'), scriptOf('/bin/true'));
  const { diagnostics } = await load({ keepalived: [join(folder, 'k.conf')] });
  assert.deepEqual(
    diagnostics.map(({ text }) => text),
    expected,
  );
});

test('loadConfig() reads includes relative to the including file', async (t) => {
  const folder = folderOf(t, { 'k.conf': 'include d/*.conf\n' });
  mkdirSync(join(folder, 'd'));
  writeFileSync(join(folder, 'd', 'a.conf'), scriptOf('/bin/true'));
  const { config, codes } = await load({ keepalived: [join(folder, 'k.conf')] });
  assert.deepEqual(codes, []);
  assert.equal(config.vrrp?.instances[0]?.name, 'A');
});

test('loadConfig() leaves no included file out in silence', async (t) => {
  const folder = folderOf(t, { 'k.conf': 'include d/*\n' });
  mkdirSync(join(folder, 'd', 'sub.conf'), { recursive: true });
  writeFileSync(join(folder, 'd', 'a.conf'), scriptOf('/bin/true'));
  const { codes, diagnostics } = await load({ keepalived: [join(folder, 'k.conf')] });
  assert.deepEqual(codes, ['error unreadable-file']);
  assert.match(diagnostics[0]?.text ?? '', /sub\.conf" is a directory$/);
});

test('loadConfig() looks into script files, and replaces only beside a balancer', async (t) => {
  const folder = folderOf(t, { 'h.cfg': HAPROXY, 'watch.sh': '#!/bin/sh\npidof haproxy\n' });
  const keepalived = [join(folder, 'k.conf')];
  writeFileSync(join(folder, 'k.conf'), scriptOf(join(folder, 'watch.sh')));
  const haproxy = join(folder, 'h.cfg');
  const beside = await load({ haproxy, keepalived });
  assert.deepEqual(beside.codes, ['warning replaced-script']);
  assert.deepEqual(beside.config.vrrp?.instances[0]?.trackBalancer, { weight: 0 });
  assert.deepEqual(beside.config.vrrp?.scripts, []);
  for (const inputs of [{ keepalived }, { haproxy, keepalived, keepScripts: true }]) {
    const { config, codes } = await load(inputs);
    assert.deepEqual(codes, []);
    assert.equal(config.vrrp?.scripts.length, 1);
    const tracked = 'haproxy' in inputs ? { weight: 0 } : null;
    assert.deepEqual(config.vrrp?.instances[0]?.trackBalancer, tracked);
  }
});

test('loadConfig() finds scripts that cannot run on this machine', async (t) => {
  const folder = folderOf(t, { 'plain.txt': '', 'k.conf': '' });
  const file = join(folder, 'k.conf');
  const cases: [string, RegExp | null][] = [
    ['/bin/sh -c true', null],
    ['sh -c true', null],
    [join(folder, 'gone.sh'), /the file ".*gone\.sh" does not exist/],
    [join(folder, 'plain.txt'), /cannot be run; make it executable/],
    ['no-such-program-here', /is in no directory of PATH/],
    ['</dev/tcp/127.0.0.1/80', /shell syntax/],
    [`timeout 2 ${join(folder, 'gone.sh')}`, /given to timeout, does not exist/],
  ];
  for (const [command, expected] of cases) {
    writeFileSync(file, scriptOf(command));
    const { diagnostics } = await load({ keepalived: [file], checkMachine: true });
    const [first] = diagnostics;
    if (expected === null) assert.equal(first, undefined, command);
    else assert.match(first?.text ?? '', expected);
    if (first !== undefined)
      assert.equal(`${first.severity} ${first.code}`, 'error missing-script');
  }
});

test('loadConfig() warns of interfaces that this machine does not have', async (t) => {
  const text = scriptOf('/bin/true').replace('interface lo', 'interface eg-none');
  const file = join(folderOf(t, { 'k.conf': text }), 'k.conf');
  const checked = await load({ keepalived: [file], checkMachine: true });
  assert.deepEqual(checked.codes, ['warning missing-interface']);
  assert.deepEqual((await load({ keepalived: [file] })).codes, []);
});

function withPriority(text: string, priority: number): string {
  return text.replace('interface lo', `interface lo\n  priority ${priority}`);
}

test('loadConfig() names the unicast peer that is this machine', async (t) => {
  const text = scriptOf('/bin/true').replace(
    'interface lo',
    'interface lo\n  unicast_peer {\n    127.0.0.1\n    10.255.255.9\n  }',
  );
  const folder = folderOf(t, { 'k.conf': text, 'other.conf': withPriority(text, 90) });
  const file = join(folder, 'k.conf');
  const { codes, diagnostics } = await load({ keepalived: [file], checkMachine: true });
  assert.deepEqual(codes, ['warning bad-value']);
  assert.match(diagnostics[0]?.text ?? '', /peer "127\.0\.0\.1" is an address of this machine/);
  const several = [file, join(folder, 'other.conf')];
  assert.deepEqual((await load({ keepalived: several, checkMachine: true })).codes, []);
});

test('loadConfig() only warns of missing scripts when the files belong to several nodes', async (t) => {
  const folder = folderOf(t, {
    'a.conf': scriptOf('/no/a'),
    'b.conf': withPriority(scriptOf('/no/b'), 90),
  });
  const keepalived = ['a.conf', 'b.conf'].map((name) => join(folder, name));
  const { codes } = await load({ keepalived, checkMachine: true });
  assert.deepEqual(codes, ['warning missing-script', 'warning missing-script']);
});

test('loadConfig() warns of a server name without an address, where it looks at the machine', async (t) => {
  const text = HAPROXY.replace('server s 127.0.0.1:', 'server s name.invalid:');
  const haproxy = join(folderOf(t, { 'h.cfg': text }), 'h.cfg');
  const hostOf = ({ balancer }: Awaited<ReturnType<typeof load>>['config']) =>
    balancer?.backends[0]?.servers[0]?.host;
  const checked = await load({ haproxy, checkMachine: true });
  assert.deepEqual(checked.codes, ['warning unknown-name']);
  assert.equal(hostOf(checked.config), 'name.invalid');
  assert.deepEqual((await load({ haproxy })).codes, []);
  writeFileSync(haproxy, text.replace('name.invalid', 'localhost'));
  const named = await load({ haproxy, checkMachine: true });
  assert.deepEqual(named.codes, []);
  assert.equal(hostOf(named.config), '127.0.0.1');
});
