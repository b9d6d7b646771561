/**
 * What a network manager, a DHCP client or a hand does to the node's own address: it stays the node's own, and the
 * virtual one never takes its place.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, type TestContext, test } from 'node:test';
import { ADDRESS_DEFAULTS } from '../../src/config/vrrp-defaults.ts';
import { Keepalived } from '../kit/keepalived-process.ts';
import { hasProgram, type NetworkNode, NODE_INTERFACE, whyNoNamespaces } from '../kit/network.ts';
import { fastInstance, SpeakerProcess, VIP } from '../kit/speaker-process.ts';
import { adverts, createNetwork, createPair } from '../kit/vrrp-pair.ts';
import { waitUntil } from '../kit/wait-until.ts';

const skip = whyNoNamespaces() ?? false;

const flush = (node: NetworkNode) => node.run('ip', ['addr', 'flush', 'dev', NODE_INTERFACE]);
const addOwn = (node: NetworkNode) =>
  node.ip('addr', 'add', `${node.address}/24`, 'dev', NODE_INTERFACE);

/** Lines of ip-address(8) on the node's interface with that address. */
async function linesOf(node: NetworkNode, address: string): Promise<readonly string[]> {
  const shown = await node.ip('-o', 'addr', 'show', 'dev', NODE_INTERFACE);
  return shown.split('\n').filter((line) => line.includes(` ${address}/`));
}

/** The own address is there, and first of its network: it goes with no other one. */
async function assertOwnStands(node: NetworkNode): Promise<void> {
  const lines = await linesOf(node, node.address);
  assert.equal(lines.length, 1, `${node.address} is there`);
  assert.doesNotMatch(lines.join(), /secondary/);
}

/** What the kernel would send from. */
async function sourceTowards(node: NetworkNode, address: string): Promise<string> {
  return /src (\S+)/.exec(await node.ip('route', 'get', address))?.[1] ?? '';
}

describe("the node's own address", { skip, concurrency: 2 }, () => {
  test('survives a flush, its return and every end of the speaker', async (t) => {
    const { one, first, second, owned } = await createPair(t);
    assert.equal((await flush(one)).code, 0, 'nothing comes back while it flushes');
    await owned('two');
    await waitUntil('node one says why', async () =>
      /address 10\.99\.0\.1 is gone from "ens192"/.test((await first.status()).faults.join()),
    );
    assert.deepEqual(
      await one.addresses().then((all) => all.filter((each) => !each.includes(':'))),
      [],
    );
    await addOwn(one);
    await owned('one');
    await assertOwnStands(one);
    assert.equal(await sourceTowards(one, '10.99.0.77'), one.address);
    first.kill('SIGTERM');
    await first.ended();
    await assertOwnStands(one);
    await owned('two');
    second.kill('SIGTERM');
  });

  for (const end of ['SIGTERM', 'SIGKILL'] as const) {
    for (const point of ['before the flush', 'after it', 'after its return'] as const) {
      test(`survives ${end} ${point}`, async (t) => {
        const { one, first } = await createPair(t);
        if (point === 'before the flush') first.kill(end);
        await flush(one);
        if (point === 'after it') first.kill(end);
        await addOwn(one);
        if (point === 'after its return') first.kill(end);
        await first.ended();
        // What nobody renews the kernel takes away within 3 s, and everything that goes with it.
        await waitUntil('no VIP is left', async () => !(await one.holds(VIP)));
        await assertOwnStands(one);
        const again = await SpeakerProcess.start(one, fastInstance(200));
        await again.reaches('master');
        await assertOwnStands(one);
      });
    }
  }

  test('survives a virtual one of its network that was there before it', async (t) => {
    const { one } = await createNetwork(t);
    const [vip, own] = ['10.55.0.100', '10.55.0.1'];
    const addresses = [{ ...ADDRESS_DEFAULTS, address: vip, prefixLength: 24 }];
    const speaker = await SpeakerProcess.start(one, fastInstance(200, { addresses }));
    await speaker.reaches('master');
    assert.match((await linesOf(one, vip)).join(), /10\.55\.0\.100\/24/, 'it leads to its network');
    const held = async () => (await linesOf(one, vip)).length > 0;
    await one.ip('addr', 'add', `${own}/24`, 'dev', NODE_INTERFACE);
    await waitUntil('the virtual one gives the network up', async () => {
      assert.ok(await held(), 'the virtual one is there all the time');
      return (await linesOf(one, vip)).every((line) => line.includes('/32'));
    });
    assert.doesNotMatch((await linesOf(one, own)).join(), /secondary/);
    assert.equal(await sourceTowards(one, '10.55.0.77'), own);
    speaker.kill('SIGTERM');
    await speaker.ended();
    assert.equal((await linesOf(one, own)).length, 1);
    assert.equal(await held(), false);
  });

  test('stays through a cable that is out for 1.5 s, and no VIP is taken back without preempt', async (t) => {
    const patient = { preempt: false };
    const { one, first, second, owned } = await createPair(t, patient);
    await one.setCarrier(false);
    await owned('two');
    const waited = performance.now();
    await waitUntil('the cable is out', () => performance.now() - waited > 1500);
    await one.setCarrier(true);
    await first.reaches('backup');
    await adverts(second, 10);
    await owned('two');
    await assertOwnStands(one);
  });

  test('is renumbered, and the node goes on with the new one', async (t) => {
    const { one, first, second, owned } = await createPair(t);
    await one.ip('addr', 'add', '10.99.0.21/24', 'dev', NODE_INTERFACE);
    await one.ip('addr', 'del', `${one.address}/24`, 'dev', NODE_INTERFACE);
    // Without promote_secondaries the new one went with the old one.
    await one.run('ip', ['addr', 'add', '10.99.0.21/24', 'dev', NODE_INTERFACE]);
    await waitUntil(
      'the other node hears the new address',
      async () => (await second.status()).master === '10.99.0.21',
    );
    await owned('one');
    assert.deepEqual((await first.status()).faults, []);
  });

  test('survives others of its network where keepalived.conf says promote_secondaries', async (t) => {
    const { one } = await createNetwork(t);
    const promotes = async () =>
      (await one.run('sysctl', ['-n', `net.ipv4.conf.${NODE_INTERFACE}.promote_secondaries`]))
        .stdout;
    assert.equal(await promotes(), '0\n');
    const speaker = await SpeakerProcess.start(
      one,
      fastInstance(200, { promoteSecondaries: true }),
    );
    await speaker.reaches('master');
    assert.equal(await promotes(), '1\n');
    speaker.kill('SIGTERM');
    await speaker.ended();
    assert.equal(await promotes(), '0\n', 'as it was');
  });

  test('is the source of connections on IPv6, too, never the VIP', async (t) => {
    const { one } = await createNetwork(t);
    await one.ip('addr', 'add', 'fd77::1/64', 'dev', NODE_INTERFACE, 'nodad');
    const vip = 'fd77::100';
    const instance = fastInstance(200, {
      addresses: [{ ...ADDRESS_DEFAULTS, address: vip, prefixLength: 64 }],
      transport: { kind: 'multicast', group: 'ff02::12' },
    });
    const speaker = await SpeakerProcess.start(one, instance);
    await speaker.reaches('master');
    assert.match((await linesOf(one, vip)).join(), /deprecated/);
    assert.equal(await sourceTowards(one, 'fd77::5'), 'fd77::1');
    speaker.kill('SIGTERM');
    await speaker.ended();
    assert.equal(await sourceTowards(one, 'fd77::5'), 'fd77::1');
  });
});

