/**
 * keepalived.conf against the world: the article's files, files found in public repositories, and the real
 * `keepalived -t` (Debian's 2.2.7) as the judge of what our golden files call valid.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Diagnostic } from '../../../src/config/diagnostics.ts';
import { parseKeepalived } from '../../../src/config/keepalived/index.ts';
import { lintNodes } from '../../../src/config/lint.ts';
import {
  ADDRESS_DEFAULTS,
  VRRP_DEFAULTS,
  VRRP_INSTANCE_DEFAULTS,
} from '../../../src/config/vrrp-defaults.ts';
import { type GoldenFile, parseGolden, readGoldenFiles } from '../../golden/keepalived-golden.ts';
import { hasProgram, whyNoNamespaces } from '../../kit/network.ts';

const SHARED = join(import.meta.dirname, '..', '..', '..', '..', 'shared');
const SEED = join(SHARED, 'seed');
const CORPUS = join(SHARED, 'corpus', 'keepalived');
const SEED_FILES = ['k8s-master', 'k8s-node1', 'k8s-node2'].map(
  (node) => `keepalived.${node}.conf`,
);

function parseFile(path: string) {
  return parseKeepalived(basename(path), readFileSync(path, 'utf8'), {
    readInclude: () => [],
    readScript: () => null,
    configId: null,
    keepScripts: false,
    balancerHere: true,
  });
}

function codesOf(diagnostics: readonly Diagnostic[]): readonly string[] {
  return diagnostics.map(({ severity, code }) => `${severity} ${code}`).sort();
}

for (const [index, name] of SEED_FILES.entries()) {
  test(`parseKeepalived() takes the article's ${name} as it is`, (t) => {
    if (!existsSync(SEED)) return t.skip(`The article's files are not in "${SEED}"`);
    const { config, diagnostics, facts } = parseFile(join(SEED, name));
    assert.deepEqual(codesOf([...diagnostics, ...lintNodes([facts])]), [
      'warning clear-text-password',
      'warning replaced-script',
      'warning weight-never-decides',
    ]);
    assert.deepEqual(config, {
      ...VRRP_DEFAULTS,
      routerId: 'NodeA',
      instances: [
        {
          ...VRRP_INSTANCE_DEFAULTS,
          name: 'VI_1',
          version: 2,
          interface: 'ens192',
          virtualRouterId: 51,
          priority: [100, 90, 80][index],
          initialState: index === 0 ? 'master' : 'backup',
          advertIntervalMs: 1000,
          password: '1111',
          preempt: true,
          preemptDelayMs: 0,
          addresses: [{ ...ADDRESS_DEFAULTS, address: '192.168.1.94', prefixLength: 24 }],
          trackBalancer: { weight: 0 },
        },
      ],
    });
  });
}

test("lintNodes() of the article's three files says exactly what they earn", (t) => {
  if (!existsSync(SEED)) return t.skip(`The article's files are not in "${SEED}"`);
  const nodes = SEED_FILES.map((name) => parseFile(join(SEED, name)).facts);
  const diagnostics = lintNodes(nodes);
  assert.deepEqual(codesOf(diagnostics), [
    'warning shared-router-id',
    'warning shared-router-id',
    'warning weight-never-decides',
    'warning weight-never-decides',
    'warning weight-never-decides',
  ]);
  assert.match(diagnostics.at(-1)?.text ?? '', /with priorities 80, 100 and 90 no result/);
});

test('parseKeepalived() converts every file found in public', (t) => {
  if (!existsSync(CORPUS)) return t.skip(`The files found in public are not in "${CORPUS}"`);
  for (const name of readdirSync(CORPUS).sort()) {
    const { config, diagnostics } = parseFile(join(CORPUS, name));
    const errors = diagnostics.filter(({ severity }) => severity === 'error');
    assert.deepEqual(errors, [], name);
    assert.notEqual(config, null);
    t.diagnostic(`${name.padEnd(28)} ${diagnostics.length} warnings`);
  }
});

/** By file: the scripts that cannot run anywhere as they are written. */
const REFUSED_SCRIPTS: Readonly<Record<string, readonly string[]>> = {
  '08-upstream-localcheck.conf': ['chk_http_port', 'chk_https_port', 'chk_smtp_port'],
};

