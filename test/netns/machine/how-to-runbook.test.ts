/**
 * docs/runbook.md, typed as it stands there on three booted machines, each page in the trouble that it is about: the VIP
 * moves, two nodes do not hear each other, an apiserver ends, all power is cut. What commands print is held against what
 * the page shows.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CLUSTER_VIP, MachineCluster, shape } from '../../kit/machine/cluster.ts';
import { installInto } from '../../kit/machine/installed.ts';
import { type Machine, whyNoMachines } from '../../kit/machine/machine.ts';
import { Page } from '../../kit/machine/page.ts';
import { hasProgram, whyNoNamespaces } from '../../kit/network.ts';
import { waitUntil } from '../../kit/wait-until.ts';

/** The intervals let a busy machine keep the VIP where it is. */
const YAML = `vip: ${CLUSTER_VIP}/24
listen: 8443
nodes:
  k8s-master: 192.168.1.92
  k8s-node1: 192.168.1.93
  k8s-node2: 192.168.1.95
vrrp: { interval: 1500ms, key: /etc/evergate/vrrp.key }
check: { ca: /etc/evergate/ca.crt }
`;
/** A firewall that lets everything through but what the election says. */
const DEAF = `nft add table inet filter
nft add chain inet filter input '{ type filter hook input priority 0; policy accept; }'
nft add rule inet filter input meta l4proto 112 drop
`;
const RED = 'k8s-node2';

const missing = ['nft', 'curl'].filter((name) => !hasProgram(name));
const skip =
  whyNoNamespaces() ??
  whyNoMachines() ??
  (missing.length > 0 ? `No program ${missing.join(', ')}` : false);

