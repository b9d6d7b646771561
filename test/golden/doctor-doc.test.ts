/**
 * docs/doctor.md and the table of findings say the same: each code by what `evergate doctor` says of a node on
 * which this one thing is wrong, and a node without a fault has none.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import type { Config } from '../../src/config/model/config.ts';
import { examine } from '../../src/doctor/checks.ts';
import type { Facts } from '../../src/doctor/facts.ts';
import { FINDING_CODES, type FindingCode } from '../../src/doctor/findings.ts';
import { healthyFacts, NOW_MS, nftRuleset, VIP } from '../../src/doctor/fixture.ts';
import { loadConfig } from '../../src/load-config/load.ts';
import type { StatusReport } from '../../src/stats/status.ts';

const DOCUMENT = join(import.meta.dirname, '..', '..', 'docs', 'doctor.md');
/** `UPDATE_GOLDEN=1` writes the table; read the difference before committing it. */
const UPDATING = process.env.UPDATE_GOLDEN === '1';
const FILE =
  'vip: 192.168.1.94/24\nlisten: 8443\nnodes: { k8s-master: { address: 127.0.0.1, interface: lo } }\n';

function reported(facts: Facts, changes: Partial<StatusReport>): Facts {
  assert.equal(facts.guardian.kind, 'running');
  const report = { ...facts.guardian.report, ...changes };
  return { ...facts, guardian: { ...facts.guardian, report } };
}

function instance(facts: Facts, changes: object): Facts {
  assert.equal(facts.guardian.kind, 'running');
  const vrrp = facts.guardian.report.vrrp.map((each) => ({ ...each, ...changes }));
  return reported(facts, { vrrp: vrrp as StatusReport['vrrp'] });
}

function apiserver(facts: Facts, changes: object): Facts {
  return { ...facts, apiservers: facts.apiservers.map((each) => ({ ...each, ...changes })) };
}

function certificate(facts: Facts, days: number, ...missingNames: string[]): Facts {
  const expiresAtMs = NOW_MS + days * 86_400_000;
  return apiserver(facts, { certificate: { expiresAtMs, missingNames } });
}

/** Of a node whose guardian does not say its time. */
function elsewhere(facts: Facts, clockAheadMs: number | null): Facts {
  const nodes = [{ name: 'k8s-node1', addresses: ['192.168.1.93'] }];
  const config = { ...facts.config, nodes } as Config;
  const there = { host: '192.168.1.93', address: '192.168.1.93:6443', clockAheadMs };
  const [here] = facts.apiservers;
  assert.ok(here !== undefined);
  const apiservers = [here, { ...here, name: 'kube-apiserver/k8s-node1', ...there }];
  return { ...facts, config, apiservers };
}

function firewalled(facts: Facts, ...rules: readonly object[][]): Facts {
  const text = nftRuleset('drop', ...rules);
  return { ...facts, firewall: { ...facts.firewall, nft: { kind: 'said', text } } };
}

function accept(protocol: string, port: number): object[] {
  const left = { payload: { protocol, field: 'dport' } };
  return [{ match: { op: '==', left, right: port } }, { accept: null }];
}

const VRRP = [
  { match: { op: '==', left: { meta: { key: 'l4proto' } }, right: 'vrrp' } },
  { accept: null },
];
const KEEPALIVED = { pid: 4711, name: 'keepalived', command: '/usr/sbin/keepalived' };
const HAPROXY = { pid: 4712, name: 'haproxy', command: '/usr/sbin/haproxy -Ws' };

function kubelet(facts: Facts, flag: string): Facts {
  const command = `/usr/bin/kubelet ${flag}`;
  const addresses = [{ address: '192.168.1.92', interface: 'lo' }, ...facts.addresses];
  return { ...facts, addresses, processes: [{ pid: 4713, name: 'kubelet', command }] };
}

