import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readKubernetes } from './kubernetes-files.ts';

function rootOf(t: TestContext, files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'eg-kubernetes-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

function pod(...words: readonly string[]): string {
  const lines = words.map((word) => `    - ${word}\n`).join('');
  return `apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - command:\n${lines}`;
}

test('readKubernetes() finds nothing on a bare machine', (t) => {
  const { distribution, nodes, read, unread } = readKubernetes(rootOf(t, {}));
  assert.deepEqual(
    { distribution, nodes, read, unread },
    { distribution: null, nodes: [], read: [], unread: [] },
  );
});

test('readKubernetes() reads what kubeadm has written', (t) => {
  const root = rootOf(t, {
    'etc/kubernetes/manifests/kube-apiserver.yaml': pod(
      'kube-apiserver',
      '--advertise-address=192.168.1.93',
      '--secure-port=6444',
    ),
    'etc/kubernetes/manifests/etcd.yaml': pod(
      'etcd',
      '--initial-cluster=k8s-master=https://192.168.1.92:2380,k8s-node1=https://192.168.1.93:2380',
    ),
    'etc/kubernetes/admin.conf':
      'clusters:\n- cluster:\n    server: https://192.168.1.94:8443\n  name: kubernetes\n',
  });
  const { read, ...facts } = readKubernetes(root);
  assert.equal(read.length, 3);
  assert.deepEqual(facts, {
    distribution: 'kubeadm',
    unread: [],
    apiserverPort: 6444,
    address: '192.168.1.93',
    nodes: [
      { name: 'k8s-master', address: '192.168.1.92' },
      { name: 'k8s-node1', address: '192.168.1.93' },
    ],
    endpoints: [{ address: '192.168.1.94', port: 8443 }],
    authority: null,
  });
});

test("a node of kubeadm whose name ends as a member's of k3s lost that end", (t) => {
  const root = rootOf(t, {
    'etc/kubernetes/manifests/etcd.yaml': pod(
      'etcd',
      '--initial-cluster=cp-0a1b2c3d=https://10.0.0.1:2380,cp-4e5f6a7b=https://10.0.0.2:2380',
    ),
  });
  assert.deepEqual(readKubernetes(root).nodes, [
    { name: 'cp-0a1b2c3d', address: '10.0.0.1' },
    { name: 'cp-4e5f6a7b', address: '10.0.0.2' },
  ]);
});

test('readKubernetes() reads k3s and RKE2, whose members have names of their own', (t) => {
  for (const [name, distribution] of [
    ['k3s', 'k3s'],
    ['rke2', 'RKE2'],
  ] as const) {
    const data = `var/lib/rancher/${name}/server`;
    const root = rootOf(t, {
      [`etc/rancher/${name}/config.yaml`]: 'node-ip: 10.0.0.2\ntls-san: [vip.example, 10.0.0.9]\n',
      [`etc/rancher/${name}/config.yaml.d/50-join.yaml`]: 'server: https://10.0.0.1:9345\n',
      [`${data}/db/etcd/config`]:
        'initial-cluster: cp1-0a1b2c3d=https://10.0.0.1:2380,cp2-ffffffff=https://10.0.0.2:2380\n',
      [`${data}/tls/server-ca.crt`]: '',
    });
    const facts = readKubernetes(root);
    assert.equal(facts.distribution, distribution);
    assert.equal(facts.address, '10.0.0.2');
    assert.deepEqual(facts.nodes, [
      { name: 'cp1', address: '10.0.0.1' },
      { name: 'cp2', address: '10.0.0.2' },
    ]);
    assert.deepEqual(
      facts.endpoints.map(({ address }) => address),
      ['10.0.0.9', '10.0.0.1'],
    );
    assert.equal(facts.authority, `/${data}/tls/server-ca.crt`);
  }
});

test('readKubernetes() tells of a file that it cannot read, and goes on', (t) => {
  const root = rootOf(t, {
    'etc/kubernetes/manifests/kube-apiserver.yaml': 'spec: [',
    'etc/kubernetes/manifests/etcd.yaml': pod(
      'etcd',
      '--initial-cluster=,=x,a=b,c=https://nowhere:1',
    ),
    'etc/kubernetes/admin.conf': '- 1\n',
  });
  const facts = readKubernetes(root);
  assert.deepEqual(facts.unread, ['/etc/kubernetes/manifests/kube-apiserver.yaml is no YAML']);
  assert.deepEqual([facts.nodes, facts.endpoints, facts.apiserverPort], [[], [], 6443]);
});
