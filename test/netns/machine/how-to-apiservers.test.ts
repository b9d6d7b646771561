/**
 * docs/how-to/certificates.md and k3s-rke2.md, typed as they stand there on a booted machine, which is one of three nodes.
 * The apiservers stand in, on the addresses and ports of real ones, with certificates of openssl; so do kubeadm and
 * kubectl, which make a certificate with the names of the file that the page has its reader write.
 */

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ApiserverOptions } from '../../../src/lab/apiserver/main.ts';
import { installInto } from '../../kit/machine/installed.ts';
import { Machine, whyNoMachines } from '../../kit/machine/machine.ts';
import { Page } from '../../kit/machine/page.ts';
import { hasProgram, Network, type NetworkNode, whyNoNamespaces } from '../../kit/network.ts';
import { askStatus } from '../../kit/status.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const APISERVER = resolve('src/lab/apiserver/main.ts');
const VIP = '192.168.1.94';
/** The first one boots; of the others there is only their apiserver. */
const NODES = { 'k8s-node1': 93, 'k8s-master': 92, 'k8s-node2': 95 };
const CONFIG = '/etc/evergate/evergate.yaml';
const PKI = '/etc/kubernetes/pki';

/** $1: the certificate, $2: its key, $3: its names, as openssl wants them. The authority is made where there is none. */
const CERTIFY = `#!/bin/sh -eu
mkdir -p ${PKI}
cd ${PKI}
ec="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365"
[ -e ca.key ] || openssl req -x509 $ec -keyout ca.key -out ca.crt -subj /CN=kubernetes 2>/dev/null
openssl req $ec -keyout "$2" -out request -subj /CN=kube-apiserver 2>/dev/null
printf 'subjectAltName=%s\\nextendedKeyUsage=serverAuth\\n' "$3" >extensions
openssl x509 -req -in request -CA ca.crt -CAkey ca.key -CAcreateserial -days 365 \\
  -extfile extensions -out "$1" 2>/dev/null
rm request extensions
`;
/** As the real one: what is there stays; names are the node's own and those of the file. */
const KUBEADM = `#!/bin/sh -eu
case "$*" in
"init phase certs apiserver --config "*)
  [ ! -e ${PKI}/apiserver.crt ] || exit 0
  names=$(sed -n '/certSANs:/,/^[^ ]/s/^ *- /,IP:/p' "$6" | tr -d '\\n')
  certify ${PKI}/apiserver.crt ${PKI}/apiserver.key "IP:192.168.1.93$names"
  ;;
"init phase upload-config kubeadm --config "*) cp "$6" /root/uploaded.yaml ;;
*) exit 2 ;;
esac
`;
const KUBECTL = `#!/bin/sh -eu
case "$*" in
*"get configmap kubeadm-config"*) printf 'apiVersion: kubeadm.k8s.io/v1beta4\\nkind: ClusterConfiguration\\n' ;;
*) exit 2 ;;
esac
`;

const missing = ['openssl', 'curl'].filter((name) => !hasProgram(name));
const skip =
  whyNoNamespaces() ??
  whyNoMachines() ??
  (missing.length > 0 ? `No program ${missing.join(', ')}` : false);