const EXAMPLES: Readonly<Record<FindingCode, (facts: Facts) => Facts>> = {
  'bad-configuration': (facts) => ({
    ...facts,
    diagnostics: [
      {
        file: '/etc/evergate/evergate.yaml',
        line: 1,
        column: 6,
        severity: 'error',
        text: '"192.168.1" is no address',
        code: 'bad-value',
      },
    ],
  }),
  'not-running': (facts) => ({
    ...facts,
    sockets: [],
    guardian: { kind: 'not-running', why: 'Evergate is not running with "/run/evergate"' },
  }),
  'not-answering': (facts) => ({
    ...facts,
    guardian: { kind: 'not-answering', why: 'The guardian does not answer within 3000 ms' },
  }),
  'not-asked': (facts) => ({
    ...facts,
    guardian: { kind: 'no-right', why: 'This account has no right to ask "/run/evergate"' },
  }),
  'node-degraded': (facts) =>
    reported(facts, {
      verdict: 'degraded',
      reasons: ['Server "kube-apiserver/k8s-node1" is in maint'],
    }),
  'node-down': (facts) =>
    reported(facts, { verdict: 'down', reasons: ['The balancer is restarting'] }),
  'reload-refused': (facts) =>
    reported(facts, {
      configuration: {
        loadedAt: '2026-01-01T00:00:00Z',
        reloads: 0,
        refused: { at: '2026-01-01T08:00:00Z', reason: 'evergate.yaml:3:1: Unknown key "listn"' },
      },
    }),
  'asks-without-rights': (facts) => ({ ...facts, asker: { capabilities: 0n } }),
  'lacks-rights': (facts) => {
    assert.equal(facts.guardian.kind, 'running');
    return { ...facts, guardian: { ...facts.guardian, capabilities: 1n << 12n } };
  },
  'port-taken': (facts) => ({
    ...facts,
    sockets: facts.sockets.map((socket) => ({ ...socket, owners: [HAPROXY] })),
  }),
  'port-not-open': (facts) => ({ ...facts, sockets: [] }),
  'owner-unseen': (facts) => ({
    ...facts,
    sockets: facts.sockets.map((socket) => ({ ...socket, owners: [] })),
  }),
  'vip-held-by-other': (facts) => ({
    ...facts,
    addresses: [...facts.addresses, { address: VIP, interface: 'ens192' }],
  }),
  'other-vip-daemon': (facts) => ({ ...facts, processes: [KEEPALIVED] }),
  'firewall-stops-vrrp': (facts) => firewalled(facts, accept('tcp', 8443), accept('udp', 8445)),
  'firewall-stops-peers': (facts) => firewalled(facts, VRRP, accept('tcp', 8443)),
  'firewall-stops-clients': (facts) => firewalled(facts, VRRP, accept('udp', 8445)),
  'firewall-unread': (facts) => ({
    ...facts,
    firewall: { ...facts.firewall, nft: { kind: 'failed', why: 'Operation not permitted' } },
  }),
  'apiserver-unreachable': (facts) =>
    apiserver(facts, { problem: 'connect ECONNREFUSED 192.168.1.92:6443', certificate: null }),
  'apiserver-not-ready': (facts) => apiserver(facts, { status: 500 }),
  'certificate-lacks-name': (facts) => certificate(facts, 200, VIP),
  'certificate-ends': (facts) => certificate(facts, 12),
  'certificate-ended': (facts) => certificate(facts, -1),
  'clock-differs': (facts) => elsewhere(facts, 7400),
  'clock-unknown': (facts) => elsewhere(facts, null),
  'no-master-heard': (facts) => instance(facts, { master: null }),
  'peer-never-heard': (facts) =>
    instance(facts, {
      warnings: [
        'no advertisement was ever seen from peer 192.168.1.93; it is well if 192.168.1.93 was never master',
      ],
    }),
  'adverts-dropped': (facts) =>
    instance(facts, { dropped: { 'bad-checksum': 3, 'own-packet': 9 } }),
  'wire-trouble': (facts) =>
    instance(facts, {
      warnings: ['02:00:00:00:00:07 claims 192.168.1.94, which is held here (4 times)'],
    }),
  'few-open-files': (facts) => {
    assert.ok(facts.config.balancer);
    const process = { ...facts.config.balancer.process, connectionsMax: 10_000 };
    const balancer = { ...facts.config.balancer, process };
    return { ...facts, config: { ...facts.config, balancer }, openFilesMax: 1024 };
  },
  'arp-never-answered': (facts) => ({ ...facts, settings: { ...facts.settings, arpIgnore: 8 } }),
  'reverse-path-strict': (facts) => ({
    ...facts,
    settings: { ...facts.settings, strictReversePath: ['lo'] },
  }),
  'kubelet-chooses-address': (facts) => kubelet(facts, '--config=/var/lib/kubelet/config.yaml'),
  'kubelet-takes-vip': (facts) => kubelet(facts, `--node-ip=${VIP}`),
  'strict-arp-off': (facts) => ({
    ...facts,
    addresses: [...facts.addresses, { address: '10.96.0.1', interface: 'kube-ipvs0' }],
  }),
};

