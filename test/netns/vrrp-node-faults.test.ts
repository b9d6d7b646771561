/** Faults inside a node that whole Evergates live through: scripts, and a start without any apiserver. */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Network, NODE_INTERFACE, whyNoNamespaces } from '../kit/network.ts';
import { lookAtStatus } from '../kit/status.ts';
import { judged } from '../kit/time-verdict.ts';
import { waitUntil } from '../kit/wait-until.ts';

const skip = whyNoNamespaces() ?? false;
const EVERGATE = resolve('bin/evergate');
const VIP = '10.99.0.100';

function createFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'eg-node-faults-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function createNetwork(t: TestContext): Promise<Network> {
  const network = await Network.create();
  t.after(() => network.close());
  return network;
}

async function instanceOf(runDir: string) {
  const instance = (await lookAtStatus(runDir))?.vrrp[0];
  if (instance === undefined) return null;
  assert.ok(instance.virtualRouterId !== undefined, 'VRRP elects here');
  return instance;
}

describe('faults inside a node', { skip, concurrency: 2 }, () => {
  test('a script fails first, passes, hangs, flaps', async (t) => {
    await judged(t, async ({ holds }) => {
      const folder = createFolder(t);
      const network = await createNetwork(t);
      const node = await network.addNode('one', '10.99.0.1/24');
      const path = (name: string) => join(folder, name);
      // At once: a script that finds the file empty fails once more than the word says.
      const say = (word: string) => {
        writeFileSync(path('next'), word);
        renameSync(path('next'), path('word'));
      };
      const script = `#!/bin/sh\nread word <${path('word')}\ncase $word in ok) exit 0;; hang) sleep 60;; esac\n
if [ "$word" = flap ]; then if [ -e ${path('odd')} ]; then rm ${path('odd')}; exit 0; fi; : >${path('odd')}; fi\nexit 1\n`;
      writeFileSync(path('chk.sh'), script, { mode: 0o755 });
      writeFileSync(
        path('keepalived.conf'),
        `vrrp_script chk {\n script ${path('chk.sh')}\n interval 0.1\n timeout 3\n rise 1\n fall 2\n user root\n}
vrrp_instance VI_1 {\n interface ${NODE_INTERFACE}\n version 3\n advert_int 0.1\n virtual_router_id 51
 virtual_ipaddress { ${VIP}/24 }\n track_script { chk }\n}\n`,
      );
      say('fail');
      const args = ['run', '--keepalived', path('keepalived.conf'), '--run-dir', path('run')];
      node.spawn(EVERGATE, args, { stdio: 'ignore' });
      const reaches = (state: string) =>
        waitUntil(
          `state ${state}`,
          async () => {
            const instance = await instanceOf(path('run'));
            return instance?.state === state ? instance : null;
          },
          50,
        );
      const isInFault = () =>
        waitUntil('the script has failed', async () => {
          const { faults } = await reaches('fault');
          return faults.join() === 'script "chk" fails';
        });
      await isInFault();
      assert.equal(await node.holds(VIP), false);
      say('ok');
      await reaches('master');
      say('hang');
      await isInFault();
      await waitUntil('the address goes', async () => !(await node.holds(VIP)));
      say('ok');
      const { transitions, advertsSent } = await reaches('master');
      say('flap');
      const later = async () => {
        const instance = await instanceOf(path('run'));
        return instance !== null && instance.advertsSent > advertsSent + 20 ? instance : null;
      };
      const flapping = await waitUntil('it flaps for two seconds', later, 50);
      const moved = flapping.transitions - transitions;
      holds(moved === 0, `one failure in a row is none: ${moved} transitions`);
    });
  });

  test('all nodes start while every apiserver is down: one owner, who serves the first to come', async (t) => {
    const folder = createFolder(t);
    const network = await createNetwork(t);
    const addresses = ['10.99.0.1', '10.99.0.2', '10.99.0.3'];
    const lines = addresses.map((address, index) => `  n${index + 1}: ${address}\n`);
    const config = join(folder, 'evergate.yaml');
    // Signed, so that whole Evergates read their keys and believe each other.
    const key = join(folder, 'vrrp.key');
    writeFileSync(key, `hex:${'3c'.repeat(32)}\n`, { mode: 0o600 });
    writeFileSync(
      config,
      `vip: ${VIP}/24\nlisten: 8443\nnodes:\n${lines.join('')}check: { type: tcp, interval: 200ms, rise: 1 }\nvrrp: { key: ${key} }\n`,
    );
    for (const [index, address] of addresses.entries()) {
      await network.addNode(`n${index + 1}`, `${address}/24`);
    }
    const nodes = [...network.nodes];
    const client = await network.addNode('client', '10.99.0.9/24');
    for (const node of nodes) {
      mkdirSync(join(folder, node.name));
      const args = ['run', '--config', config, '--run-dir', join(folder, node.name, 'run')];
      node.spawn(EVERGATE, args, { stdio: 'ignore' });
    }
    const owner = await waitUntil(
      'one owner',
      async () => {
        const owners = await network.owners(VIP);
        return owners.length === 1 ? owners[0] : null;
      },
      100,
    );
    const ask = `const s = require('node:net').connect(8443, '${VIP}'); s.setTimeout(1000, () => process.exit(1));
      s.on('error', () => process.exit(1)); s.on('data', (d) => { console.log(String(d)); process.exit(0); });`;
    assert.equal((await client.run(process.execPath, ['-e', ask])).stdout, '');
    const [, second] = nodes;
    // A check ends by a reset, which may come before the greeting has gone.
    const serve = `require('node:net').createServer((s) => s.on('error', () => {}).end('hello'))
      .listen(6443, '0.0.0.0');`;
    second?.spawn(process.execPath, ['-e', serve], { stdio: 'ignore' });
    await waitUntil('the client is served', async () =>
      (await client.run(process.execPath, ['-e', ask])).stdout.includes('hello'),
    );
    assert.deepEqual(await network.owners(VIP), [owner], 'nobody was healthier, nobody moved');
    for (const node of nodes) {
      // On a busy machine a node may begin after another has served.
      const instance = await waitUntil(
        `${node.name} takes part`,
        async () => {
          const told = await instanceOf(join(folder, node.name, 'run'));
          const takesPart = node.name === owner || (told?.advertsReceived ?? 0) > 0;
          return takesPart ? told : null;
        },
        50,
      );
      assert.deepEqual(instance.dropped, {}, node.name);
    }
  });
});
