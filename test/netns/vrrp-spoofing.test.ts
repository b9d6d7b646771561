/** Strangers on the network of a VIP: who hold it, claim it by ARP, or send recorded, signed advertisements. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SignatureConfig, VrrpInstanceConfig } from '../../src/config/model/vrrp.ts';
import { ADDRESS_DEFAULTS, GARP_DEFAULTS } from '../../src/config/vrrp-defaults.ts';
import { type NetworkNode, NODE_INTERFACE, whyNoNamespaces } from '../kit/network.ts';
import { ClaimWatch, captureAdverts, Spoofer, startFlood } from '../kit/packets.ts';
import { fastInstance, SpeakerProcess, VIP } from '../kit/speaker-process.ts';
import { judged } from '../kit/time-verdict.ts';
import { adverts, createNetwork, createPair, dropped, warned } from '../kit/vrrp-pair.ts';
import { waitUntil } from '../kit/wait-until.ts';

const skip = whyNoNamespaces() ?? false;
const VIP6 = 'fd00::100';
const REPEAT = 2;
/** Where nothing listens: who has the address refuses, a stranger's kernel drops. */
const DIAL = `const socket = require('node:net').connect(9, '${VIP}');
socket.on('error', ({ code }) => { console.log(code); process.exit(); });
setTimeout(() => process.exit(), 1000);`;

async function macOf(node: NetworkNode): Promise<string> {
  return /ether (\S+)/.exec(await node.ip('link', 'show', NODE_INTERFACE))?.[1] ?? '';
}

async function doubted(speaker: SpeakerProcess, text: string): Promise<void> {
  await waitUntil(`it doubts: ${text}`, async () =>
    (await speaker.status()).doubts?.includes(text),
  );
}

/** What the client's kernel and its connections say of who has the VIP. */
function clientOf(client: NetworkNode) {
  const believes = (mac: string) =>
    waitUntil(
      `the client believes ${mac}`,
      async () => (await client.ip('neigh', 'show', VIP)).includes(mac),
      5,
    );
  const reached = () =>
    waitUntil('the client reaches the owner', async () => {
      const { stdout } = await client.run(process.execPath, ['-e', DIAL]);
      return stdout.trim() === 'ECONNREFUSED';
    });
  return { believes, reached };
}

function ipv6Instance(priority: number): VrrpInstanceConfig {
  return fastInstance(priority, {
    transport: { kind: 'multicast', group: 'ff02::12' },
    addresses: [{ ...ADDRESS_DEFAULTS, address: VIP6, prefixLength: 64 }],
  });
}

test('an IPv6 VIP that a stranger holds is refused, and is free when he is gone', {
  skip,
}, async (t) => {
  const { network, one, two } = await createNetwork(t);
  await two.ip('addr', 'add', `${VIP6}/64`, 'dev', NODE_INTERFACE, 'nodad');
  const refused = new SpeakerProcess(one, ipv6Instance(200));
  const { code, text } = await refused.line('refused');
  assert.equal(code, 'address-taken');
  assert.ok(text.startsWith(`${VIP6} of`) && text.includes(await macOf(two)), text);
  assert.equal(await refused.ended(), 1);
  assert.equal(await one.holds(VIP6), false);
  await two.ip('addr', 'del', `${VIP6}/64`, 'dev', NODE_INTERFACE);
  const startedAt = performance.now();
  const master = await SpeakerProcess.start(one, ipv6Instance(200));
  await master.reaches('master');
  t.diagnostic(`master ${Math.round(performance.now() - startedAt)} ms after its start`);

  // A backup is answered by its own master: that is no stranger.
  const backup = await SpeakerProcess.start(two, ipv6Instance(100));
  await backup.reaches('backup');
  backup.kill('SIGTERM');
  await backup.ended();

  // A third node asks before it takes the address: the stranger's kernel tells everybody that it has it.
  const mac = await macOf(two);
  await two.ip('addr', 'add', `${VIP6}/64`, 'dev', NODE_INTERFACE, 'nodad');
  const third = await network.addNode('three', '10.99.0.3/24');
  await third.ip('addr', 'add', `${VIP6}/64`, 'dev', NODE_INTERFACE);
  await warned(master, new RegExp(`^${mac} claims ${VIP6}, which is held here`));
  assert.equal((await master.status()).state, 'master');
});

