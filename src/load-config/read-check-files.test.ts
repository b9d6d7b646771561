import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseHaproxy } from '../config/haproxy/index.ts';
import type { CheckConfig } from '../health/kinds/check-kinds.ts';
import { createAuthority, createServerCertificate } from '../lab/certificates.ts';
import { readCheckFiles } from './read-check-files.ts';

const authority = await createAuthority();
const client = await createServerCertificate(authority, ['checker']);

type Read = { readonly checks: readonly CheckConfig[]; readonly said: readonly string[] };

/** Reads the files named in the keywords of one server line; "FOLDER" stands for where `files` are. */
function read(t: TestContext, files: Readonly<Record<string, string>>, keywords: string): Read {
  const folder = mkdtempSync(join(tmpdir(), 'eg-files-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const server = `127.0.0.1:6443 check check-ssl ${keywords.replaceAll('FOLDER', folder)}`;
  const text = `listen kube\n bind :8443\n server a ${server}\n server b ${server}\n`;
  const { config, diagnostics } = parseHaproxy('haproxy.cfg', text, {});
  assert.ok(config !== null, JSON.stringify(diagnostics));
  const result = readCheckFiles('haproxy.cfg', config);
  const servers = result.config.backends.flatMap((backend) => backend.servers);
  return {
    checks: servers.flatMap(({ check }) => (check === null ? [] : [check])),
    said: result.diagnostics.map((each) => each.text.replaceAll(folder, 'FOLDER')),
  };
}

function tlsOf(check: CheckConfig | undefined) {
  assert.equal(check?.kind, 'tls');
  return check.tls;
}

test('authority, certificate and key are read, for every server', (t) => {
  const files = { 'ca.crt': authority.pem, 'client.pem': client.certificatePem + client.keyPem };
  const keywords = 'verify required ca-file FOLDER/ca.crt crt FOLDER/client.pem';
  const { checks, said } = read(t, files, keywords);
  assert.deepEqual(said, []);
  assert.equal(checks.length, 2);
  for (const check of checks) {
    assert.equal(tlsOf(check).ca?.text, authority.pem);
    assert.equal(tlsOf(check).certificate?.key.text, files['client.pem']);
  }
});

test('a key may lie beside its certificate', (t) => {
  const files = { 'client.pem': client.certificatePem, 'client.pem.key': client.keyPem };
  const { checks, said } = read(t, files, 'verify none crt FOLDER/client.pem');
  assert.deepEqual(said, []);
  assert.equal(tlsOf(checks[0]).certificate?.key.text, client.keyPem);
});

test('a file that is missing or holds something else is named, once', (t) => {
  const missing = read(t, {}, 'verify required ca-file FOLDER/ca.crt');
  assert.deepEqual(missing.said, [
    'The file "FOLDER/ca.crt", which health checks need, does not exist; correct the path',
  ]);
  const odd = read(t, { 'ca.crt': 'no PEM' }, 'verify required ca-file FOLDER/ca.crt');
  assert.equal(odd.said.length, 1);
  assert.match(odd.said[0] ?? '', /^The file "FOLDER\/ca.crt", .* holds no usable certificate: /);
  const alone = read(t, { 'c.pem': client.certificatePem }, 'verify none crt FOLDER/c.pem');
  assert.deepEqual(alone.said, [
    'The file "FOLDER/c.pem.key", which health checks need, does not exist; correct the path',
  ]);
});

test('a device in the place of a certificate is refused, not read without end', (t) => {
  assert.deepEqual(read(t, {}, 'verify required ca-file /dev/zero').said, [
    'The file "/dev/zero", which health checks need, is not a regular file',
  ]);
});
