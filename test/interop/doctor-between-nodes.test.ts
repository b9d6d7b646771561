/**
 * `evergate doctor` on one of two nodes: what is wrong between them, and what on this one only the VIP's clients would notice. Each
 * is found, and gone once it is mended as the finding says.
 */

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Finding, FindingCode, Outcome } from '../../src/doctor/findings.ts';
import type { ApiserverOptions } from '../../src/lab/apiserver/main.ts';
import { createAuthority, createServerCertificate } from '../../src/lab/certificates.ts';
import { Network, type NetworkNode, NODE_INTERFACE, whyNoNamespaces } from '../kit/network.ts';
import { SettableClock, whyNoFakeTime } from '../kit/set-clock.ts';
import { lookAtStatus } from '../kit/status.ts';
import { waitUntil } from '../kit/wait-until.ts';

const EVERGATE = resolve('bin/evergate');
const APISERVER = resolve('src/lab/apiserver/main.ts');
const VIP = '192.168.1.94';
const NODES = { one: 92, two: 93 } as const;
const skip = whyNoNamespaces() ?? whyNoFakeTime() ?? false;

describe('evergate doctor between nodes', { skip, timeout: 600_000 }, () => {
  let folder = '';
  let network: Network;
  let one: NetworkNode;
  let two: NetworkNode;
  const clock = new SettableClock('doctor');
  const running: ChildProcess[] = [];
  const path = (...names: readonly string[]): string => join(folder, ...names);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-doctor-two-'));
    network = await Network.create();
    const authority = await createAuthority();
    writeFileSync(path('ca.crt'), authority.pem);
    writeFileSync(path('vrrp.key'), `hex:${'5a'.repeat(32)}\n`, { mode: 0o600 });
    for (const [name, last] of Object.entries(NODES)) {
      const node = await network.addNode(name, `192.168.1.${last}/24`);
      mkdirSync(path(name));
      const made = await createServerCertificate(authority, [node.address, VIP]);
      writeFileSync(path(`${name}.crt`), made.certificatePem);
      writeFileSync(path(`${name}.key`), made.keyPem, { mode: 0o600 });
    }
    const [first, second] = network.nodes;
    assert.ok(first !== undefined && second !== undefined);
    [one, two] = [first, second];
  });
  after(async () => {
    await stopAll();
    network?.close();
    clock.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function stopAll(): Promise<void> {
    for (const child of running.splice(0)) {
      if (child.exitCode !== null) continue;
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  }

  /** Both nodes, the first one master; the second has a clock of its own. */
  async function startAll(keyed: boolean): Promise<void> {
    const nodes = Object.entries(NODES).map(([name, last]) => `  ${name}: 192.168.1.${last}\n`);
    const key = keyed ? `, key: ${path('vrrp.key')}` : '';
    const yaml =
      `vip: ${VIP}/24\nlisten: 8443\ncheck: { ca: ${path('ca.crt')} }\nnodes:\n${nodes.join('')}` +
      `vrrp: { interval: 1500ms${key} }\nbalancer: { spare: false, threads: 1 }\n`;
    writeFileSync(path('evergate.yaml'), yaml);
    for (const node of [one, two]) {
      const files = ['--config', path('evergate.yaml'), '--run-dir', path(node.name)];
      const through = node === two ? clock.through : ['env'];
      const options: ApiserverOptions = {
        ...{ node: node.name, nodes: Object.keys(NODES), host: '0.0.0.0', port: 6443 },
        ...{ certificateFile: path(`${node.name}.crt`), keyFile: path(`${node.name}.key`) },
      };
      const [command = '', ...words] = through;
      const api = [process.execPath, APISERVER, JSON.stringify(options)];
      running.push(
        node.spawn(command, [...words, ...api], { stdio: 'ignore' }),
        node.spawn(command, [...words, EVERGATE, 'run', ...files], { stdio: 'ignore' }),
      );
      await waitUntil(
        `${node.name} takes part`,
        async () => {
          const status = await lookAtStatus(path(node.name));
          return status?.vrrp.some(({ state }) => state === (node === one ? 'master' : 'backup'));
        },
        100,
      );
    }
  }

  async function look(): Promise<readonly Finding[]> {
    const files = ['--config', path('evergate.yaml'), '--run-dir', path('one')];
    const { stdout } = await one.run(EVERGATE, ['doctor', '--json', ...files]);
    return (JSON.parse(stdout) as readonly Outcome[]).flatMap(({ findings }) => findings);
  }

  /** Until it has such a finding. */
  const finds = (code: FindingCode): Promise<Finding> =>
    waitUntil(
      `${code} is found`,
      async () => (await look()).find((each) => each.code === code),
      200,
    );

  const lost = (code: FindingCode): Promise<true> =>
    waitUntil(
      `${code} is gone`,
      async () => (await look()).every((each) => each.code !== code) || null,
      200,
    );

  it('finds a clock that is off by what the nodes tell each other', async () => {
    clock.set(1);
    await startAll(true);
    const found = await finds('clock-differs');
    assert.match(found.what, /^The clock of "two" is 3(59|60)\d s ahead of the one here$/);
    clock.set(0);
    await lost('clock-differs');
    assert.ok((await look()).every(({ code }) => code !== 'clock-unknown'));
  });

  it('says whom it has never heard, until that node was master', async () => {
    const { what } = await finds('peer-never-heard');
    assert.match(what, /has never heard 192\.168\.1\.93$/);
    const drained = await one.run(EVERGATE, ['drain', 'node', '--run-dir', path('one')]);
    assert.equal(drained.code, 0, drained.stderr);
    await lost('peer-never-heard');
    await stopAll();
  });

  it('finds the clock without a key by what its apiserver says', async () => {
    clock.set(-1);
    await startAll(false);
    const { what } = await finds('clock-differs');
    assert.match(what, /^The clock of "two" is 3(59|60)\d s behind the one here$/);
    clock.set(0);
    await lost('clock-differs');
    await two.ip('link', 'set', NODE_INTERFACE, 'down');
    assert.match(
      (await finds('clock-unknown')).what,
      /^The time of "two" is not known: without a key/,
    );
    await two.ip('link', 'set', NODE_INTERFACE, 'up');
    await lost('clock-unknown');
  });

  it('finds a filter of ways back that drops clients of other networks', async () => {
    await one.ip('link', 'add', 'ens224', 'type', 'bridge');
    await one.ip('addr', 'add', '10.9.0.2/24', 'dev', 'ens224');
    await one.ip('link', 'set', 'ens224', 'up');
    await one.ip('route', 'add', 'default', 'via', '10.9.0.1');
    const strict = `sysctl -qw net.ipv4.conf.${NODE_INTERFACE}.rp_filter=1`;
    assert.equal((await one.run('sh', ['-c', strict])).code, 0);
    const { what, fix } = await finds('reverse-path-strict');
    assert.match(what, /strict on "ens192", .* leaves by "ens224"$/);
    assert.equal((await one.run('sh', ['-c', fix])).code, 0);
    await lost('reverse-path-strict');
  });

  it("finds what kube-proxy and kubelet would do with the VIP, and a Service's hold of it", async () => {
    await one.ip('link', 'add', 'kube-ipvs0', 'type', 'bridge');
    await one.ip('addr', 'add', '10.96.0.1/32', 'dev', 'kube-ipvs0');
    await finds('strict-arp-off');
    // What kube-proxy does with strictARP.
    assert.equal((await one.run('sysctl', ['-qw', 'net.ipv4.conf.all.arp_ignore=1'])).code, 0);
    await lost('strict-arp-off');
    await one.ip('addr', 'add', `${VIP}/32`, 'dev', 'kube-ipvs0');
    assert.match((await finds('vip-held-by-other')).what, /on "kube-ipvs0": a Service has it/);
    await one.ip('addr', 'del', `${VIP}/32`, 'dev', 'kube-ipvs0');
    await lost('vip-held-by-other');

    // The kernel names a process after its file; sh(1) takes its words.
    symlinkSync('/bin/sh', path('kubelet'));
    const kubelet = (...words: readonly string[]) =>
      one.spawn(path('kubelet'), ['-c', 'read -r line', ...words], {
        stdio: ['pipe', 'ignore', 'ignore'],
      });
    const chooses = kubelet();
    const fix = (await finds('kubelet-chooses-address')).fix;
    chooses.kill('SIGKILL');
    const flag = /--node-ip=\S+/.exec(fix)?.[0] ?? '';
    kubelet(flag);
    await lost('kubelet-chooses-address');
    const takes = kubelet(`--node-ip=${VIP}`);
    await finds('kubelet-takes-vip');
    takes.kill('SIGKILL');
    await lost('kubelet-takes-vip');
  });
});
