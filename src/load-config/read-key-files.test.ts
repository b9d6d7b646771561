import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from './load.ts';

const KEY = `hex:${'0a'.repeat(32)}`;

test('readKeyFiles() reads keys, refuses what is none, and warns of readers', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'eg-keys-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = (name: string) => join(folder, name);
  writeFileSync(path('good'), `${KEY}\n`, { mode: 0o600 });
  writeFileSync(path('open'), KEY);
  chmodSync(path('open'), 0o640);
  writeFileSync(path('short'), 'hex:0a', { mode: 0o600 });
  const load = async (key: string, id = 1) => {
    const file = path('keepalived.conf');
    writeFileSync(
      file,
      `vrrp_instance VI_1 {\n interface lo\n virtual_router_id 51\n version 3
 auth_hmac {\n key ${id} file:${path(key)}\n active_key ${id}\n }\n virtual_ipaddress { 10.0.0.1 }\n}\n`,
    );
    const { config, diagnostics } = await loadConfig({
      haproxy: null,
      keepalived: [file],
      keepScripts: false,
      checkMachine: true,
    });
    const texts = diagnostics.map(({ severity, text }) => `${severity}: ${text}`);
    return { key: config.vrrp?.instances[0]?.signature?.keys[0], texts };
  };
  const good = await load('good');
  assert.deepEqual(good.key, { id: 1, path: path('good'), secret: `${KEY}\n` });
  assert.deepEqual(good.texts, []);
  const open = await load('open');
  assert.equal(open.key?.secret, KEY);
  assert.match(open.texts.join(), /^warning: The key file ".*open" may be read by others/);
  assert.match((await load('short')).texts.join(), /^error: The key file ".*short" has 1 bytes;/);
  assert.match((await load('none')).texts.join(), /^error: The key file ".*none" does not exist/);
});