test('evergate check names what of the files found in public cannot work, and nothing else', (t) => {
  if (!existsSync(CORPUS)) return t.skip(`The files found in public are not in "${CORPUS}"`);
  const table = readFileSync(join(import.meta.dirname, '../../../docs/keepalived.md'), 'utf8');
  const evergate = join(import.meta.dirname, '../../../bin/evergate');
  for (const name of readdirSync(CORPUS)) {
    const args = ['check', '--json', '--keepalived', join(CORPUS, name)];
    const { stdout } = spawnSync(evergate, args, { encoding: 'utf8', timeout: 60_000 });
    const diagnostics = JSON.parse(stdout) as readonly Diagnostic[];
    const errors = diagnostics.filter(({ severity }) => severity === 'error');
    // Files that the machine lacks say nothing about the text.
    const wrong = errors.filter(({ text }) => !/ does not exist$/.test(text));
    const named = wrong.map(({ text }) => /^Script "([^"]+)" cannot run/.exec(text)?.[1] ?? text);
    const expected = REFUSED_SCRIPTS[name] ?? [];
    assert.deepEqual(named, expected, name);
    const list = expected.map((script) => `\`${script}\``).join(', ');
    const verdict = expected.length === 0 ? 'runs\\b' : `error: ${RegExp.escape(list)}, `;
    assert.match(table, new RegExp(`^\\| ${RegExp.escape(name)} \\| .* \\| ${verdict}.*\\|$`, 'm'));
  }
});

/** What keepalived says of the machine and not of the text. */
const ABOUT_THE_MACHINE = [
  /SECURITY VIOLATION/,
  /Disabling track script \S+ since not found/,
  /Unable to set default user/,
  /track script chk not found, ignoring/,
  /Startup complete|Configuration file/,
];

/** Where keepalived complains and we warn of the same, or take more than it does. */
const EXCEPTIONS: Readonly<Record<string, readonly RegExp[]>> = {
  // We run scripts more often than once a second.
  'fractional-script-interval.golden': [
    /invalid number '0\.\d+'/,
    /vrrp script (interval|timeout) '0\.\d+' (must be between 1 and|invalid)/,
  ],
  // Scripts may stand behind here; the other one is warned of.
  'forward-reference.golden': [/track script chkk? not found, ignoring/],
  // Debian's stock file holds the 0; its keepalived is built without iptables.
  'ignored-directives.golden': [/vrrp_garp_interval|number '0' outside/, /iptables not supported/],
  'multicast-source-and-group.golden': [/Strict mode does not support authentication/],
  // As in version-3-unicast.golden below.
  'notify-and-groups.golden': [/^Terminated$/],
  'password-not-ascii.golden': [/Truncating auth_pass/],
  'passwords.golden': [/Truncating auth_pass/, /version 3 does not support authentication/],
  'preemption.golden': [
    /nopreempt (is incompatible|will not work)/,
    /preempt.delay (is incompatible|will not work)/,
  ],
  'vmac.golden': [/vmac_xmit_base is only valid with a vmac/],
  // With script_user, 2.2.7 ends its own test run by SIGTERM, without a word on the text.
  'version-3-unicast.golden': [/^Terminated$/],
  'script-security.golden': [/^Terminated$/],
  // What it complains of and runs without: each is warned of, in the golden file itself.
  // keepalived complains of these and starts, as we warn and do.
  'peer-ttls.golden': [/number '300' outside range \[0, 255\]/, /min_ttl is missing a value/],
  'taken-as-keepalived-does.golden': [
    /number '0' outside range|invalid number 'soon'|'soon' invalid - ignoring/,
    /vrrp_g(arp|na)_interval '0' is invalid|garp_master_repeat must be greater than 0, setting to 1/,
    /Config files missing 'conf\.d/,
    /No script set for vrrp_script nothing - removing/,
    /unknown state 'SLAVE', defaulting to BACKUP/,
    /Unknown keyword 'script_user'/,
    /unknown authentication type 'pass'/,
    /track (script|process) \w+ not found, ignoring/,
    /vrrp instance A already defined/,
    /Truncating auth_pass to 8 characters/,
    /must be an integer\. rounding/,
    /Initial state master is incompatible with AH authentication - clearing/,
    /Authentication specified but no password given\. Ignoring/,
    /without any unicast peers\. Defaulting to multicast/,
  ],
  'weights-of-one-node.golden': [/ignoring tracked script thirty with weights/],
};