describe('docs/runbook.md', { skip, timeout: 1_200_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'evergate-runbook-'));
  const runbook = new Page('docs/runbook.md');
  let cluster: MachineCluster;

  before(async () => {
    const opt = join(folder, 'opt');
    await installInto(join(opt, 'evergate'));
    cluster = await MachineCluster.boot(folder, opt);
    for (const one of cluster.machines) cluster.configure(one, YAML);
    await cluster.startApiservers();
    await cluster.everywhere(
      'cp examples/evergate.service /etc/systemd/system/ && systemctl daemon-reload && systemctl enable --now evergate',
    );
    await cluster.allHealthy();
  });
  after(async () => {
    await cluster?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What the page shows below a heading, one line after the other, of what these printed. */
  function shows(heading: string, printed: readonly string[]): void {
    const shapes = printed.flatMap((text) => text.split('\n')).map(shape);
    for (const line of runbook.shown(heading)) {
      const found = shapes.some((each) => each.includes(shape(line)));
      assert.ok(found, `"${line}" is not in\n${printed.join('\n')}`);
    }
  }

  /** Its output, whatever its exit code is. */
  const typed = async (one: Machine, lines: string): Promise<string> => {
    const { stdout, stderr } = await one.sh(lines);
    return stdout + stderr;
  };

  const another = (than: Machine): Machine => {
    const found = cluster.machines.find((each) => each !== than);
    assert.ok(found !== undefined);
    return found;
  };

  it('begins with a healthy node, and so do the pages of daylight', async () => {
    const vip = await cluster.owner();
    shows('First', [await vip.ran(runbook.sh('First'))]);
    shows('Certificates', [await typed(vip, runbook.sh('Certificates'))]);
    // What it says of a node that has gone wrong with an upgrade: its VIP is served elsewhere.
    await vip.ran(runbook.sh('Upgrade'));
    assert.notEqual(await cluster.owner(), vip);
    const { code, stderr } = await vip.sh(runbook.sh('First'));
    assert.deepEqual([code, /not running/.test(stderr)], [2, true]);
    await vip.ran('systemctl enable --now evergate');
    await cluster.allHealthy();
  });

  it('says why the VIP has moved', async () => {
    const heading = 'The VIP has moved';
    const before = await cluster.owner();
    await before.ran('bin/evergate drain node');
    const now = await cluster.owner();
    assert.notEqual(now, before);
    const printed: string[] = [];
    for (const one of cluster.machines) {
      printed.push(
        await one.ran(runbook.sh(heading, 1)),
        await typed(one, runbook.sh(heading, 2)),
        await typed(one, runbook.sh(heading, 3)),
      );
    }
    shows(heading, printed);
    await before.ran(runbook.sh(heading, 4));
    await cluster.allHealthy();
  });

  it('ends two owners', async () => {
    const heading = 'Two owners';
    const vip = await cluster.owner();
    const other = another(vip);
    const deaf = [vip, other];
    const third = cluster.machines.find((one) => !deaf.includes(one));
    assert.ok(third !== undefined);
    const twice = async (): Promise<readonly string[]> => {
      for (const one of deaf) await one.ran(DEAF);
      return await waitUntil(
        'both have it, and know',
        async () => {
          if ((await cluster.network.owners(CLUSTER_VIP)).length !== 2) return null;
          const texts = await Promise.all(deaf.map((one) => typed(one, runbook.sh(heading, 1))));
          return texts.every((text) => text.includes(`claims ${CLUSTER_VIP}, too`)) ? texts : null;
        },
        200,
      );
    };
    const printed = [...(await twice()), await typed(vip, runbook.sh(heading, 3))];
    for (const one of deaf) printed.push(await one.ran(runbook.sh(heading, 2)));
    assert.equal(await third.ran(runbook.sh(heading, 2)), '');
    const neighbour = await third.ran(runbook.sh(heading, 6));
    printed.push(neighbour.replace(/ (STALE|DELAY)\b/, ' REACHABLE'));
    shows(heading, printed);
    for (const one of deaf) await one.ran(runbook.sh(heading, 4));
    await cluster.owner();

    // The other way: one of them is stopped, and its apiserver has clients still.
    for (const one of deaf) await one.ran('nft delete table inet filter');
    await twice();
    await other.ran(runbook.sh(heading, 5));
    assert.equal(await cluster.owner(), vip);
    assert.match(await typed(vip, 'bin/evergate status'), /3 of 3 servers usable/);
    for (const one of deaf) await one.ran('nft delete table inet filter');
    await other.ran('systemctl start evergate');
    await cluster.allHealthy();
  });

  it('tells why an apiserver is red', async () => {
    const heading = 'An apiserver is red';
    const vip = await cluster.owner();
    cluster.killApiserver(RED);
    const told = await waitUntil(
      'it is down',
      async () => {
        const text = await typed(vip, runbook.sh(heading, 1));
        return / down +L4CON /.test(text) ? text : null;
      },
      200,
    );
    const itself = await vip.ran(runbook.sh(heading, 2));
    shows(heading, [told, `${itself}\n`]);
    await cluster.startApiserver(RED);
    const [out, back] = runbook.sh(heading, 3).trim().split('\n');
    await vip.ran(out ?? '');
    assert.match(await typed(vip, 'bin/evergate status'), /k8s-node2 .* maint /);
    await vip.ran(back ?? '');
    await cluster.allHealthy();
  });

  it('waits for apiservers after a power cut', async () => {
    const heading = 'After a power cut';
    for (const { name } of cluster.machines) cluster.killApiserver(name);
    await Promise.all(cluster.machines.map((machine) => machine.powerCycle()));
    // What a machine does by itself; those of a test stop before the services of their packages.
    await cluster.everywhere('systemctl start multi-user.target');
    const vip = await cluster.owner();
    const printed = [await vip.ran(runbook.sh(heading, 1))];
    printed.push(
      await waitUntil(
        'it runs, and is down',
        async () => {
          const { code, stdout } = await vip.sh(runbook.sh(heading, 2));
          return code === 2 && stdout.includes('no usable server') ? stdout : null;
        },
        200,
      ),
    );
    await cluster.startApiservers();
    const waits = await Promise.all(cluster.machines.map((one) => one.ran(runbook.sh(heading, 3))));
    shows(heading, [...printed, ...waits]);
    assert.deepEqual(runbook.left(), []);
  });
});
