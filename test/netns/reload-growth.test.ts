/**
 * Reloads, one after the other, which change all there is to change and change it back: no process of the node has
 * more descriptors or noticeably more memory afterwards. EVERGATE_RELOADS=60 says how many; a few in `npm test`.
 */

import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Network, NODE_INTERFACE, whyNoNamespaces } from '../kit/network.ts';
import { descriptorsOf, privateOf } from '../kit/process-figures.ts';
import { askStatus, lookAtStatus } from '../kit/status.ts';
import { waitUntil } from '../kit/wait-until.ts';

/** An even number: the last one is back at the first configuration. More than WARMING. */
const RELOADS = Number(process.env.EVERGATE_RELOADS ?? 10);
/** An even number, too. */
const WARMING = 2;
/** What V8 may keep of a few reloads; a thread for each kept 11 MB of the first alone. */
const GROWTH_BYTES_MAX = 5 << 20;
const ROLES = ['guardian', 'balancer', 'spare', 'reaper'] as const;
const skip = whyNoNamespaces() ?? false;

const haproxy = (odd: boolean) => `global
    stats socket FOLDER/${odd ? 'one' : 'other'}.sock mode 600 level admin
defaults
    mode tcp
    timeout connect 1s
    timeout client ${odd ? 2 : 1}h
    timeout server 1h
listen kube-api
    bind :8443
    ${odd ? 'bind :8444' : ''}
    server one 127.0.0.1:6443 check
${odd ? 'listen more\n    bind 127.0.0.1:9443\n    server one 127.0.0.1:6443' : ''}
`;

const keepalived = (odd: boolean) => `global_defs {
    ${odd ? 'notify_fifo FOLDER/fifo' : ''}
}
vrrp_track_file load {
    file FOLDER/load
}
vrrp_instance VI_1 {
    state BACKUP
    interface ${NODE_INTERFACE}
    virtual_router_id 51
    priority ${odd ? 101 : 100}
    version 3
    advert_int 0.1
    ${odd ? 'track_file { load weight 1 }' : ''}
    virtual_ipaddress { 10.99.0.100/24 }
}
${odd ? `vrrp_instance VI_2 {\n interface ${NODE_INTERFACE}\n virtual_router_id 52\n virtual_ipaddress { 10.99.0.101/24 }\n}` : ''}
`;

test('reloads leave neither descriptors nor memory behind', {
  skip,
  timeout: 600_000,
}, async (t) => {
  assert.equal(RELOADS % 2, 0, 'the last reload is back at the first configuration');
  const folder = mkdtempSync(join(tmpdir(), 'evergate-growth-'));
  const run = join(folder, 'run');
  const write = (odd: boolean): void => {
    for (const [name, text] of Object.entries({ h: haproxy(odd), k: keepalived(odd) })) {
      writeFileSync(join(folder, name), text.replaceAll('FOLDER', folder));
    }
  };
  write(false);
  await start(t, folder);
  const pidOf = (role: string) => Number(readFileSync(join(run, `${role}.pid`), 'utf8'));
  const guardian = pidOf('guardian');
  const pids = ROLES.map(pidOf);
  const count = async () => (await askStatus(run)).configuration?.reloads ?? 0;
  const reload = async (number: number): Promise<void> => {
    write(number % 2 === 1);
    process.kill(guardian, 'SIGHUP');
    await waitUntil(`reload ${number}`, async () => (await count()) === number);
  };
  const figures = () =>
    pids.map((pid) => ({ descriptors: descriptorsOf(pid), bytes: privateOf(pid) }));

  // What is opened once, and later than the start, is no growth.
  for (let number = 1; number <= WARMING; number += 1) await reload(number);
  const before = figures();
  for (let number = WARMING + 1; number <= RELOADS; number += 1) await reload(number);
  assert.deepEqual(ROLES.map(pidOf), pids, 'nobody was started anew');
  const level = () =>
    figures().every(({ descriptors }, at) => descriptors <= (before[at]?.descriptors ?? 0));
  await waitUntil('all have as many descriptors as before', level).catch(() => {});
  for (const [index, { descriptors, bytes }] of figures().entries()) {
    const [role, first] = [ROLES[index], before[index]];
    const grown = bytes - (first?.bytes ?? 0);
    t.diagnostic(`${role}: ${descriptors} descriptors, ${(grown / 2 ** 20).toFixed(1)} MiB more`);
    assert.ok(descriptors <= (first?.descriptors ?? 0), `${role} has more descriptors`);
    assert.ok(grown < GROWTH_BYTES_MAX, `the ${role} grew by ${grown} bytes`);
  }
});

/** Resolves when the node is up, and its spare, too. It is ended after the test, and the folder goes with it. */
async function start(t: TestContext, folder: string): Promise<void> {
  const network = await Network.create();
  const node = await network.addNode('k8s-master', '10.99.0.1/24');
  const log = openSync(join(folder, 'log'), 'a');
  const files = ['--haproxy', join(folder, 'h'), '--keepalived', join(folder, 'k')];
  const args = ['run', ...files, '--run-dir', join(folder, 'run')];
  node.spawn(resolve('bin/evergate'), args, { stdio: ['ignore', 'ignore', log] });
  closeSync(log);
  t.after(async () => {
    const guardian = Number(readFileSync(join(folder, 'run', 'guardian.pid'), 'utf8'));
    process.kill(guardian, 'SIGTERM');
    await waitUntil('it stops', () => !existsSync(`/proc/${guardian}`));
    network.close();
    rmSync(folder, { recursive: true, force: true });
  });
  await waitUntil('it is up, with a spare', async () => {
    return (await lookAtStatus(join(folder, 'run')))?.balancer?.spare.state === 'ready';
  });
  await waitUntil('it has the VIP', () => node.holds('10.99.0.100'));
  await waitUntil('there is a reaper', () => existsSync(join(folder, 'run', 'reaper.pid')));
}
