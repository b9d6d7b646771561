/** loadConfig() with an evergate.yaml: the process, this machine's addresses, files that exist or do not. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createAuthority } from '../lab/certificates.ts';
import { loadConfig } from './load.ts';
import { localAddresses } from './local-addresses.ts';

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'eg-native-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function load(file: string, node: string | null, mustBeNode: boolean) {
  const others = { haproxy: null, keepalived: [], keepScripts: false, checkMachine: true };
  const loaded = await loadConfig({ ...others, native: { file, node, mustBeNode } });
  const codes = loaded.diagnostics.map(({ severity, code }) => `${severity} ${code}`);
  return { ...loaded, codes };
}

test('localAddresses() knows the loopback interface', () => {
  const loopback = localAddresses().find(({ address }) => address === '127.0.0.1');
  assert.deepEqual(loopback, { interface: 'lo', address: '127.0.0.1', prefixLength: 8 });
});

test('loadConfig() finds the node by its addresses', async (t) => {
  const file = join(folderOf(t), 'evergate.yaml');
  writeFileSync(
    file,
    'listen: 8443\nnodes: { a: 203.0.113.7, b: 127.0.0.1 }\ncheck: { type: tcp }\n',
  );
  const { config, node, codes } = await load(file, null, true);
  assert.equal(node, 'b');
  assert.equal(config.balancer?.process.node, 'b');
  assert.equal(config.vrrp, null);
  assert.deepEqual(codes, ['warning tcp-check-of-tls']);
  assert.equal((await load(file, 'a', true)).node, 'a');
});

test('loadConfig() refuses a machine that is no node in a run, and warns in a check', async (t) => {
  const file = join(folderOf(t), 'evergate.yaml');
  writeFileSync(file, 'vip: 203.0.113.9/24\nlisten: 8443\nnodes: { a: 203.0.113.7 }\n');
  const run = await load(file, null, true);
  assert.deepEqual(run.codes, ['error unknown-node']);
  assert.deepEqual(run.config, { balancer: null, vrrp: null });
  const check = await load(file, null, false);
  assert.deepEqual(check.codes, ['warning unknown-node']);
  assert.equal(check.config.balancer?.backends[0]?.servers.length, 1);
  assert.deepEqual((await load(file, 'a', false)).codes, ['warning vip-outside-network']);
});

test('a machine that is a node by its name, and has not its address yet, is awaited', async (t) => {
  const file = join(folderOf(t), 'evergate.yaml');
  const nodes = `nodes: { ${hostname()}: 203.0.113.7, b: 203.0.113.8 }\n`;
  writeFileSync(file, `vip: 203.0.113.9/24\nlisten: 8443\n${nodes}`);
  const { awaits, codes } = await load(file, null, true);
  assert.equal(awaits, hostname());
  assert.deepEqual(codes.toSorted(), ['error unknown-node', 'warning no-vrrp-key']);
  writeFileSync(file, `vip: 203.0.113.9/24\nlisten: 8443\nbalance: nonsense\n${nodes}`);
  assert.equal((await load(file, null, true)).awaits, undefined, 'another error is one');
  writeFileSync(file, 'vip: 203.0.113.9/24\nlisten: 8443\nnodes: { b: 203.0.113.8 }\n');
  assert.equal((await load(file, null, true)).awaits, undefined, 'it is none of them');
});

test('loadConfig() looks for the files that an evergate.yaml names', async (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'evergate.yaml');
  const ca = join(folder, 'ca.crt');
  const text = `listen: 8443\nnodes: { a: 127.0.0.1 }\ncheck: { type: tls, ca: ${ca} }\n`;
  writeFileSync(file, text);
  assert.deepEqual((await load(file, null, true)).codes, ['error unreadable-file']);
  writeFileSync(ca, (await createAuthority()).pem);
  assert.deepEqual((await load(file, null, true)).codes, []);
});

test('loadConfig() names an evergate.yaml that is missing', async (t) => {
  const file = join(folderOf(t), 'evergate.yaml');
  const { diagnostics, codes } = await load(file, null, true);
  assert.deepEqual(codes, ['error unreadable-file']);
  assert.match(diagnostics[0]?.text ?? '', /does not exist/);
});

test('loadConfig() looks up where servers with names begin, and warns of one that is nowhere', async (t) => {
  const file = join(folderOf(t), 'evergate.yaml');
  const head = 'listen: 8443\nnodes: { a: 127.0.0.1 }\ncheck: { type: tls, verify: false }\n';
  writeFileSync(file, `${head}servers: { one: "127.0.0.1:6443", two: "name.invalid" }\n`);
  const { config, codes } = await load(file, null, true);
  assert.deepEqual(codes, ['warning unknown-name']);
  const servers = config.balancer?.backends[0]?.servers ?? [];
  assert.deepEqual(
    servers.map(({ host, resolution }) => [host, resolution?.initialHost]),
    [
      ['127.0.0.1', undefined],
      ['name.invalid', null],
    ],
  );
});