test('who takes the VIP away again and again is named, and fought by nobody', {
  skip,
}, async (t) => {
  const { one, first, owned } = await createPair(t);
  // One process all the time, as a network manager is.
  const manager = spawn('ip', ['-n', one.namespace, '-force', '-batch', '-'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  t.after(() => manager.kill('SIGKILL'));
  const returns = () =>
    first.lines.filter((line) => line.kind === 'warning' && /put it back/.test(line.text)).length;
  let taken = 0;
  await waitUntil(
    'the node gives up',
    async () => {
      if (await one.holds(VIP)) {
        const before = returns();
        taken += 1;
        manager.stdin.write(`addr del ${VIP}/32 dev ${NODE_INTERFACE}\n`);
        const isSeen = async () => returns() > before || !(await one.holds(VIP));
        await waitUntil('it is taken away', isSeen, 1);
      }
      return (await first.status()).state === 'fault';
    },
    2,
  );
  t.diagnostic(`taken away ${taken} times`);
  assert.ok(taken <= 7, `${taken}`);
  const faults = (await first.status()).faults.join();
  assert.match(faults, /taken away 5 times and once more by "ip" \(process \d+\)/);
  await owned('two');
});

test('keepalived beside it, in the same flush', { skip }, async (t: TestContext) => {
  if (!hasProgram('keepalived')) return t.skip('keepalived is missing');
  const { one, owned } = await createNetwork(t);
  const keepalived = new Keepalived(one, {
    state: 'MASTER',
    priority: 200,
    address: VIP,
    mode: { kind: 'lines', text: 'version 3\n advert_int 0.1' },
  });
  await owned('one');
  const { code } = await flush(one);
  await addOwn(one);
  await owned('one');
  const before = (await linesOf(one, one.address)).join();
  await keepalived.terminate();
  const left = (await linesOf(one, one.address)).length;
  t.diagnostic(`flush ${code}; then "${before.trim()}"; after its stop ${left} own address`);
});