describe('docs/how-to, of apiservers', { skip, timeout: 1_200_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'evergate-apiservers-'));
  const certificates = new Page('docs/how-to/certificates.md');
  const k3s = new Page('docs/how-to/k3s-rke2.md');
  const started = new Map<string, ChildProcess>();
  let network: Network;
  let one: Machine;

  before(async () => {
    await installInto(join(folder, 'evergate'));
    network = await Network.create();
    for (const [name, last] of Object.entries(NODES)) {
      await network.addNode(name, `192.168.1.${last}/24`);
    }
    one = await Machine.boot(network.nodes[0] as NetworkNode, folder);
    for (const [name, text] of Object.entries({
      certify: CERTIFY,
      kubeadm: KUBEADM,
      kubectl: KUBECTL,
    })) {
      writeFileSync(one.path(`/usr/local/bin/${name}`), text, { mode: 0o755 });
    }
    await one.ran('cp examples/evergate.service /etc/systemd/system/ && systemctl daemon-reload');
    mkdirSync(one.path('/etc/evergate'));
    await one.ran(`certify apiserver.crt apiserver.key IP:192.168.1.93`);
    await one.ran(`certify others.crt others.key IP:192.168.1.92,IP:192.168.1.95,IP:${VIP}`);
    for (const node of network.nodes) await startApiserver(node, 6443);
  });
  after(async () => {
    await one?.close();
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function startApiserver(node: NetworkNode, port: number): Promise<void> {
    const key = `${node.name} ${port}`;
    started.get(key)?.kill('SIGKILL');
    const name = one.path(`${PKI}/${node === one.node ? 'apiserver' : 'others'}`);
    const options: ApiserverOptions = {
      ...{ node: node.name, nodes: Object.keys(NODES), host: '0.0.0.0', port },
      ...{ certificateFile: `${name}.crt`, keyFile: `${name}.key` },
    };
    started.set(key, node.spawn(process.execPath, [APISERVER, JSON.stringify(options)]));
    await waitUntil(
      `port ${port} of ${node.name} listens`,
      async () => (await node.run('ss', ['-Hlnt'])).stdout.includes(`:${port}`),
      50,
    );
  }

  async function stop(): Promise<void> {
    await one.ran('systemctl stop evergate');
    await waitUntil('it is gone', async () => (await one.sh('pgrep -f "^evergate: "')).code === 1);
  }

  it('a certificate that lacks the VIP is told of, and mended by the page', async () => {
    const nodes = Object.entries(NODES).map(([name, last]) => `  ${name}: 192.168.1.${last}\n`);
    const yaml = `vip: ${VIP}/24\nlisten: 8443\nnodes:\n${nodes.join('')}`;
    writeFileSync(one.path(CONFIG), yaml);
    await one.ran('systemctl start evergate');
    const warnings = async () => {
      const { balancer } = await askStatus(one.path('/run/evergate'));
      const [backend] = balancer?.report?.backends ?? [];
      return backend?.servers.find(({ name }) => name === 'k8s-node1')?.warnings ?? [];
    };
    const told = new RegExp(`^The certificate does not carry "${VIP}", by which clients call`);
    await waitUntil('it is told', async () => {
      const found = await warnings().catch(() => []);
      return found.some((text) => told.test(text));
    });
    const shown = /^ {6}(warning: .*)$/m.exec(certificates.lines().join('\n'))?.[1];
    const see = await one.sh(certificates.sh('See it', 1));
    assert.ok(shown !== undefined && see.stdout.includes(shown), see.stdout);
    assert.doesNotMatch(await one.ran(certificates.sh('See it', 2)), /192\.168\.1\.94/);

    await one.ran(certificates.sh('Mend it', 1));
    appendFileSync(one.path('/root/kubeadm.yaml'), certificates.text('Mend it', 'yaml'));
    await one.ran(certificates.sh('Mend it', 2));
    await startApiserver(one.node, 6443);
    await one.ran(certificates.sh('Mend it', 3));
    await waitUntil('the warning is gone', async () => (await warnings()).length === 0);
    assert.match(await one.ran(certificates.sh('See it', 2)), /IP Address:192\.168\.1\.94/);
    await one.ran(certificates.sh('Mend it', 4));
    assert.deepEqual(certificates.left(), []);
    await stop();
  });

  for (const [name, port] of [
    ['k3s', 6443],
    ['RKE2', 9345],
  ] as const) {
    it(`${name} is balanced on its own ports`, async () => {
      const yaml = k3s.text(`evergate.yaml for ${name}`, 'yaml');
      const authority = /ca: (.*)/.exec(yaml)?.[1] ?? '';
      await one.ran(`mkdir -p ${dirname(authority)} && cp ${PKI}/ca.crt ${authority}`);
      writeFileSync(one.path(CONFIG), yaml);
      if (port !== 6443) for (const node of network.nodes) await startApiserver(node, port);
      const [start, ask] = withoutLast(k3s.sh('Set it up', 1));
      await one.ran(start);
      const asked = name === 'k3s' ? [ask] : k3s.sh('Set it up', 2).trim().split('\n');
      for (const line of asked) {
        const { code, stdout } = await one.sh(line);
        // The supervisor stands in, and has nothing there.
        if (line.endsWith('/cacerts')) assert.equal(code, 22);
        else assert.match(stdout, /"gitVersion"/);
      }
      const { redirects } = await askStatus(one.path('/run/evergate'));
      assert.equal(redirects?.problem, null);
      await stop();
    });
  }

  /** All but its last line, and that. */
  function withoutLast(block: string): readonly [string, string] {
    const lines = block.trim().split('\n');
    return [lines.slice(0, -1).join('\n'), lines.at(-1) ?? ''];
  }

  it('nothing else is to be typed', () => assert.deepEqual(k3s.left(), []));
});