/** Directives of later versions than Debian's 2.2.7. */
const LATER: readonly string[] = ['auth-hmac.golden'];

/** Complaints of the real program, in a network namespace of its own with the interface ens192. */
function complaintsOf(t: TestContext, golden: GoldenFile): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'eg-keepalived-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const main = join(folder, 'keepalived.conf');
  writeFileSync(main, golden.input);
  for (const [name, text] of golden.files) {
    if (name.startsWith('/')) continue;
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const id = /^! options:.*\bid=(\S+)/m.exec(golden.input)?.[1];
  const script = [
    'ip link add ens192 type veth peer name peer0',
    'ip address add 192.168.1.92/24 dev ens192',
    'ip link set ens192 up',
    'ip link set peer0 up',
    `keepalived --config-test ${id === undefined ? '' : `--config-id ${id}`} -f ${main}`,
  ].join('\n');
  const { stdout, stderr, error } = spawnSync('unshare', ['--net', 'sh', '-c', script], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` },
  });
  assert.equal(error, undefined);
  return `${stdout}${stderr}`.split('\n').filter((line) => line.trim() !== '');
}

test('keepalived -t agrees with what the golden files call valid', (t) => {
  const why = whyNoNamespaces();
  if (why !== null) return t.skip(why);
  if (!hasProgram('keepalived')) return t.skip('The program "keepalived" (Debian) is missing');
  const valid = readGoldenFiles().filter(
    (golden) => parseGolden(golden).config !== null && !LATER.includes(golden.name),
  );
  assert.ok(valid.length >= 10);
  for (const golden of valid) {
    const allowed = [...ABOUT_THE_MACHINE, ...(EXCEPTIONS[golden.name] ?? [])];
    const complaints = complaintsOf(t, golden);
    const unexpected = complaints.filter((line) => !allowed.some((known) => known.test(line)));
    assert.deepEqual(unexpected, [], golden.name);
  }
});

/** Golden files that stop keepalived too, if only with a complaint; others are refused by us alone. */
const REFUSED_BY_BOTH = [
  'bad-values.golden',
  'continued-lines.golden',
  'duplicates.golden',
  'invisible-characters.golden',
  'missing-values.golden',
  'quotes.golden',
  'stray-brace.golden',
  'unknown-directives.golden',
];

test('keepalived -t complains about what the golden files call wrong', (t) => {
  const why = whyNoNamespaces();
  if (why !== null) return t.skip(why);
  if (!hasProgram('keepalived')) return t.skip('The program "keepalived" (Debian) is missing');
  const refused = readGoldenFiles().filter(({ name }) => REFUSED_BY_BOTH.includes(name));
  assert.equal(refused.length, REFUSED_BY_BOTH.length);
  for (const golden of refused) {
    assert.equal(parseGolden(golden).config, null);
    const complaints = complaintsOf(t, golden);
    const real = complaints.filter((line) => !ABOUT_THE_MACHINE.some((known) => known.test(line)));
    assert.notDeepEqual(real, [], golden.name);
  }
});
