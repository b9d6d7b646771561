/** Faults of the network between two real speakers (docs/vrrp-faults.md). */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hasProgram, NODE_INTERFACE, whyNoNamespaces } from '../kit/network.ts';
import { fastInstance, SpeakerProcess, VIP } from '../kit/speaker-process.ts';
import { judged } from '../kit/time-verdict.ts';
import { adverts, block, createNetwork, createPair } from '../kit/vrrp-pair.ts';
import { waitUntil } from '../kit/wait-until.ts';

const skip =
  whyNoNamespaces() ??
  (hasProgram('nft') ? false : 'The program "nft" (Debian: nftables) is missing');

describe('faults of the network', { skip, concurrency: 3 }, () => {
  test('the backup does not hear the master: both own, until it does', async (t) => {
    const { two, first, second, owned } = await createPair(t);
    const heal = await block(two, 'ip protocol 112');
    await owned('one', 'two');
    assert.equal((await first.status()).state, 'master');
    await heal();
    await owned('one');
    await second.reaches('backup');
  });

  test('the master does not hear the backup: nothing happens', async (t) => {
    await judged(t, async ({ holds }) => {
      const { one, first, second, owned } = await createPair(t);
      const heal = await block(one, 'ip protocol 112');
      await adverts(first, 10);
      await owned('one');
      await heal();
      const { transitions } = await second.status();
      holds(transitions === 1, `backup at its start, no more: ${transitions}`);
    });
  });

  test('multicast is blocked: both own and hear of it; unicast does not care', async (t) => {
    const { one, two, first, second, owned } = await createPair(t);
    const heals = [
      await block(one, 'ip daddr 224.0.0.0/4'),
      await block(two, 'ip daddr 224.0.0.0/4'),
    ];
    await owned('one', 'two');
    await waitUntil('one of them hears the claim of the other', async () => {
      const all = await Promise.all([first.status(), second.status()]);
      return all.some(({ warnings = [] }) => warnings.some((text) => /claims/.test(text)));
    });
    first.kill('SIGTERM');
    second.kill('SIGTERM');
    await owned();
    const unicast = (priority: number, peer: string) =>
      fastInstance(priority, { transport: { kind: 'unicast', peers: [peer] } });
    const third = await SpeakerProcess.start(one, unicast(200, two.address));
    await owned('one');
    const fourth = await SpeakerProcess.start(two, unicast(100, one.address));
    await adverts(third, 10);
    await owned('one');
    const isFollowed = async () => (await fourth.status()).master === one.address;
    await waitUntil('node two follows node one', isFollowed);
    for (const heal of heals) await heal();
  });

  test('loss: half of all packets, then none; one owner in the end', async (t) => {
    const { one, two, first, owned } = await createPair(t);
    const lossy = 'ip protocol 112 numgen random mod 100 < 50';
    const heals = [await block(one, lossy), await block(two, lossy)];
    await adverts(first, 30);
    for (const heal of heals) await heal();
    await owned('one');
    await adverts(first, 10);
    await owned('one');
  });

  test('heals at swept phases of the interval: one owner, and clients hear of it', async (t) => {
    const { network, two, first, second, owned } = await createPair(t, {
      garp: { ...fastInstance(1).garp, delayMs: 0, rivalDelayMs: 0 },
    });
    const client = await network.addNode('client', '10.99.0.9/24');
    const macOf = async (node: typeof two) =>
      /ether (\S+)/.exec(await node.ip('link', 'show', NODE_INTERFACE))?.[1] ?? '';
    const wrong = await macOf(two);
    for (let phase = 0; phase < 100; phase += 20) {
      await two.setConnected(false);
      await owned('one', 'two');
      await client.ip(
        'neigh',
        'replace',
        VIP,
        'lladdr',
        wrong,
        'nud',
        'stale',
        'dev',
        NODE_INTERFACE,
      );
      await adverts(first, 1);
      await new Promise((resolve) => setTimeout(resolve, phase));
      await two.setConnected(true);
      await owned('one');
      const learnt = async () => !(await client.ip('neigh', 'show', VIP)).includes(wrong);
      await waitUntil(`the client learns the way, phase ${phase}`, learnt);
    }
    await second.reaches('backup');
  });

  test('connections through the address end at once when it moves, by the new owner', async (t) => {
    const { network, one, two, owned } = await createPair(t);
    const client = await network.addNode('client', '10.99.0.9/24');
    const serve = `require('node:net').createServer((s) => { s.on('error', () => {}); s.write('hello'); }).listen(8443);`;
    for (const node of [one, two]) node.spawn(process.execPath, ['-e', serve], { stdio: 'ignore' });
    // Prints when it is connected, and when and how the connection ends; says something every 20 ms.
    const use = `const s = require('node:net').connect(8443, '${VIP}'); s.on('data', (d) => console.log(String(d)));
      s.on('error', (e) => { console.log(e.code); process.exit(); }); s.on('connect', () => setInterval(() => s.write('x'), 20));`;
    const printed: string[] = [];
    const connect = () => {
      const child = client.spawn(process.execPath, ['-e', use], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      child.stdout?.on('data', (data) => printed.push(...String(data).trim().split('\n')));
    };
    const connected = async () => {
      if (printed.includes('hello')) return true;
      connect();
      await new Promise((resolve) => setTimeout(resolve, 500));
      return printed.includes('hello');
    };
    await waitUntil('the client is connected', connected);
    // Its cable is cut: nobody is left there to end the connection.
    await one.setConnected(false);
    await owned('one', 'two');
    await waitUntil('the new owner resets it', () => printed.includes('ECONNRESET'));
  });

  test('the primary address is removed: FAULT until it is back', async (t) => {
    const { one, first, owned } = await createPair(t);
    await one.ip('addr', 'del', '10.99.0.1/24', 'dev', NODE_INTERFACE);
    await first.reaches('fault');
    await owned('two');
    await one.ip('addr', 'add', '10.99.0.1/24', 'dev', NODE_INTERFACE);
    await owned('one');
  });

  for (const [name, priority] of [
    ['equal priorities started at once: one owner, who stays it', 100],
    ['255 against 255: one owner, who stays it', 255],
  ] as const) {
    test(name, async (t) => {
      const { network, one, two } = await createNetwork(t);
      const starting = [one, two].map((node) => SpeakerProcess.start(node, fastInstance(priority)));
      const speakers = await Promise.all(starting);
      const soleOwner = async () => {
        const owners = await network.owners(VIP);
        return owners.length === 1 ? owners[0] : null;
      };
      const isSettled = async () => {
        const states = await Promise.all(speakers.map((speaker) => speaker.status()));
        const words = states.map(({ state }) => state).toSorted();
        return words.join() === 'backup,master' && (await soleOwner());
      };
      const owner = await waitUntil('one owner', isSettled);
      const master = speakers[owner === 'one' ? 0 : 1];
      assert.ok(master);
      await adverts(master, 10);
      assert.equal(await soleOwner(), owner);
    });
  }
});