const TABLE_HEAD =
  '| Code | Severity | Example | Why it matters | Mended by |\n|---|---|---|---|---|\n';

describe('docs/doctor.md', () => {
  const rows: string[] = [];
  let config: Config;

  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'eg-doctor-'));
    try {
      const file = join(folder, 'evergate.yaml');
      writeFileSync(file, FILE);
      const native = { file, node: 'k8s-master', mustBeNode: true };
      const inputs = { native, haproxy: null, keepalived: [], keepScripts: false };
      const loaded = await loadConfig({ ...inputs, checkMachine: false });
      // As with a key, which is read on the machine.
      const text = JSON.stringify(loaded.config).replaceAll(folder, '/etc/evergate');
      config = {
        ...JSON.parse(text),
        peers: { port: 8445, toleranceMs: 30_000, secret: 'hex:00' },
      };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('has nothing to say of a node on which all is well', () => {
    const outcomes = examine(healthyFacts(config));
    assert.deepEqual(
      outcomes.flatMap(({ findings }) => findings),
      [],
    );
    assert.ok(outcomes.length >= 12 && outcomes.every(({ severity }) => severity === 'ok'));
  });

  for (const [code, spoil] of Object.entries(EXAMPLES)) {
    it(`explains ${code} by what is said`, () => {
      const found = examine(spoil(healthyFacts(config))).flatMap(({ findings }) => findings);
      const one = found.find((each) => each.code === code);
      assert.ok(one, JSON.stringify(found));
      // One fault is told of once, as itself.
      assert.deepEqual([...new Set(found.map((each) => each.code))], [code]);
      const cells = [`\`${code}\``, one.severity, one.what, one.why, `\`${one.fix}\``];
      const row = `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
      rows.push(row);
      if (!UPDATING) {
        const document = readFileSync(DOCUMENT, 'utf8');
        assert.ok(document.split('\n').includes(row), `the row is missing:\n${row}`);
      }
    });
  }

  it('lets a kubelet with an address of its own be', () => {
    const outcomes = examine(kubelet(healthyFacts(config), '--node-ip=192.168.1.92'));
    assert.ok(outcomes.every(({ severity }) => severity === 'ok'));
  });

  it('says of nothing that all is well which it has not looked at', () => {
    const facts = EXAMPLES['not-running'](healthyFacts({ balancer: null, vrrp: null }));
    const looked = examine(facts).map(({ id }) => id);
    assert.deepEqual(looked, ['configuration', 'guardian', 'sight', 'limits']);
  });

  it('holds the codes there are, in their order, and no others', () => {
    assert.deepEqual(Object.keys(EXAMPLES), Object.keys(FINDING_CODES));
    const document = readFileSync(DOCUMENT, 'utf8');
    const table = document.indexOf(TABLE_HEAD) + TABLE_HEAD.length;
    assert.ok(table > TABLE_HEAD.length);
    const expected = `${rows.join('\n')}\n`;
    if (UPDATING) writeFileSync(DOCUMENT, document.slice(0, table) + expected);
    else assert.equal(document.slice(table), expected);
  });
});
