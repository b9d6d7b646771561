/** The VRRP speaker on real interfaces: failover, faults, and starts that must fail. */

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { AddressWatch } from '../kit/address-watch.ts';
import { Network, type NetworkNode, NODE_INTERFACE, whyNoNamespaces } from '../kit/network.ts';
import {
  fastInstance,
  INSTANCE,
  SpeakerProcess,
  VIP,
  whyNoSetpriv,
} from '../kit/speaker-process.ts';
import { judged } from '../kit/time-verdict.ts';
import { waitUntil } from '../kit/wait-until.ts';

const skip = whyNoNamespaces() ?? false;
/**
 * Master_Down_Interval of priority 90 at 100 ms: three intervals and (256 - 90) / 256 of one (RFC 9568
 * section 6.1), and a fifth of a second for the processes that act and watch.
 */
const TAKEOVER_MS_MAX = 365 + 200;
/** A stale address must be gone this long after a kill. */
const STALE_MS_MAX = 3000;

/** Nodes on one network that is removed after the test. */
async function createNodes(
  t: TestContext,
  ...names: readonly string[]
): Promise<readonly NetworkNode[]> {
  const network = await Network.create();
  t.after(() => network.close());
  const nodes: NetworkNode[] = [];
  for (const [index, name] of names.entries()) {
    nodes.push(await network.addNode(name, `10.99.0.${index + 1}/24`));
  }
  return nodes;
}

/** Two speakers, the first of them master. */
async function createPair(t: TestContext) {
  const [a, b] = await createNodes(t, 'a', 'b');
  assert.ok(a && b);
  const first = SpeakerProcess.start(a, fastInstance(100));
  const second = SpeakerProcess.start(b, fastInstance(90));
  const pair = { a, b, first: await first, second: await second };
  await pair.first.reaches('master');
  await pair.second.reaches('backup');
  await owns([a, b], [a]);
  return pair;
}

/** Waits until exactly `owners` hold the VIP. */
async function owns(nodes: readonly NetworkNode[], owners: readonly NetworkNode[]): Promise<void> {
  const names = owners.map(({ name }) => name).join(', ');
  await waitUntil(`the VIP is held by [${names}] alone`, async () => {
    const held = await Promise.all(nodes.map((node) => node.holds(VIP)));
    return nodes.every((node, index) => held[index] === owners.includes(node));
  });
}

