/**
 * The kernel ends each process of a node for want of memory, in a memory cgroup of its own: who balances is followed,
 * the VIP stays, and where the guardian is ended it goes, because nobody follows here.
 */

import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { childIn } from '../../../src/guardian/run-dir.ts';
import { AddressWatch } from '../../kit/address-watch.ts';
import { Network, type NetworkNode, NODE_INTERFACE, whyNoNamespaces } from '../../kit/network.ts';
import { lookAtStatus } from '../../kit/status.ts';
import { judged } from '../../kit/time-verdict.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const VIP = '10.99.0.100';
const GROUPS = [
  { folder: '/sys/fs/cgroup/memory', limit: 'memory.limit_in_bytes' },
  { folder: '/sys/fs/cgroup', limit: 'memory.max' },
] as const;
const GROUP_NAME = `evergate-test-${process.pid}`;
/** What it has already is not counted; this is less than any process asks for next. */
const LIMIT_BYTES = 65_536;

const HAPROXY = `defaults
    mode tcp
    timeout connect 1s
    timeout client 1h
    timeout server 1h
listen kube-api
    bind :8443
    server one 127.0.0.1:6443 check
`;
const KEEPALIVED = `vrrp_instance VI_1 {
    state BACKUP
    interface ${NODE_INTERFACE}
    virtual_router_id 51
    version 3
    advert_int 0.1
    virtual_ipaddress { ${VIP}/24 }
}
`;

type Group = (typeof GROUPS)[number];

/** The kind of memory cgroup that this machine lets us make; null: none. */
function groupHere(): Group | null {
  return (
    GROUPS.find(({ folder, limit }) => {
      const made = join(folder, GROUP_NAME);
      try {
        mkdirSync(made);
        const counts = existsSync(join(made, limit));
        rmdirSync(made);
        return counts;
      } catch {
        return false;
      }
    }) ?? null
  );
}

const group = groupHere();
const skip =
  whyNoNamespaces() ?? (group === null ? 'No memory cgroup can be made on this machine' : false);

describe('A process that the kernel ends for want of memory', { skip, timeout: 300_000 }, () => {
  let folder = '';
  let network: Network;
  let node: NetworkNode;
  let watch: AddressWatch;
  const made = join(group?.folder ?? '', GROUP_NAME);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-oom-'));
    network = await Network.create();
    node = await network.addNode('k8s-master', '10.99.0.1/24');
    writeFileSync(join(folder, 'h'), HAPROXY);
    writeFileSync(join(folder, 'k'), KEEPALIVED);
    const log = openSync(join(folder, 'log'), 'a');
    const files = ['--haproxy', join(folder, 'h'), '--keepalived', join(folder, 'k')];
    const args = ['run', ...files, '--run-dir', join(folder, 'run')];
    node.spawn(resolve('bin/evergate'), args, { stdio: ['ignore', 'ignore', log] });
    closeSync(log);
    await waitUntil('it is up', () => lookAtStatus(join(folder, 'run')));
    await waitUntil('it has the VIP', () => node.holds(VIP));
    watch = await AddressWatch.start([node], VIP);
    mkdirSync(made);
    writeFileSync(join(made, group?.limit ?? ''), `${LIMIT_BYTES}`);
  });
  after(async () => {
    watch?.close();
    network?.close();
    await waitUntil('the cgroup is empty', () => isRemoved(made));
    rmSync(folder, { recursive: true, force: true });
  });

  /** null: there is none now. */
  const pidOf = (role: string): number | null => {
    try {
      return Number(readFileSync(join(folder, 'run', `${role}.pid`), 'utf8'));
    } catch {
      return null;
    }
  };

  async function starve(role: string): Promise<number> {
    const pid = await waitUntil(`there is a ${role}`, () => pidOf(role));
    writeFileSync(join(made, 'cgroup.procs'), `${pid}`);
    await waitUntil(`the ${role} is ended`, () => hasEnded(pid));
    return pid;
  }

  for (const role of ['balancer', 'spare', 'reaper']) {
    it(`is followed by another, if it is the ${role}`, async (t) => {
      await judged(t, async ({ holds }) => {
        await waitUntil('all are there', async () => {
          const balancer = (await lookAtStatus(join(folder, 'run')))?.balancer;
          const isReady = balancer?.state === 'serving' && balancer.spare.state === 'ready';
          return isReady && watch.owners.length === 1;
        });
        const before = watch.changes.length;
        const pid = await starve(role);
        await waitUntil(`another ${role}`, () => ![pid, null].includes(pidOf(role)));
        const changes = watch.changes.slice(before);
        holds(changes.length === 0, `the VIP was touched: ${JSON.stringify(changes)}`);
      });
    });
  }

  it('leaves no VIP behind, if it is the guardian', async () => {
    // The last one may only begin; it has its title when it has come so far as to read what is to be done.
    await waitUntil('there is a reaper', () => childIn(join(folder, 'run'), 'reaper'));
    await starve('guardian');
    await waitUntil('the VIP is gone', () => watch.owners.length === 0);
    await waitUntil('the reaper tells so', () =>
      readFileSync(join(folder, 'log'), 'utf8').includes(`The guardian is gone: removed ${VIP}`),
    );
    // They outlive it, and the network's end ends what is in it.
    for (const role of ['balancer', 'retired']) {
      const pid = pidOf(role);
      if (pid !== null) await waitUntil(`its ${role} ends`, () => hasEnded(pid));
    }
  });
});

function hasEnded(pid: number): boolean {
  try {
    return /^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
}

/** Those that were killed are in it until the kernel is done with them. */
function isRemoved(group: string): boolean {
  try {
    if (existsSync(group)) rmdirSync(group);
    return true;
  } catch {
    return false;
  }
}
