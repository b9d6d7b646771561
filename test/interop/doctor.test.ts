/**
 * `evergate doctor` on a node: nothing is wrong, and it says so; then a firewall, a certificate, a port and keepalived
 * are in the way, and it names each with what mends it, and changes nothing.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Outcome } from '../../src/doctor/findings.ts';
import type { ApiserverOptions } from '../../src/lab/apiserver/main.ts';
import {
  type Authority,
  createAuthority,
  createServerCertificate,
} from '../../src/lab/certificates.ts';
import { hasProgram, Network, type NetworkNode, whyNoNamespaces } from '../kit/network.ts';
import { waitUntil } from '../kit/wait-until.ts';

const EVERGATE = resolve('bin/evergate');
const APISERVER = resolve('src/lab/apiserver/main.ts');
const ADDRESS = '192.168.1.92';
const VIP = '192.168.1.94';
const skip =
  whyNoNamespaces() ??
  ['nft', 'keepalived']
    .map((name) => (hasProgram(name) ? null : `${name} is missing`))
    .find(Boolean) ??
  false;

const KEEPALIVED = `vrrp_instance VI_1 {
  interface ens192
  state MASTER
  virtual_router_id 94
  priority 200
  virtual_ipaddress { ${VIP}/24 }
}
`;
const RULES = `table inet mine {
  chain input {
    type filter hook input priority 0; policy drop;
    iifname "lo" accept
    udp dport 8445 accept
  }
}
`;
const OTHER = `require('node:net').createServer().listen(8443, '0.0.0.0')`;

describe('evergate doctor', { skip, timeout: 300_000 }, () => {
  let folder = '';
  let network: Network;
  let node: NetworkNode;
  let authority: Authority;
  let guardian: ReturnType<NetworkNode['spawn']>;
  let apiserver: ReturnType<NetworkNode['spawn']>;
  const path = (name: string): string => join(folder, name);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-doctor-'));
    network = await Network.create();
    node = await network.addNode('k8s-master', `${ADDRESS}/24`);
    authority = await createAuthority();
    writeFileSync(path('ca.crt'), authority.pem);
    writeFileSync(path('vrrp.key'), `hex:${'5a'.repeat(32)}\n`, { mode: 0o600 });
    writeFileSync(
      path('evergate.yaml'),
      `vip: ${VIP}/24\nlisten: 8443\ncheck: { ca: ${path('ca.crt')} }\n` +
        `nodes: { k8s-master: ${ADDRESS} }\nvrrp: { key: ${path('vrrp.key')} }\n`,
    );
    await startApiserver([ADDRESS, VIP]);
    const files = ['--config', path('evergate.yaml'), '--run-dir', path('run')];
    guardian = node.spawn(EVERGATE, ['run', ...files, '--no-spare'], { stdio: 'ignore' });
  });
  after(async () => {
    if (guardian?.exitCode === null) {
      guardian.kill('SIGTERM');
      await once(guardian, 'exit');
    }
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function startApiserver(names: readonly string[]): Promise<void> {
    const made = await createServerCertificate(authority, names);
    const [certificateFile, keyFile] = [path('apiserver.crt'), path('apiserver.key')];
    writeFileSync(certificateFile, made.certificatePem);
    writeFileSync(keyFile, made.keyPem, { mode: 0o600 });
    const is = { node: node.name, nodes: [node.name], host: '0.0.0.0', port: 6443 };
    const options: ApiserverOptions = { ...is, certificateFile, keyFile };
    apiserver = node.spawn(process.execPath, [APISERVER, JSON.stringify(options)]);
    await listens(6443);
  }

  async function listens(port: number): Promise<void> {
    const isThere = async () => (await node.run('ss', ['-Hlnt'])).stdout.includes(`:${port} `);
    await waitUntil(`somebody listens on ${port}`, isThere, 50);
  }

  async function doctor(): Promise<{
    readonly code: number;
    readonly outcomes: readonly Outcome[];
  }> {
    const files = ['--config', path('evergate.yaml'), '--run-dir', path('run')];
    const { code, stdout, stderr } = await node.run(EVERGATE, ['doctor', '--json', ...files]);
    assert.equal(stderr, '');
    return { code, outcomes: JSON.parse(stdout) };
  }

  /** Until it finds these and no others; a busy machine may take long to answer. */
  async function finds(...codes: readonly string[]) {
    let last: readonly Outcome[] = [];
    const looked = async () => {
      const { code, outcomes } = await doctor();
      last = outcomes;
      const found = outcomes.flatMap(({ findings }) => findings);
      const same =
        found
          .map((each) => each.code)
          .toSorted()
          .join() === codes.toSorted().join();
      return same ? { code, found } : null;
    };
    try {
      return await waitUntil(`it finds ${codes.join(', ') || 'nothing'}`, looked, 200);
    } catch (error) {
      assert.fail(`${error}: ${JSON.stringify(last, null, 1)}`);
    }
  }

  it('finds nothing on a node on which all is well', async () => {
    const { code } = await finds();
    assert.equal(code, 0);
    const files = ['--config', path('evergate.yaml'), '--run-dir', path('run')];
    const text = (await node.run(EVERGATE, ['doctor', ...files])).stdout;
    assert.match(text, /^ok {7}ports: the ports of the configuration are ours/m);
  });

  it('names what a firewall stops, and a certificate without the VIP', async () => {
    apiserver.kill('SIGKILL');
    await once(apiserver, 'exit');
    await startApiserver([ADDRESS]);
    writeFileSync(path('rules'), RULES);
    assert.equal((await node.run('nft', ['-f', path('rules')])).code, 0);
    const before = (await node.run('nft', ['list', 'ruleset'])).stdout;
    const stopped = ['firewall-stops-vrrp', 'firewall-stops-clients'];
    const { code, found } = await finds('certificate-lacks-name', ...stopped);
    assert.equal(code, 2);
    const fixes = found.map(({ fix }) => fix);
    assert.match(
      fixes.join('\n'),
      /kubeadm init phase certs .*--apiserver-cert-extra-sans 192\.168\.1\.94/,
    );
    assert.equal((await node.run('nft', ['list', 'ruleset'])).stdout, before);
    // What it says mends it.
    for (const fix of fixes.filter((each) => each.startsWith('nft '))) {
      assert.equal((await node.run('sh', ['-c', fix])).code, 0, fix);
    }
    await finds('certificate-lacks-name');
  });

  it('told to kill the balancer and to take the VIP away where the guardian hung', async () => {
    const pid = Number(readFileSync(path('run/guardian.pid'), 'utf8'));
    process.kill(pid, 'SIGSTOP');
    try {
      const { code, found } = await finds('not-answering', 'certificate-lacks-name');
      assert.equal(code, 2);
      assert.match(found[0]?.what ?? '', /does not answer within 3000 ms/);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  });

  it('names who has the port and the VIP while it does not run', async () => {
    guardian.kill('SIGTERM');
    await once(guardian, 'exit');
    const other = node.spawn(process.execPath, ['-e', OTHER]);
    await listens(8443);
    // The kernel names a process after its file.
    symlinkSync('/bin/sleep', path('kubelet'));
    node.spawn(path('kubelet'), ['300']);
    const setting = '/proc/sys/net/ipv4/conf/all/arp_ignore';
    assert.equal((await node.run('sh', ['-c', `echo 8 >${setting}`])).code, 0);
    writeFileSync(path('keepalived.conf'), KEEPALIVED);
    const pids = ['-p', path('keepalived.pid'), '-r', path('vrrp.pid'), '-c', path('checkers.pid')];
    const keepalived = node.spawn('keepalived', [
      '-n',
      '-l',
      '-P',
      '-f',
      path('keepalived.conf'),
      ...pids,
    ]);
    try {
      await waitUntil('keepalived holds the VIP', () => node.holds(VIP), 50);
      const { code, found } = await finds(
        'not-running',
        'port-taken',
        'vip-held-by-other',
        'other-vip-daemon',
        'kubelet-chooses-address',
        'arp-never-answered',
        'certificate-lacks-name',
      );
      assert.equal(code, 2);
      const said = found.map(({ what, fix }) => `${what}: ${fix}`).join('\n');
      assert.match(
        said,
        new RegExp(`TCP port 8443 .* is taken by "[^"]*createServer.*kill ${other.pid}`),
      );
      assert.match(said, /The VIP 192\.168\.1\.94 is on "ens192".*"keepalived" runs/);
      assert.match(
        said,
        /systemctl disable --now keepalived && ip address del 192\.168\.1\.94\/\d+ dev ens192/,
      );
      assert.match(said, /--node-ip=192\.168\.1\.92/);
      assert.ok(await node.holds(VIP));
    } finally {
      keepalived.kill('SIGTERM');
      await once(keepalived, 'exit');
    }
  });
});
