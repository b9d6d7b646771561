import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasErrors } from '../config/diagnostics.ts';
import { parseNative } from '../config/evergate-yaml/index.ts';
import { composeFile, parseNode, type Surroundings, vipProblem } from './proposal.ts';
import { nodesProblem, planCluster, type Wishes } from './set-up.ts';

const NO_WISHES: Wishes = { vip: null, listen: null, nodes: null };

function surroundings(changes: Partial<Surroundings['kubernetes']> = {}): Surroundings {
  return {
    hostName: 'k8s-node1',
    local: [
      { interface: 'lo', address: '127.0.0.1', prefixLength: 8 },
      { interface: 'eth0', address: '10.99.0.7', prefixLength: 16 },
      { interface: 'ens192', address: '192.168.1.93', prefixLength: 24 },
    ],
    kubernetes: {
      distribution: 'kubeadm',
      read: [],
      unread: [],
      apiserverPort: 6443,
      address: '192.168.1.93',
      nodes: [
        { name: 'k8s-master', address: '192.168.1.92' },
        { name: 'k8s-node1', address: '192.168.1.93' },
      ],
      endpoints: [],
      authority: null,
      ...changes,
    },
    key: null,
    canRedirect: true,
  };
}

async function planned(around: Surroundings, wishes: Partial<Wishes>) {
  const result = await planCluster(around, { ...NO_WISHES, ...wishes }, null);
  return 'plan' in result ? result.plan : result.missing;
}

test('planCluster() takes nodes and prefix length from what is known', async () => {
  assert.deepEqual(await planned(surroundings(), { vip: '192.168.1.94' }), {
    vip: '192.168.1.94/24',
    listen: 8443,
    nodes: surroundings().kubernetes.nodes,
  });
});

test('planCluster() names the flag that is missing where nobody can be asked', async () => {
  const endpoints = [{ address: '192.168.1.94', port: 8443 }];
  assert.match(
    `${await planned(surroundings({ endpoints }), {})}`,
    /^Give --vip ADDRESS \(clients ask 192\.168\.1\.94 today\)/,
  );
  const alone = surroundings({ nodes: [] });
  assert.match(
    `${await planned(alone, { vip: '192.168.1.94' })}`,
    /^Give --node NAME=ADDRESS .* tell of 1,/,
  );
});

test("planCluster() keeps the port of today, unless it is the apiserver's and cannot be led elsewhere", async () => {
  const vip = '192.168.1.94';
  const listenOf = async (port: number, canRedirect: boolean) => {
    const around = { ...surroundings({ endpoints: [{ address: vip, port }] }), canRedirect };
    const plan = await planned(around, { vip });
    return typeof plan === 'string' ? plan : plan.listen;
  };
  assert.equal(await listenOf(16443, false), 16443);
  assert.equal(await listenOf(6443, true), 6443);
  assert.equal(await listenOf(6443, false), 8443);
});

test('planCluster() asks for the rest, with what is likely, and ends where nobody answers', async () => {
  const asked: string[] = [];
  const result = await planCluster(surroundings(), NO_WISHES, async (question, usual) => {
    asked.push(`${question.split(',')[0]} [${usual}]`);
    return usual ?? '192.168.1.94';
  });
  assert.deepEqual(asked, [
    'The VIP [null]',
    'All control-plane nodes [k8s-master=192.168.1.92 k8s-node1=192.168.1.93]',
    'The port that clients ask [8443]',
  ]);
  assert.ok('plan' in result && result.plan.nodes.length === 2);
  assert.deepEqual(await planCluster(surroundings(), NO_WISHES, async () => null), {
    missing: 'Nothing was answered, and nothing is written',
  });
});

test('composeFile() writes what the front end reads, for each distribution', () => {
  for (const distribution of ['kubeadm', 'k3s', 'RKE2'] as const) {
    const authority = distribution === 'kubeadm' ? null : '/ca.crt';
    const around = surroundings({ distribution, authority, apiserverPort: 6444 });
    const nodes = [
      { name: 'on', address: '192.168.1.92' },
      { name: 'no.7', address: '192.168.1.93' },
      { name: 'k8s-node2', address: '192.168.1.95' },
    ];
    const plan = { vip: '192.168.1.94/24', listen: 8443, nodes };
    const text = composeFile(plan, { ...around, key: '/etc/evergate/vrrp.key' });
    const { config, diagnostics } = parseNative('evergate.yaml', text, {
      localAddresses: around.local,
      node: null,
      hostName: null,
      canRedirect: true,
      fileExists: () => true,
      groupExists: () => true,
      mustBeNode: true,
    });
    assert.ok(!hasErrors(diagnostics), `${text}${JSON.stringify(diagnostics)}`);
    assert.deepEqual(
      config?.nodes?.map(({ name }) => name),
      ['on', 'no.7', 'k8s-node2'],
    );
    assert.equal(config?.vrrp?.instances[0]?.interface, 'ens192');
    assert.equal(config?.balancer?.backends[0]?.servers[0]?.port, 6444);
    assert.equal(config?.balancer?.frontends.length, distribution === 'RKE2' ? 2 : 1);
  }
});

test('what is no address and no node is named', () => {
  for (const text of [
    '',
    '192.168.1',
    '192.168.1.94/33',
    '192.168.1.94/24/1',
    'vip.example',
    'fd00::1/129',
  ]) {
    assert.match(vipProblem(text) ?? '', /is no address/);
  }
  for (const text of ['192.168.1.94', '192.168.1.94/24', 'fd00::94/64'])
    assert.equal(vipProblem(text), null);
  for (const text of ['a', 'a=', '=10.0.0.1', 'a=b', 'a=10.0.0.1=b', 'a b=10.0.0.1']) {
    assert.equal(parseNode(text), null);
  }
  assert.match(nodesProblem(['a=10.0.0.1', 'a=10.0.0.2']) ?? '', /"a" is given twice/);
});