test('a stranger who claims the VIP by ARP is named, the owner goes on announcing, and clients come back', {
  skip,
}, async (t) => {
  await judged(t, async ({ holds }) => {
    // Nothing is planned for later: what mends the client is the owner's answer to the stranger.
    const garp = { ...GARP_DEFAULTS, repeat: REPEAT, delayMs: 0, rivalDelayMs: 0 };
    const { network, one, first, second, owned } = await createPair(t, { garp });
    const stranger = await network.addNode('stranger', '10.99.0.66/24');
    const client = await network.addNode('client', '10.99.0.77/24');
    const { believes, reached } = clientOf(client);
    const [right, wrong] = [await macOf(one), await macOf(stranger)];
    await reached();
    await believes(right);

    const answering = await Spoofer.start(stranger, VIP, 'answers');
    await doubted(first, `${wrong} claims ${VIP}, too`);
    await warned(first, new RegExp(`^${wrong} claims ${VIP}, which is held here`));
    await answering.close();
    await reached();
    await believes(right);

    const watch = await ClaimWatch.start(client);
    t.after(() => watch.close());
    const announcing = await Spoofer.start(stranger, VIP, 'announces');
    for (let turn = 0; turn < 3; turn += 1) {
      await believes(wrong);
      await believes(right);
    }
    await announcing.close();
    await believes(right);
    await reached();
    watch.close();

    const defences = watch.heard.filter(({ kind, mac }) => kind === 'garp' && mac === right);
    const attacks = watch.heard.filter(({ kind, mac }) => kind === 'garp' && mac === wrong);
    const seconds = ((watch.heard.at(-1)?.at ?? 0) - (watch.heard[0]?.at ?? 0)) / 1000;
    t.diagnostic(
      `${attacks.length} claims in ${seconds.toFixed(1)} s, ${defences.length} announcements against them`,
    );
    // Five more at the beginning, then one volley a second: a stranger must not make the owner flood the network.
    assert.ok(defences.length <= REPEAT * (Math.ceil(seconds) + 7), `${defences.length}`);
    await owned('one');
    for (const [speaker, state] of [
      [first, 'master'],
      [second, 'backup'],
    ] as const) {
      const found = (await speaker.status()).state;
      holds(found === state, `${found} instead of ${state}`);
    }
    // Who sleeps gives the VIP up.
    const [ofFirst, ofSecond] = [
      (await first.status()).transitions,
      (await second.status()).transitions,
    ];
    holds(ofFirst === 2, `backup and master at its start, no more: ${ofFirst}`);
    holds(ofSecond === 1, `backup at its start, no more: ${ofSecond}`);
  });
});

/** Keys of the cluster; what is older than 3 s is too old. */
const SIGNATURE: SignatureConfig = {
  keys: [{ id: 1, path: null, secret: `hex:${'5a'.repeat(32)}` }],
  activeKey: 1,
  toleranceMs: 3000,
  mode: 'enforce',
};

/** A copy with other bytes from `offset` on. */
function changed(packet: Uint8Array, offset: number, bytes: readonly number[]): Uint8Array {
  const copy = Uint8Array.from(packet);
  copy.set(bytes, offset);
  return copy;
}

test('signed advertisements of a dead master, sent again, keep no backup from rising and nobody yields', {
  skip,
}, async (t) => {
  await judged(t, async ({ holds }) => {
    const { network, one, two, first, second, owned } = await createPair(t, {
      signature: SIGNATURE,
    });
    const attacker = await network.addNode('attacker', '10.99.0.66/24');
    const recorded = await captureAdverts(attacker, NODE_INTERFACE, 5);
    const [advert] = recorded;
    assert.ok(advert);
    const packets = [
      ...recorded,
      // In the attacker's own name, and of a priority nobody has.
      changed(advert, 12, [10, 99, 0, 66]),
      changed(advert, 22, [255]),
    ];
    const flood = startFlood(attacker, { packets, perSecond: 200, ms: 600_000 });
    await dropped(second, 'replayed');
    first.kill('SIGKILL');
    await first.ended();
    await second.reaches('master');
    assert.equal(flood.exitCode, null, 'it rose while they came');
    await warned(
      second,
      new RegExp(`^${one.address} advertises .* not believed: (replayed|wrong-)`),
    );
    await warned(
      second,
      new RegExp(`^${attacker.address} advertises .* not believed: wrong-signature`),
    );
    await dropped(second, 'stale-signature');
    await adverts(second, 10);
    await owned('two');
    const { transitions } = await second.status();
    holds(transitions === 2, `backup, and master when the other one died: ${transitions}`);

    // One that was started after the recording has seen nothing that it could compare with, but a clock.
    second.kill('SIGKILL');
    await second.ended();
    const again = await SpeakerProcess.start(two, fastInstance(100, { signature: SIGNATURE }));
    await again.reaches('master');
    assert.equal(flood.exitCode, null, 'it rose while they came');
    await dropped(again, 'stale-signature');
    await dropped(again, 'wrong-signature');
    await owned('two');
  });
});
