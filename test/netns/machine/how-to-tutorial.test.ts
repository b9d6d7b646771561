/**
 * docs/tutorial.md, typed as it stands there on three bare machines that systemd has booted, with the real package. kubeadm,
 * which Debian does not have, stands in: it takes the options that the page gives it, asks for the apiserver through
 * the VIP, and leaves the files by which Evergate and kubectl know the cluster. So do the apiservers, and k3s and RKE2.
 */

import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { kubeconfig } from '../../../src/lab/kubeconfig.ts';
import { CLUSTER_VIP, MachineCluster, shape } from '../../kit/machine/cluster.ts';
import { packageInto } from '../../kit/machine/installed.ts';
import { type Machine, whyNoMachines } from '../../kit/machine/machine.ts';
import { Page } from '../../kit/machine/page.ts';
import { hasProgram, whyNoNamespaces } from '../../kit/network.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const CONFIG = '/etc/evergate/evergate.yaml';
/** There while it waits for the apiserver of its machine. */
const WANTED = '/run/kubeadm-waits';
/** Options: https://kubernetes.io/docs/reference/setup-tools/kubeadm/, of which those of the page are known here. */
const KUBEADM = `#!/bin/sh -eu
command=$1; shift
case $command in
init) endpoint=; ;;
join) endpoint=$1; shift ;;
*) echo "unknown command $command" >&2; exit 1 ;;
esac
while [ $# -gt 0 ]; do
  case "$command $1" in
  "init --upload-certs"|"join --control-plane") shift; continue ;;
  "init --control-plane-endpoint") endpoint=$2 ;;
  "init --apiserver-advertise-address"|"join --apiserver-advertise-address") ip -o address show to "$2" | grep -q . ;;
  "join --token"|"join --discovery-token-ca-cert-hash"|"join --certificate-key") ;;
  *) echo "unknown flag: $1" >&2; exit 1 ;;
  esac
  shift 2
done
mkdir -p /etc/kubernetes/pki
cp /root/authority.crt /etc/kubernetes/pki/ca.crt
ask() { curl --silent --fail --max-time 2 --cacert /etc/kubernetes/pki/ca.crt "https://$endpoint/version"; }
# A node that joins asks before it has an apiserver of its own, the first one can only afterwards.
[ $command = init ] || ask
touch ${WANTED}
until ask; do sleep 0.2; done
rm ${WANTED}
cp /root/admin.conf /etc/kubernetes/admin.conf
`;
/** Of https://docs.k3s.io/cli/server and https://docs.rke2.io/reference/server_config, those that the page has. */
const SERVER_KEYS = {
  k3s: ['cluster-init', 'node-ip', 'server', 'tls-san', 'token'],
  RKE2: ['node-ip', 'server', 'tls-san', 'token'],
} as const;
const AUTHORITY = {
  k3s: '/var/lib/rancher/k3s/server/tls/server-ca.crt',
  RKE2: '/var/lib/rancher/rke2/server/tls/server-ca.crt',
} as const;

const missing = ['apt-get', 'curl', 'kubectl', 'nft'].filter((name) => !hasProgram(name));
const skip =
  whyNoNamespaces() ??
  whyNoMachines() ??
  (missing.length > 0 ? `No program ${missing.join(', ')}` : false);

