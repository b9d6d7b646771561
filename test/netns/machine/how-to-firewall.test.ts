/**
 * docs/how-to/firewall.md, typed as it stands there on two booted machines whose firewalls let nothing in: what status
 * says without the rules, and that with those of nftables, iptables or firewalld the nodes hear each other, reach each
 * other's apiserver, and answer each other.
 */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { StatusReport } from '../../../src/stats/status.ts';
import { installInto } from '../../kit/machine/installed.ts';
import { Machine, whyNoMachines } from '../../kit/machine/machine.ts';
import { Page } from '../../kit/machine/page.ts';
import { hasProgram, Network, whyNoNamespaces } from '../../kit/network.ts';
import { lookAtStatus } from '../../kit/status.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const VIP = '192.168.1.94';
const NODES = { 'k8s-master': 92, 'k8s-node1': 93 };
const lines = Object.entries(NODES).map(([name, last]) => `  ${name}: 192.168.1.${last}\n`);
const CONFIG = `vip: ${VIP}/24
listen: 8443
nodes:
${lines.join('')}check: { type: tcp }
vrrp: { interval: 500ms, key: /etc/evergate/vrrp.key }
balancer: { spare: false, threads: 1 }
`;
const SERVER = `require('node:net').createServer((s) => s.on('error', () => {}).end()).listen(6443)`;
/** Connections of TCP are tracked; what else is tracked would hide that VRRP is refused. */
const NFT_BASE = `flush ruleset
table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    iif lo accept
    meta l4proto tcp ct state established accept
  }
}
`;
const IPTABLES_BASE = `iptables -P INPUT DROP
iptables -A INPUT -i lo -j ACCEPT
iptables -A INPUT -p tcp -m state --state ESTABLISHED -j ACCEPT
`;

const missing = ['nft', 'iptables', 'firewall-cmd', 'conntrack'].filter(
  (each) => !hasProgram(each),
);
const skip =
  whyNoNamespaces() ??
  whyNoMachines() ??
  (missing.length > 0 ? `No program ${missing.join(', ')}` : false);

describe('docs/how-to/firewall.md', { skip, timeout: 1_200_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'evergate-firewall-'));
  const page = new Page('docs/how-to/firewall.md');
  let network: Network;
  let machines: readonly Machine[] = [];

  before(async () => {
    await installInto(join(folder, 'evergate'));
    network = await Network.create();
    for (const [name, last] of Object.entries(NODES)) {
      const node = await network.addNode(name, `192.168.1.${last}/24`);
      node.spawn(process.execPath, ['-e', SERVER], { stdio: 'ignore' });
    }
    machines = await Promise.all(network.nodes.map((node) => Machine.boot(node, folder)));
    const secret = `hex:${randomBytes(32).toString('hex')}\n`;
    for (const one of machines) {
      mkdirSync(one.path('/etc/evergate'));
      writeFileSync(one.path('/etc/evergate/evergate.yaml'), CONFIG);
      writeFileSync(one.path('/etc/evergate/vrrp.key'), secret, { mode: 0o600 });
      await one.ran('cp examples/evergate.service /etc/systemd/system/ && systemctl daemon-reload');
    }
  });
  after(async () => {
    await Promise.all(machines.map((machine) => machine.close()));
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const everywhere = (script: string) => Promise.all(machines.map((one) => one.ran(script)));
  /** Of those that answer. */
  const reports = async (): Promise<readonly StatusReport[]> => {
    const all = await Promise.all(machines.map((one) => lookAtStatus(one.path('/run/evergate'))));
    return all.filter((each) => each !== null);
  };

  /** Nodes that have heard and sent nothing yet, behind a firewall. */
  async function startBehind(firewall: string): Promise<void> {
    await everywhere('systemctl stop evergate');
    await everywhere(`nft flush ruleset\n${firewall}`);
    await everywhere('conntrack -F 2>/dev/null');
    await everywhere('systemctl start evergate');
  }

  /** They agree, reach each other, and answer each other. */
  async function isThrough(): Promise<void> {
    await waitUntil(
      'both nodes are well, and one has the VIP',
      async () => {
        const all = await reports();
        const states = all.map(({ vrrp }) => vrrp[0]?.state).toSorted();
        return (
          states.join() === 'backup,master' && all.every(({ verdict }) => verdict === 'healthy')
        );
      },
      200,
    ).catch(async (error) => {
      throw new Error(`${error}\n${(await reports()).map(({ reasons }) => reasons).join('\n')}`);
    });
    const [grows, servers] = [page.sh('Is it through?', 1), page.sh('Is it through?', 2)];
    for (const one of machines) {
      assert.match(await one.ran(grows), /\d+ sent, \d+ received/);
      assert.match(await one.ran(servers), /2 of 2 servers usable/);
    }
    const [first] = machines;
    const told =
      (await first?.ran('bin/evergate drain k8s-node1 && bin/evergate ready k8s-node1')) ?? '';
    for (const name of Object.keys(NODES)) {
      assert.equal(told.match(new RegExp(`^ +${name} +done$`, 'gm'))?.length, 2, told);
    }
  }

  it('status says what is wrong without rules, and nftables puts it right', async () => {
    writeFileSync(join(folder, 'base.nft'), NFT_BASE);
    await startBehind('nft -f /opt/base.nft');
    await waitUntil(
      'both are master, and know',
      async () => {
        const all = await reports();
        const doubts = all.filter(({ reasons }) =>
          /is master, but [\da-f:]+ claims 192\.168\.1\.94, too/.test(reasons.join()),
        );
        const timeouts = all.filter(({ reasons }) =>
          /Server .* is down: Layer4 timeout/.test(reasons.join()),
        );
        if (timeouts.length < 2) return false;
        return doubts.length === 2;
      },
      1000,
    );
    await everywhere(page.sh('nftables'));
    await isThrough();
  });

  it('iptables lets it through', async () => {
    await startBehind(IPTABLES_BASE + page.sh('iptables'));
    await isThrough();
  });

  it('firewalld lets it through', async () => {
    await startBehind(`systemctl start dbus firewalld\n${page.sh('firewalld')}`);
    await isThrough();
    assert.deepEqual(page.left(), []);
  });
});