describe('the VRRP speaker', { skip, concurrency: 3 }, () => {
  test('SIGTERM hands the VIP over within the skew time, and its return takes it back', async (t) => {
    const { a, b, first, second } = await createPair(t);
    const before = second.lines.length;
    const sentAt = performance.now();
    first.kill('SIGTERM');
    const transition = await second.line('transition', before);
    const tookMs = performance.now() - sentAt;
    t.diagnostic(`SIGTERM to promotion: ${Math.round(tookMs)} ms`);
    assert.match(transition.why, /^the master [\d.]+ left$/);
    assert.equal(await first.ended(), 0);
    await owns([a, b], [b]);
    await SpeakerProcess.start(a, fastInstance(100));
    await owns([a, b], [a]);
  });

  test('after SIGKILL the backup takes over in time and the stale address goes by itself', async (t) => {
    await judged(t, async (attempt) => {
      const { a, b, first } = await createPair(t);
      const watch = await AddressWatch.start([a, b], VIP);
      t.after(() => watch.close());
      const killedAt = performance.now();
      first.kill('SIGKILL');
      await waitUntil('b alone holds the VIP', () => watch.owners.join() === 'b', 5);
      const [taken, gone] = [true, false].map(
        (held) =>
          (watch.changes.find((each) => each.held === held && each.at > killedAt)?.at ?? 0) -
          killedAt,
      );
      assert.ok(taken !== undefined && gone !== undefined);
      t.diagnostic(
        `SIGKILL to promotion: ${Math.round(taken)} ms, stale for ${Math.round(gone)} ms`,
      );
      attempt.atMost(taken, TAKEOVER_MS_MAX, 'SIGKILL to promotion took');
      attempt.atMost(gone, STALE_MS_MAX, 'the stale address stayed for');
    });
  });

  test('a frozen master that wakes up gives the VIP to the one who took it', async (t) => {
    const { a, b, first, second } = await createPair(t);
    first.kill('SIGSTOP');
    await second.reaches('master');
    const before = first.lines.length;
    first.kill('SIGCONT');
    const transition = await first.line('transition', before);
    assert.equal(`${transition.from} ${transition.to}`, 'master backup');
    assert.match(transition.why, /^asleep for/);
    await owns([a, b], [a]);
  });

  test('an address deleted by hand is back at once', async (t) => {
    const [a] = await createNodes(t, 'a');
    assert.ok(a);
    const speaker = await SpeakerProcess.start(a, fastInstance(100));
    await speaker.reaches('master');
    const before = speaker.lines.length;
    const deletedAt = performance.now();
    await a.ip('addr', 'del', `${VIP}/32`, 'dev', NODE_INTERFACE);
    await waitUntil('the address is back', () => a.holds(VIP), 1);
    t.diagnostic(`back after ${Math.round(performance.now() - deletedAt)} ms, deletion included`);
    const warning = await speaker.line('warning', before);
    assert.match(warning.text, /taken away/);
  });

  test('without a carrier the instance is in FAULT and the other node takes over', async (t) => {
    const { a, b, first } = await createPair(t);
    await a.setCarrier(false);
    await first.reaches('fault');
    assert.deepEqual((await first.status()).faults, [
      `interface "${NODE_INTERFACE}" has no carrier`,
    ]);
    await owns([a, b], [b]);
    await a.setCarrier(true);
    await owns([a, b], [a]);
  });

  test('a removed and re-made interface is taken up again', async (t) => {
    const { a, b, first, second } = await createPair(t);
    await a.ip('link', 'del', NODE_INTERFACE);
    await first.reaches('fault');
    assert.deepEqual((await first.status()).faults, [`interface "${NODE_INTERFACE}" is gone`]);
    await second.reaches('master');
    await owns([b], [b]);
    await a.ip('link', 'add', NODE_INTERFACE, 'type', 'veth', 'peer', 'name', 'other');
    await a.ip('link', 'set', 'other', 'up');
    await a.ip('link', 'set', NODE_INTERFACE, 'up');
    const waits = new RegExp(`address ${a.address} is gone from "${NODE_INTERFACE}"`);
    await waitUntil('it waits for its address', async () =>
      waits.test((await first.status()).faults.join()),
    );
    await a.ip('addr', 'add', `${a.address}/24`, 'dev', NODE_INTERFACE);
    await owns([a], [a]);
  });

  test('a silent partition has two masters, its heal one, who announces the VIP again', async (t) => {
    const { a, b, first, second } = await createPair(t);
    await b.setConnected(false);
    await second.reaches('master');
    await owns([a, b], [a, b]);
    await b.setConnected(true);
    await owns([a, b], [a]);
    await second.reaches('backup');
    assert.equal((await second.status()).master, a.address);
    assert.equal((await first.status()).state, 'master');
  });

  test('clients and rivals hear who holds the VIP: after a heal, and after a foreign claim', async (t) => {
    const [a, b, client] = await createNodes(t, 'a', 'b', 'client');
    assert.ok(a && b && client);
    const first = await SpeakerProcess.start(a, fastInstance(100));
    const second = await SpeakerProcess.start(b, fastInstance(90));
    await owns([a, b], [a]);
    // Announcements of a's promotion are over, so that only later ones can mend the client's table.
    const mac = async (node: NetworkNode) =>
      /ether (\S+)/.exec(await node.ip('link', 'show', NODE_INTERFACE))?.[1] ?? '';
    const right = await mac(a);
    const wrong = await mac(b);
    const poison = () =>
      client.ip('neigh', 'replace', VIP, 'lladdr', wrong, 'nud', 'stale', 'dev', NODE_INTERFACE);
    const mended = () =>
      waitUntil('the client learns the right way', async () =>
        (await client.ip('neigh', 'show', VIP)).includes(right),
      );

    await b.setConnected(false);
    await second.reaches('master');
    await poison();
    await b.setConnected(true);
    await mended();
    await owns([a, b], [a]);

    second.kill('SIGTERM');
    await second.ended();
    await poison();
    // Whoever sends from an address claims it in the ARP request for the receiver.
    await b.ip('addr', 'add', `${VIP}/24`, 'dev', NODE_INTERFACE);
    const send = `const socket = require('node:dgram').createSocket('udp4');
    socket.bind(0, '${VIP}', () => socket.send('x', 9, '10.99.0.77', () => socket.close()));`;
    await b.run(process.execPath, ['-e', send]);
    const warning = await waitUntil('the foreign claim is noticed', () =>
      first.lines.find((line) => line.kind === 'warning' && line.text.includes(wrong)),
    );
    assert.ok(warning.kind === 'warning');
    assert.match(warning.text, /claims it too$/);
    await mended();
  });

  test('a guardian that exits without stopping still releases the VIP in order', async (t) => {
    const { a, b, first, second } = await createPair(t);
    const before = second.lines.length;
    first.send({ kind: 'exit' });
    const { why } = await second.line('transition', before);
    assert.match(why, /^the master [\d.]+ left$/);
    assert.equal(await first.ended(), 1);
    await owns([a, b], [b]);
  });

  test('tracking moves the VIP: a fault at once, a lower priority by election', async (t) => {
    const { a, b, first } = await createPair(t);
    const track = (priorityDelta: number, faults: readonly string[]) =>
      first.send({ kind: 'track', instance: INSTANCE, priorityDelta, faults });
    track(0, ['script "x" fails']);
    await owns([a, b], [b]);
    assert.deepEqual((await first.status()).faults, ['script "x" fails']);
    track(0, []);
    await owns([a, b], [a]);
    track(-20, []);
    await owns([a, b], [b]);
    assert.equal((await first.status()).effectivePriority, 80);
  });

  test('a guardian whose main thread hangs gives the VIP up, and takes it back', async (t) => {
    const { a, b, first } = await createPair(t);
    const watch = await AddressWatch.start([a, b], VIP);
    t.after(() => watch.close());
    first.send({ kind: 'block', ms: 4000 });
    // By what the kernels told: it may be back before anybody looks.
    const told = (name: string, has: boolean) =>
      watch.changes.some(({ node, held }) => node === name && held === has);
    await waitUntil('it moves', () => told('b', true) && told('a', false));
    await owns([a, b], [a]);
  });

  test('an address left over from an earlier run is removed at the start', async (t) => {
    const [a, b] = await createNodes(t, 'a', 'b');
    assert.ok(a && b);
    await SpeakerProcess.start(b, fastInstance(100)).then((master) => master.reaches('master'));
    // With a lifetime, as ours always are.
    const lifetime = ['valid_lft', '60', 'preferred_lft', '60'];
    await a.ip('addr', 'add', `${VIP}/24`, 'dev', NODE_INTERFACE, ...lifetime);
    const speaker = await SpeakerProcess.start(a, fastInstance(90));
    await owns([a, b], [b]);
    const warning = await speaker.line('warning');
    assert.match(warning.text, /Removed 10\.99\.0\.100\/24 on "ens192", left over/);
  });

  test('starts that cannot work end with one clear error and leave nothing behind', async (t) => {
    const [a, stranger] = await createNodes(t, 'a', 'stranger');
    assert.ok(a && stranger);

    await t.test('a missing interface is named with those that exist', async () => {
      const speaker = new SpeakerProcess(a, fastInstance(100, { interface: 'eth7' }));
      const { code, text } = await speaker.line('refused');
      assert.equal(code, 'missing-interface');
      assert.match(text, /"eth7".*"lo", "ens192"/);
      assert.equal(await speaker.ended(), 1);
    });

    for (const capability of ['net_raw', 'net_admin']) {
      const skipped = whyNoSetpriv() ?? false;
      await t.test(`without ${capability} the fix is named`, { skip: skipped }, async () => {
        const wrapper = ['setpriv', `--bounding-set=-${capability}`, `--inh-caps=-${capability}`];
        const speaker = new SpeakerProcess(a, fastInstance(100), wrapper);
        const { code, text } = await speaker.line('refused');
        assert.equal(code, 'no-raw-sockets');
        assert.match(text, /CAP_NET_RAW and CAP_NET_ADMIN/);
        assert.equal(await speaker.ended(), 1);
      });
    }

    await t.test('what cannot be encoded ends the thread, not in silence', async () => {
      const speaker = new SpeakerProcess(
        a,
        fastInstance(100, { version: 2, password: '123456789' }),
      );
      const { code, text } = await speaker.line('refused');
      assert.equal(code, 'vrrp-failed');
      assert.match(text, /at most 8 bytes/);
      assert.equal(await speaker.ended(), 1);
    });

    await t.test('a stranger who answers for the VIP is named by its MAC', async () => {
      await stranger.ip('addr', 'add', `${VIP}/24`, 'dev', NODE_INTERFACE);
      const mac = /ether (\S+)/.exec(await stranger.ip('link', 'show', NODE_INTERFACE))?.[1];
      assert.ok(mac);
      const speaker = new SpeakerProcess(a, fastInstance(255));
      const { code, text } = await speaker.line('refused');
      assert.equal(code, 'address-taken');
      assert.ok(text.includes(mac), text);
      assert.equal(await speaker.ended(), 1);
      assert.equal(await a.holds(VIP), false);
    });
  });
});
