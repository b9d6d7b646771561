/**
 * The package's unit on a booted machine with haproxy.cfg and keepalived.conf, by the drop-in of docs/install.md: the
 * article's files as they are, then files that name other accounts, which the unit gives nothing without its lines.
 */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { packageInto } from '../../kit/machine/installed.ts';
import { Machine, whyNoMachines } from '../../kit/machine/machine.ts';
import { Page } from '../../kit/machine/page.ts';
import { hasProgram, Network, whyNoNamespaces } from '../../kit/network.ts';
import { lookAtStatus } from '../../kit/status.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const VIP = '192.168.1.94';
const HAPROXY = '/etc/haproxy/haproxy.cfg';
const KEEPALIVED = '/etc/keepalived/keepalived.conf';
const DROP_IN = '/etc/systemd/system/evergate.service.d/override.conf';
const PROGRAMS = ['haproxy', 'openssl', 'dpkg', 'socat'];

/** Of an account "ops": sockets, the key of a check, a pipe and a script. */
const OTHERS_HAPROXY = `global
    user haproxy
    group haproxy
    stats socket /run/haproxy/admin.sock mode 660 level admin user ops group adm
defaults
    mode tcp
    timeout connect 10s
    timeout client 1h
    timeout server 1h
frontend kube-api
    bind 0.0.0.0:8443
    bind unix@/run/haproxy/api.sock user ops group ops mode 600
    default_backend kube-master
backend kube-master
    option httpchk GET /readyz
    server k8s-master 192.168.1.92:6443 check check-ssl verify none crt /etc/haproxy/client.pem
`;
const OTHERS_KEEPALIVED = `global_defs {
    script_user ops
    enable_script_security
    vrrp_notify_fifo /run/keepalived/fifo
}
vrrp_instance VI_1 {
    interface ens192
    virtual_router_id 51
    advert_int 0.1
    version 3
    virtual_ipaddress { ${VIP}/24 }
    notify /usr/local/bin/tell
}
`;
/** It says by which account it runs. */
const SCRIPT = '#!/bin/sh\necho "$(id -un) $*" >>/run/keepalived/said\n';
const ACCOUNTS = `
useradd --system ops
mkdir -p /run/keepalived
chown ops /run/keepalived
cd /etc/haproxy
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=ops -keyout key -out cert 2>/dev/null
cat key cert >client.pem
chown ops client.pem
chmod 400 client.pem
rm key cert
`;

const missing = PROGRAMS.find((program) => !hasProgram(program));
const skip =
  whyNoNamespaces() ??
  whyNoMachines() ??
  (missing === undefined ? false : `The program "${missing}" is missing`);

describe('The unit with haproxy.cfg and keepalived.conf', { skip, timeout: 600_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'evergate-old-files-'));
  const dropIn = new Page('docs/install.md').text('With haproxy.cfg', 'ini');
  let network: Network;
  let machine: Machine;

  before(async () => {
    await packageInto(folder);
    network = await Network.create();
    const node = await network.addNode('k8s-master', '192.168.1.92/24');
    mkdirSync(join(folder, 'opt'));
    machine = await Machine.boot(node, join(folder, 'opt'));
    await node.run('cp', [join(folder, 'evergate.deb'), machine.path('/evergate.deb')]);
    await machine.ran('dpkg --install /evergate.deb');
  });
  after(async () => {
    await machine?.close();
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function write(haproxy: string, keepalived: string): Promise<void> {
    await machine.ran(`mkdir -p /etc/haproxy /etc/keepalived ${DROP_IN.replace(/\/[^/]*$/, '')}`);
    writeFileSync(machine.path(HAPROXY), haproxy);
    writeFileSync(machine.path(KEEPALIVED), keepalived);
  }

  /** As `systemctl edit` does it. */
  async function edit(lines: string): Promise<void> {
    writeFileSync(machine.path(DROP_IN), lines);
    await machine.ran('systemctl daemon-reload');
  }

  /** With this drop-in: the first line of the log that says so, and nothing is left running. */
  async function refused(lines: string, says: RegExp): Promise<void> {
    await edit(lines);
    await machine.sh('systemctl start evergate');
    await waitUntil(`the log says ${says}`, async () =>
      says.test(await machine.ran('journalctl --no-pager --unit evergate --since -2min')),
    );
    await machine.ran('systemctl stop evergate');
    assert.deepEqual(await network.owners(VIP), []);
  }

  /** Until the node has the VIP and balances. */
  async function serves(): Promise<void> {
    await machine.ran('systemctl start evergate');
    await waitUntil('the node has the VIP', async () => {
      const report = await lookAtStatus(machine.path('/run/evergate'));
      return report?.vrrp[0]?.state === 'master' && report.balancer?.state === 'serving';
    });
    assert.deepEqual(await network.owners(VIP), ['k8s-master']);
  }

  async function stops(): Promise<void> {
    await machine.ran('systemctl stop evergate');
    assert.deepEqual(await network.owners(VIP), []);
    const sockets = 'find /run/haproxy /var/lib/haproxy -name "*.sock" -o -name stats';
    assert.equal(await machine.ran(sockets), '', 'a socket is left');
  }

  it('runs the article’s files by the drop-in, as the account that they name', async () => {
    const article = (name: string) => readFileSync(`examples/article/${name}`, 'utf8');
    await write(article('haproxy.cfg'), article('keepalived.k8s-master.conf'));
    await refused(
      dropIn.replace(/^ReadWritePaths=.*$/m, ''),
      /\/var\/lib\/haproxy\/stats.*read-only/,
    );
    await edit(dropIn);
    await serves();
    const account = 'ps -o user= -p "$(cat /run/evergate/balancer.pid)"';
    assert.equal((await machine.ran(account)).trim(), 'haproxy');
    const asked = await machine.ran('echo "show info" | socat - /var/lib/haproxy/stats');
    assert.match(asked, /^Name: /m);
    await machine.ran('systemctl reload evergate');
    await serves();
    await stops();
  });

  it('opens sockets and a pipe for other accounts, and reads their keys, by the lines for them', async () => {
    await write(OTHERS_HAPROXY, OTHERS_KEEPALIVED);
    await machine.ran(ACCOUNTS);
    writeFileSync(machine.path('/usr/local/bin/tell'), SCRIPT, { mode: 0o755 });
    const bare = dropIn.replace(/^CapabilityBoundingSet=.*$/m, '');
    await refused(bare, /client\.pem.*may not be read/);
    writeFileSync(machine.path(HAPROXY), OTHERS_HAPROXY.replace(/ crt .*/, ''));
    await refused(
      bare,
      /api\.sock.*permission denied.*"CAP_DAC_OVERRIDE" in "CapabilityBoundingSet"/,
    );
    writeFileSync(machine.path(HAPROXY), OTHERS_HAPROXY);
    await edit(dropIn);
    await serves();
    const files = '/run/haproxy/admin.sock /run/haproxy/api.sock /run/keepalived/fifo';
    assert.deepEqual((await machine.ran(`stat -c "%A %U %G" ${files}`)).trim().split('\n'), [
      'srw-rw---- ops adm',
      'srw------- ops ops',
      'prw------- ops ops',
    ]);
    await waitUntil('the script has run as its account', async () =>
      (await machine.ran('cat /run/keepalived/said')).includes('ops INSTANCE VI_1 MASTER'),
    );
    await stops();
  });
});
