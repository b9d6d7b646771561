/** A host whose interfaces and addresses come after the daemon, as they do at boot: it waits for them and says so. */

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { NO_NOTIFY, VRRP_DEFAULTS } from '../../src/config/vrrp-defaults.ts';
import { Network, type NetworkNode, NODE_INTERFACE, whyNoNamespaces } from '../kit/network.ts';
import { fastInstance, SpeakerProcess, VIP } from '../kit/speaker-process.ts';
import { lookAtStatus } from '../kit/status.ts';
import { createNetwork } from '../kit/vrrp-pair.ts';
import { waitUntil } from '../kit/wait-until.ts';

const skip = whyNoNamespaces() ?? false;
const EVERGATE = resolve('bin/evergate');

const own = (node: NetworkNode) => [`${node.address}/24`, 'dev', NODE_INTERFACE] as const;

async function createNode(t: TestContext): Promise<NetworkNode> {
  const network = await Network.create();
  t.after(() => network.close());
  return network.addNode('one', '10.99.0.1/24');
}

describe('what comes late', { skip, concurrency: 2 }, () => {
  test('an address that comes by DHCP after the start', async (t) => {
    const { one, two, owned } = await createNetwork(t);
    await one.ip('addr', 'del', ...own(one));
    const late = await SpeakerProcess.start(one, fastInstance(200));
    const status = await late.status();
    assert.equal(status.state, 'fault');
    assert.match(status.faults.join(), /no address to send from: give interface "ens192" an IPv4/);
    await SpeakerProcess.start(two, fastInstance(100));
    await owned('two');
    await one.ip('addr', 'add', ...own(one));
    await owned('one');
    assert.doesNotMatch(await one.ip('addr', 'show', 'dev', NODE_INTERFACE), /secondary/);
    const told = () => late.lines.flatMap((line) => (line.kind === 'transition' ? [line.to] : []));
    // The kernel shows an address before the speaker has told of it.
    await waitUntil('all is told', () => told().length >= 3);
    assert.deepEqual(told(), ['fault', 'backup', 'master']);
  });

  test('what tracking said meanwhile holds when the address is there', async (t) => {
    const { one } = await createNetwork(t);
    await one.ip('addr', 'del', ...own(one));
    const late = await SpeakerProcess.start(one, fastInstance(200));
    late.send({ kind: 'track', instance: 'VI_1', priorityDelta: 0, faults: ['script "x" fails'] });
    await one.ip('addr', 'add', ...own(one));
    await waitUntil('the script counts', async () =>
      (await late.status()).faults.includes('script "x" fails'),
    );
    assert.equal(await one.holds(VIP), false);
    late.send({ kind: 'track', instance: 'VI_1', priorityDelta: 0, faults: [] });
    await late.reaches('master');
  });

  test('one side of a router holds the other back until it is there', async (t) => {
    const { one } = await createNetwork(t);
    const outside = { interface: 'ens224', virtualRouterId: 52, addresses: [] };
    const speaker = await SpeakerProcess.start(one, {
      ...VRRP_DEFAULTS,
      awaitsInterfaces: true,
      syncGroups: [{ name: 'G1', instances: ['VI_1', 'VI_2'], notify: NO_NOTIFY }],
      instances: [fastInstance(200), fastInstance(200, { name: 'VI_2', ...outside })],
    });
    assert.match((await speaker.status('VI_2')).faults.join(), /"ens224", which does not exist/);
    await waitUntil('the inside says why', async () =>
      (await speaker.status('VI_1')).faults.includes(
        'instance "VI_2" of sync group "G1" is in fault',
      ),
    );
    await one.ip('link', 'add', 'ens224', 'type', 'veth', 'peer', 'name', 'other');
    await one.ip('addr', 'add', '10.98.0.1/24', 'dev', 'ens224');
    await one.ip('link', 'set', 'other', 'up');
    await one.ip('link', 'set', 'ens224', 'up');
    await waitUntil('both are master', async () => {
      const [inside, out] = [await speaker.status('VI_1'), await speaker.status('VI_2')];
      return inside.state === 'master' && out.state === 'master';
    });
  });

  for (const dynamic of [true, false]) {
    const what = dynamic ? 'is waited for with dynamic_interfaces' : 'ends the start without it';
    test(`an interface of keepalived.conf ${what}`, async (t) => {
      const node = await createNode(t);
      const folder = mkdtempSync(join(tmpdir(), 'evergate-late-'));
      t.after(() => rmSync(folder, { recursive: true, force: true }));
      const path = (name: string) => join(folder, name);
      writeFileSync(
        path('keepalived.conf'),
        `global_defs {\n vrrp_version 3\n ${dynamic ? 'dynamic_interfaces' : ''}\n}
vrrp_instance VI_1 {\n interface br-ex\n advert_int 0.1\n virtual_router_id 51\n priority 100
 virtual_ipaddress { ${VIP}/24 }\n}\n`,
      );
      const command = 'exec "$0" run --keepalived "$1" --run-dir "$2" 2>"$3"';
      const args = [EVERGATE, path('keepalived.conf'), path('run'), path('log')];
      const child = node.spawn('sh', ['-c', command, ...args]);
      if (!dynamic) {
        const code = await new Promise((done) => child.once('exit', done));
        assert.equal(code, 1);
        assert.match(readFileSync(path('log'), 'utf8'), /interface "br-ex", which does not exist/);
        return;
      }
      const reason = async () =>
        (await lookAtStatus(path('run')))?.reasons.some((text) => /"br-ex".*not exist/.test(text));
      await waitUntil('status says what is awaited', reason);
      // As OpenShift and many hosts of virtual machines do it: the address moves to a bridge.
      await node.ip('link', 'add', 'br-ex', 'type', 'bridge');
      await node.ip('link', 'set', NODE_INTERFACE, 'master', 'br-ex');
      await node.ip('addr', 'flush', 'dev', NODE_INTERFACE);
      await node.ip('addr', 'add', `${node.address}/24`, 'dev', 'br-ex');
      await node.ip('link', 'set', 'br-ex', 'up');
      await waitUntil('it is master', async () =>
        (await lookAtStatus(path('run')))?.vrrp.some(({ state }) => state === 'master'),
      );
      assert.match(await node.ip('addr', 'show', 'dev', 'br-ex'), new RegExp(`${VIP}/32`));
    });
  }

  test('an address that comes by DHCP after the start, with evergate.yaml', async (t) => {
    const node = await createNode(t);
    await node.ip('addr', 'del', ...own(node));
    const folder = mkdtempSync(join(tmpdir(), 'evergate-boot-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const [config, run, log] = ['evergate.yaml', 'run', 'log'].map((name) => join(folder, name));
    assert.ok(config && run && log);
    const nodes = `nodes:\n  ${hostname()}: ${node.address}\n  n2: 10.99.0.2\n`;
    writeFileSync(config, `vip: ${VIP}/24\nlisten: 8443\n${nodes}check: { type: tcp }\n`);
    const command = 'exec "$0" run --config "$1" --run-dir "$2" 2>"$3"';
    node.spawn('sh', ['-c', command, EVERGATE, config, run, log]);
    await waitUntil(
      'it says what it waits for',
      () => existsSync(log) && /waits for one of its addresses/.test(readFileSync(log, 'utf8')),
    );
    await node.ip('addr', 'add', ...own(node));
    await waitUntil('it is master', async () =>
      (await lookAtStatus(run))?.vrrp.some(({ state }) => state === 'master'),
    );
  });

  test('the address of a node that moves to a bridge, with evergate.yaml', async (t) => {
    const node = await createNode(t);
    const folder = mkdtempSync(join(tmpdir(), 'evergate-moved-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const [config, run] = [join(folder, 'evergate.yaml'), join(folder, 'run')];
    const nodes = `nodes:\n  n1: ${node.address}\n  n2: 10.99.0.2\n`;
    writeFileSync(config, `vip: ${VIP}/24\nlisten: 8443\n${nodes}check: { type: tcp }\n`);
    node.spawn(EVERGATE, ['run', '--config', config, '--run-dir', run], { stdio: 'ignore' });
    const isMasterOn = (device: string) => async () =>
      (await lookAtStatus(run))?.vrrp.some(
        (instance) => instance.state === 'master' && instance.interface === device,
      );
    await waitUntil('it is master', isMasterOn(NODE_INTERFACE));
    await node.ip('link', 'add', 'br-ex', 'type', 'bridge', 'forward_delay', '0');
    await node.ip('link', 'set', 'br-ex', 'up');
    await node.ip('link', 'set', NODE_INTERFACE, 'master', 'br-ex');
    await node.ip('addr', 'del', ...own(node));
    await node.ip('addr', 'add', `${node.address}/24`, 'dev', 'br-ex');
    await waitUntil('it is master there', isMasterOn('br-ex'));
    const shown = await node.ip('-o', '-4', 'addr', 'show');
    assert.doesNotMatch(shown, new RegExp(`${NODE_INTERFACE} .*${VIP}`), 'not here');
    assert.match(shown, new RegExp(`br-ex .*${VIP}/32`));
    assert.doesNotMatch(shown, /secondary/);
  });
});
