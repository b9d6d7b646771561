/**
 * docs/diagnostics.md and the table of codes say the same, every code has its reason and its fix, and every example in it is what `evergate check`
 * really prints for the input below.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  DIAGNOSTIC_CODES,
  type DiagnosticCode,
  formatDiagnostic,
} from '../../src/config/diagnostics.ts';
import { EXPLANATIONS } from '../../src/config/explanations.ts';
import { loadConfig } from '../../src/load-config/load.ts';

const DOCUMENT = join(import.meta.dirname, '..', '..', 'docs', 'diagnostics.md');

/** `UPDATE_GOLDEN=1` writes the table; read the difference before committing it. */
const UPDATING = process.env.UPDATE_GOLDEN === '1';

type Example = { readonly 'haproxy.cfg'?: string } & Readonly<Record<string, string>>;

/** A file that is not written: to be missed. */
const MISSING = 'missing';

const TIMEOUTS = ['defaults', '  timeout connect 5s', '  timeout client 1h', '  timeout server 1h'];

function haproxy(...lines: string[]): Example {
  return { 'haproxy.cfg': `${[...TIMEOUTS, ...lines].join('\n')}\n` };
}

function keepalived(...lines: string[]): Example {
  return { 'keepalived.conf': `${lines.join('\n')}\n` };
}

function native(...lines: string[]): Example {
  return { 'evergate.yaml': `${lines.join('\n')}\n` };
}

/** An instance on the loopback interface, which every machine has. */
function instance(...lines: string[]): readonly string[] {
  const rest = ['  interface lo', '  virtual_router_id 51', '  virtual_ipaddress { 10.0.0.1 }'];
  return ['vrrp_instance VI_1 {', ...rest, ...lines, '}'];
}

const SERVING = ['frontend api', '  bind 0.0.0.0:8443', '  default_backend masters'];
const BACKEND = ['backend masters', '  server m1 10.0.0.2:6443'];
const STATS = ['listen stats', '  mode http', '  bind 0.0.0.0:1080', '  stats enable'];

const EXAMPLES: Readonly<Record<DiagnosticCode, Example>> = {
  'unreadable-file': { 'keepalived.conf': MISSING },
  'invisible-character': keepalived(...instance('  priority\u00a0100')),
  'unrendered-template': keepalived(...instance('  priority {{ priority }}')),
  'syntax-error': keepalived('vrrp_instance VI_1 {'),
  'unknown-directive': keepalived(...instance('  prioritty 100')),
  'unsupported-directive': keepalived(...instance('  use_ipvlan')),
  'ignored-directive': keepalived(...instance('  smtp_alert')),
  'bad-value': keepalived(...instance('  priority 256')),
  'missing-value': keepalived('vrrp_instance VI_1 {', '  interface lo', '}'),
  'duplicate-name': keepalived(...instance(), ...instance()),
  'unknown-name': keepalived(...instance('  track_script { chk_api }')),
  'address-conflict': haproxy(
    ...SERVING,
    'frontend other',
    '  bind 0.0.0.0:8443',
    '  default_backend masters',
    ...BACKEND,
  ),
  'replaced-script': {
    ...haproxy(...SERVING, ...BACKEND),
    ...keepalived(
      'vrrp_script chk { script "killall -0 haproxy" }',
      ...instance('  track_script { chk }'),
    ),
  },
  'missing-script': keepalived(
    'vrrp_script chk { script "/opt/missing.sh" }',
    ...instance('  track_script { chk }'),
  ),
  'unsafe-script': keepalived(
    'global_defs { enable_script_security }',
    'vrrp_script chk { script "/bin/true" }',
    ...instance('  track_script { chk }'),
  ),
  'shared-account': haproxy('global', '  user nobody', ...SERVING, ...BACKEND),
  'missing-interface': keepalived(...instance().map((line) => line.replace(' lo', ' eg-none'))),
  'unknown-node': native('listen: 8443', 'nodes:', '  k8s-nod1: 192.168.1.92'),
  'split-brain': {
    'node1.conf': instance().join('\n'),
    'node2.conf': instance().join('\n').replace('id 51', 'id 81'),
  },
  'nodes-differ': {
    'node1.conf': instance().join('\n'),
    'node2.conf': instance().join('\n').replace('10.0.0.1', '\n10.0.0.1\n10.0.0.9\n'),
  },
  'vip-outside-network': native(
    'vip: 127.0.0.94/24',
    'nodes:',
    '  k8s-node1: { address: 127.0.0.1, interface: lo }',
  ),
  'nothing-to-run': keepalived('global_defs { router_id node1 }'),
  'weight-never-decides': keepalived(
    'vrrp_script chk {',
    '  script "/bin/true"',
    '  weight 2',
    '}',
    ...instance('  track_script { chk }'),
  ),
  'equal-priorities': {
    'node1.conf': instance('  priority 100').join('\n'),
    'node2.conf': instance('  priority 100').join('\n'),
  },
  'shared-router-id': {
    'node1.conf': ['global_defs { router_id NodeA }', ...instance()].join('\n'),
    'node2.conf': ['global_defs { router_id NodeA }', ...instance()].join('\n'),
  },
  'default-credentials': haproxy(...SERVING, ...BACKEND, ...STATS, '  stats auth admin:admin'),
  'open-admin': haproxy(...SERVING, ...BACKEND, ...STATS, '  stats admin if TRUE'),
  'clear-text-password': keepalived(
    ...instance('  authentication {', '    auth_type PASS', '    auth_pass 1111', '  }'),
  ),
  'no-way-back': native('listen: 8443', 'source: client', 'nodes:', '  k8s-master: 192.168.1.92'),
  'one-service': native('listen: [8443, 9345]', 'nodes:', '  k8s-master: 192.168.1.92'),
  'no-vrrp-key': native(
    'vip: 192.168.1.94',
    'nodes:',
    '  k8s-master: 192.168.1.92',
    '  k8s-node1: 192.168.1.93',
  ),
  'short-idle-timeout': haproxy('  timeout client 1m', ...SERVING, ...BACKEND),
  'tcp-check-of-tls': haproxy(...SERVING, 'backend masters', '  server m1 10.0.0.2:6443 check'),
};