describe('docs/tutorial.md', { skip, timeout: 1_200_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'evergate-tutorial-'));
  const tutorial = new Page('docs/tutorial.md');
  let cluster: MachineCluster;

  before(async () => {
    const opt = join(folder, 'opt');
    await packageInto(join(folder, 'made'));
    mkdirSync(opt);
    cluster = await MachineCluster.boot(folder, opt);
    const conf = kubeconfig(cluster.authorityPem, { vip: `https://${CLUSTER_VIP}:8443` });
    for (const one of cluster.machines) {
      writeFileSync(one.path('/root/authority.crt'), cluster.authorityPem);
      writeFileSync(one.path('/root/admin.conf'), conf);
      writeFileSync(one.path('/usr/local/bin/kubeadm'), KUBEADM, { mode: 0o755 });
      mkdirSync(one.path('/etc/default'), { recursive: true });
    }
    // The page has it lie where its reader is.
    const deb = join(folder, 'made', 'evergate.deb');
    await Promise.all(
      cluster.machines.map((one) => one.node.run('cp', [deb, one.path('/evergate.deb')])),
    );
  });
  after(async () => {
    await cluster?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Lines of a page, whose node may be another one. */
  const forNode = (lines: string, { node }: Machine): string =>
    lines.replaceAll(/192\.168\.1\.9[235]/g, node.address);

  /** Each line that the page shows below a heading is one of these. */
  function shows(heading: string, printed: string): void {
    const shapes = printed.split('\n').map(shape);
    for (const line of tutorial.shown(heading)) {
      const wanted = shape(line).replace('up Nm Ns', 'up Ns');
      assert.ok(
        shapes.some((each) => each.replace(/up Nm Ns/, 'up Ns').includes(wanted)),
        printed,
      );
    }
  }

  it('comes from bare machines to three apiservers behind the VIP', async () => {
    const { machines } = cluster;
    const [first, ...others] = machines;
    assert.ok(first !== undefined);
    await cluster.everywhere(tutorial.sh('1. Install'));
    for (const one of machines) {
      writeFileSync(one.path(CONFIG), tutorial.text('2. Seven lines', 'yaml'));
    }
    const said = await first.sh(tutorial.sh('2. Seven lines'));
    assert.equal(said.code, 0, said.stderr);
    const warnings = `${said.stdout}${said.stderr}`
      .split('\n')
      .filter((line) => /: warning: /.test(line));
    assert.equal(warnings.length, 2, `${said.stdout}${said.stderr}`);
    await cluster.everywhere(tutorial.sh('3. Start it'));
    await cluster.owner();
    shows('3. Start it', (await first.sh('evergate status')).stdout);

    await joins(first, tutorial.sh('4. The first apiserver', 1));
    const nodes = await first.ran(tutorial.sh('4. The first apiserver', 2));
    assert.match(nodes, /^k8s-master /m);
    for (const one of others) {
      const lines = tutorial.sh('5. The other two', 1).trim().split('\n');
      assert.equal(lines.pop(), 'systemctl reload evergate');
      await joins(one, forNode(lines.join('\n'), one));
      await one.ran('systemctl reload evergate');
    }
    const wait = tutorial.sh('5. The other two', 2);
    const all = await Promise.all(machines.map((one) => one.ran(wait)));
    for (const text of all) shows('5. The other two', text);
  });

  /** Its apiserver is there once kubeadm has begun with it, and kubeadm ends well once it answers by the VIP. */
  async function joins(one: Machine, lines: string): Promise<void> {
    const ended = one.sh(lines);
    const waits = waitUntil(`kubeadm of ${one.name} waits`, () => existsSync(one.path(WANTED)));
    await Promise.race([waits, ended]);
    await cluster.startApiserver(one.name);
    const { code, stdout, stderr } = await ended;
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.match(stdout, /"gitVersion"/);
  }

  it('holds when the machine with the VIP goes', async () => {
    const before = await cluster.owner();
    const where = tutorial.sh('6. Does it hold?', 1);
    assert.match(await before.ran(where), /192\.168\.1\.94/);
    const now = await cluster.owner();
    assert.notEqual(now, before);
    shows('6. Does it hold?', await now.ran(tutorial.sh('6. Does it hold?', 2)));
    await before.ran('systemctl start evergate');
    await cluster.allHealthy('evergate');
  });

  for (const name of ['k3s', 'RKE2'] as const) {
    it(`does the same with ${name}`, async () => {
      const heading = `The same with ${name}`;
      await cluster.everywhere('systemctl stop evergate && rm -rf /etc/kubernetes');
      const [yaml, ...configs] = [1, 2, 3].map((nth) => tutorial.text(heading, 'yaml', nth));
      for (const config of configs) {
        const unknown = Object.keys(parse(config)).filter(
          (key) => !(SERVER_KEYS[name] as readonly string[]).includes(key),
        );
        assert.deepEqual(unknown, []);
        assert.deepEqual(parse(config)['tls-san'], [CLUSTER_VIP]);
      }
      const joined = URL.parse(parse(configs[1] ?? '').server);
      assert.equal(joined?.hostname, CLUSTER_VIP);
      if (name === 'RKE2') {
        for (const one of cluster.machines) await cluster.startApiserver(one.name, 9345);
      }
      for (const one of cluster.machines) writeFileSync(one.path(CONFIG), yaml ?? '');
      await cluster.everywhere('systemctl start evergate');
      const asked = cluster.machines.find(({ name: each }) => each !== 'k8s-master');
      const [ask, ...more] = tutorial.sh(heading, 1).trim().split('\n');
      assert.match((await asked?.ran(ask ?? '')) ?? '', /"gitVersion"/);
      for (const line of more) await asked?.ran(line);
      await cluster.allHealthy('evergate');
      // Where servers that join go by the page, an apiserver of the cluster answers.
      await asked?.ran(`curl --silent --insecure --max-time 10 --output /dev/null ${joined?.href}`);

      const check = `check:\n  ca: ${AUTHORITY[name]}\n`;
      if (name === 'k3s') assert.equal(tutorial.text(heading, 'yaml', 4), check);
      else assert.ok(tutorial.lines().some((line) => line.includes(`\`${AUTHORITY[name]}\``)));
      for (const one of cluster.machines) {
        await one.ran(`mkdir -p ${dirname(AUTHORITY[name])}`);
        writeFileSync(one.path(AUTHORITY[name]), cluster.authorityPem);
        appendFileSync(one.path(CONFIG), check);
      }
      await cluster.everywhere(tutorial.sh('The same with k3s', 2));
      await cluster.allHealthy('evergate');
      const notes = await cluster.machines[0]?.ran('evergate status');
      assert.doesNotMatch(notes ?? '', /not verified/);
    });
  }

  it('has no command more', () => assert.deepEqual(tutorial.left(), []));
});
