/**
 * Somebody kills the reaper, and the guardian right after: the addresses have a reaper nonetheless, because another
 * one is there as soon as the guardian learns of it.
 */

import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, it } from 'node:test';
import { identify, isRunning } from '../../src/lab/processes.ts';
import { Network, type NetworkNode, NODE_INTERFACE, whyNoNamespaces } from '../kit/network.ts';
import { judged } from '../kit/time-verdict.ts';
import { waitUntil } from '../kit/wait-until.ts';

const VIP = '192.168.1.94';
const skip = whyNoNamespaces() ?? false;

const KEEPALIVED = `global_defs {
    vrrp_version 3
}
vrrp_instance VI_1 {
    state BACKUP
    interface ${NODE_INTERFACE}
    virtual_router_id 51
    priority 100
    advert_int 0.1
    virtual_ipaddress { ${VIP}/24 }
}
`;

describe('A reaper that somebody kills', { skip, timeout: 300_000 }, () => {
  let folder = '';
  let network: Network;
  let node: NetworkNode;

  async function begin(): Promise<void> {
    folder = mkdtempSync(join(tmpdir(), 'evergate-reaper-kill-'));
    network = await Network.create();
    node = await network.addNode('k8s-master', '192.168.1.92/24');
    writeFileSync(join(folder, 'k.conf'), KEEPALIVED);
    const log = openSync(join(folder, 'log'), 'a');
    const args = ['run', '--keepalived', join(folder, 'k.conf'), '--run-dir', join(folder, 'run')];
    node.spawn(resolve('bin/evergate'), args, { stdio: ['ignore', 'ignore', log] });
    closeSync(log);
    await waitUntil('the node has the VIP', () => node.holds(VIP));
  }

  function end(): void {
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  }
  after(end);

  /** null: there is none now. */
  const pidOf = (role: string): number | null => {
    try {
      return Number.parseInt(readFileSync(join(folder, 'run', `${role}.pid`), 'utf8'), 10);
    } catch {
      return null;
    }
  };
  const present = (role: string) => waitUntil(`there is a ${role}`, () => pidOf(role), 2);
  const log = (): string => readFileSync(join(folder, 'log'), 'utf8');

  /** Resolves when the next one is there, with its pid. */
  const kill = async (): Promise<number> => {
    const killed = await present('reaper');
    process.kill(killed, 'SIGKILL');
    const next = () => (pidOf('reaper') === killed ? null : pidOf('reaper'));
    return await waitUntil('another reaper', next, 2);
  };

  it('is followed by another at once, which does its work', async (t) => {
    // One that takes two seconds to start finds the VIP gone by its time.
    await judged(t, async ({ holds }) => {
      await begin();
      try {
        const reaper = identify(await kill());
        process.kill(await present('guardian'), 'SIGKILL');
        await waitUntil('the VIP is gone', async () => !(await node.holds(VIP)));
        const tells = () => log().includes(`The guardian is gone: removed ${VIP}`);
        const isOver = () => reaper === null || !isRunning(reaper);
        await waitUntil('it tells so, or ends', () => tells() || isOver());
        holds(tells(), log());
      } finally {
        end();
      }
    });
  });
});