/** What is printed under this code, with bare file names. */
async function printed(t: TestContext, code: DiagnosticCode): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'eg-doc-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const files = EXAMPLES[code];
  for (const [name, text] of Object.entries(files)) {
    if (text !== MISSING) writeFileSync(join(folder, name), text);
  }
  const { diagnostics } = await loadConfig({
    ...(files['evergate.yaml'] === undefined
      ? {}
      : { native: { file: join(folder, 'evergate.yaml'), node: 'k8s-node1', mustBeNode: true } }),
    haproxy: files['haproxy.cfg'] === undefined ? null : join(folder, 'haproxy.cfg'),
    keepalived: Object.keys(files)
      .filter((name) => name.endsWith('.conf'))
      .map((name) => join(folder, name)),
    keepScripts: false,
    checkMachine: true,
  });
  const found = diagnostics.find((diagnostic) => diagnostic.code === code);
  assert.ok(found, `the example gives ${JSON.stringify(diagnostics)}`);
  return formatDiagnostic(found).replaceAll(`${folder}/`, '');
}

const TABLE_HEAD = '| Code | Meaning | Example |\n|---|---|---|\n';
const document = readFileSync(DOCUMENT, 'utf8');
const table = document.indexOf(TABLE_HEAD) + TABLE_HEAD.length;
/** Behind its last row. */
const end = document.indexOf('\n## ', table);
const rows: string[] = [];

for (const [code, meaning] of Object.entries(DIAGNOSTIC_CODES)) {
  test(`docs/diagnostics.md explains ${code} by what is printed`, async (t) => {
    const row = `| \`${code}\` | ${meaning} | \`${await printed(t, code as DiagnosticCode)}\` |`;
    rows.push(row);
    if (!UPDATING) assert.ok(document.split('\n').includes(row), `the row is missing:\n${row}`);
  });
}

test('docs/diagnostics.md holds the codes there are, in their order, and no others', () => {
  const expected = `${rows.join('\n')}\n`;
  if (UPDATING) writeFileSync(DOCUMENT, document.slice(0, table) + expected + document.slice(end));
  else assert.equal(document.slice(table, end), expected);
});

test('docs/diagnostics.md has a reason and a fix for every code, in their order', () => {
  const head = '## Reasons and fixes\n';
  const sections = Object.keys(DIAGNOSTIC_CODES).map((code) => {
    const { why, fix } = EXPLANATIONS[code as DiagnosticCode];
    return `\n### \`${code}\`\n\nWhy: ${why}\n\nFix: ${fix}\n`;
  });
  const expected = head + sections.join('');
  for (const section of sections) {
    assert.match(section, /\n\nWhy: [A-Z`[].{20,}\n\nFix: [A-Z`[].{10,}\n$/);
  }
  const written = readFileSync(DOCUMENT, 'utf8');
  const start = written.indexOf(head);
  if (UPDATING) writeFileSync(DOCUMENT, written.slice(0, start) + expected);
  else assert.equal(written.slice(start), expected);
});
