/** Speakers that do not agree, and packets that nobody should believe (docs/vrrp-faults.md). */

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { VrrpInstanceConfig } from '../../src/config/model/vrrp.ts';
import { ADDRESS_DEFAULTS } from '../../src/config/vrrp-defaults.ts';
import { foldChecksum, sumWords } from '../../src/core/checksum.ts';
import { NODE_INTERFACE, whyNoNamespaces } from '../kit/network.ts';
import { captureAdverts, floodAdverts } from '../kit/packets.ts';
import { articleInstance, fastInstance, SpeakerProcess, VIP } from '../kit/speaker-process.ts';
import { judged } from '../kit/time-verdict.ts';
import { adverts, createNetwork, createPair, dropped, warned } from '../kit/vrrp-pair.ts';
import { waitUntil } from '../kit/wait-until.ts';

const skip = whyNoNamespaces() ?? false;

const OTHER_VIP = [{ ...ADDRESS_DEFAULTS, address: '10.99.0.200', prefixLength: 24 }];

type Disagreement = {
  readonly name: string;
  readonly ours: VrrpInstanceConfig;
  readonly theirs: VrrpInstanceConfig;
  /** Of what the other's packets are dropped here; null: they are believed. */
  readonly reason: string | null;
  readonly warning: RegExp;
};

const DISAGREEMENTS: readonly Disagreement[] = [
  {
    name: 'a foreign cluster on the same number without the password',
    ours: articleInstance(100),
    theirs: { ...articleInstance(200), password: null, addresses: OTHER_VIP },
    reason: 'wrong-authentication-type',
    warning: /^10\.99\.0\.2 advertises virtual router 51, too, .*wrong-authentication-type/,
  },
  {
    name: 'a foreign cluster with another password',
    ours: articleInstance(100),
    theirs: { ...articleInstance(200), password: '2222', addresses: OTHER_VIP },
    reason: 'wrong-password',
    warning: /^10\.99\.0\.2 advertises virtual router 51, too, .*wrong-password/,
  },
  {
    name: 'another interval in version 2',
    ours: articleInstance(100),
    theirs: { ...articleInstance(200), advertIntervalMs: 2000 },
    reason: 'wrong-interval',
    warning: /wrong-interval/,
  },
  {
    name: 'another version',
    ours: fastInstance(100),
    theirs: articleInstance(200),
    reason: 'wrong-version',
    warning: /wrong-version/,
  },
  {
    name: 'a foreign cluster with the same password: the better one is believed, and named',
    ours: articleInstance(100),
    theirs: { ...articleInstance(200), addresses: OTHER_VIP },
    reason: null,
    warning: /^10\.99\.0\.2 advertises another list of addresses: 10\.99\.0\.200/,
  },
];

describe('disagreement', { skip, concurrency: 5 }, () => {
  for (const { name, ours, theirs, reason, warning } of DISAGREEMENTS) {
    test(name, async (t) => {
      const { one, two } = await createNetwork(t);
      const first = await SpeakerProcess.start(one, ours);
      await first.reaches('master');
      const second = await SpeakerProcess.start(two, theirs);
      await second.reaches('master');
      await warned(first, warning);
      if (reason === null) {
        await first.reaches('backup');
        return;
      }
      await dropped(first, reason);
      await adverts(first, 2);
      assert.equal((await first.status()).state, 'master');
    });
  }

  test('another interval in version 3 is taken from the master', async (t) => {
    await judged(t, async ({ holds }) => {
      const { second, owned } = await createPair(t, { advertIntervalMs: 400 }, {});
      const heard = async () => (await second.status()).advertsReceived >= 5;
      await waitUntil('it hears the master', heard);
      await owned('one');
      assert.deepEqual((await second.status()).dropped, {});
      const { transitions } = await second.status();
      holds(transitions === 1, `backup at its start, no more: ${transitions}`);
    });
  });
});

const FAMILIES = [
  { name: 'IPv4', addresses: ['10.99.0.1', '10.99.0.2'], vip: VIP, prefixLength: 24 },
  { name: 'IPv6', addresses: ['fd99::1', 'fd99::2'], vip: 'fd99::100', prefixLength: 64 },
] as const;

describe('unicast from beyond a router', { skip, concurrency: 2 }, () => {
  for (const { name, addresses, vip, prefixLength } of FAMILIES) {
    test(`${name}: takes no VIP away, unless the file lets it`, async (t) => {
      const { network, one, two } = await createNetwork(t);
      for (const [index, node] of [one, two].entries()) {
        if (name === 'IPv4') continue;
        const own = `${addresses[index]}/${prefixLength}`;
        await node.ip('addr', 'add', own, 'dev', NODE_INTERFACE, 'nodad');
      }
      const [near, far] = addresses;
      const changes = { addresses: [{ ...ADDRESS_DEFAULTS, address: vip, prefixLength }] };
      const towards = (peer: string) => ({ kind: 'unicast' as const, peers: [peer] });
      const ours = { ...changes, sourceAddress: near, transport: towards(far) };
      const theirs = { ...changes, sourceAddress: far, transport: towards(near) };
      const first = await SpeakerProcess.start(one, fastInstance(100, ours));
      await first.reaches('master');
      const routed = fastInstance(200, { ...theirs, unicastTtl: 64 });
      const second = await SpeakerProcess.start(two, routed);
      await second.reaches('master');
      await dropped(first, 'wrong-ttl');
      await warned(first, /wrong-ttl; it sends from beyond a router/);
      await adverts(second, 8);
      assert.equal((await first.status()).state, 'master');
      first.kill('SIGTERM');
      await first.ended();
      const peerTtls = [{ peer: far, min: 64, max: 64 }];
      const lenient = await SpeakerProcess.start(one, fastInstance(100, { ...ours, peerTtls }));
      await adverts(second, 8);
      assert.equal((await lenient.status()).state, 'backup');
      assert.equal((await lenient.status()).master, far);
      assert.equal((await network.owners(vip)).join(), 'two');
    });
  }
});

/** An IPv4 packet with one byte changed, and the checksum of VRRP version 3 as it must be, or not. */
function forged(packet: Uint8Array, offset: number, value: number): Uint8Array {
  const copy = Uint8Array.from(packet);
  copy[offset] = value;
  copy.fill(0, 26, 28);
  const length = copy.length - 20;
  const sum = foldChecksum(sumWords(copy, 12, copy.length) + 112 + length);
  copy[26] = sum >>> 8;
  copy[27] = sum & 0xff;
  return copy;
}

/** Two nodes that speak unicast, and packets of the master's as the backup gets them. */
async function createUnicast(t: TestContext) {
  const unicast = (own: string, peer: string): Partial<VrrpInstanceConfig> => ({
    sourceAddress: own,
    transport: { kind: 'unicast', peers: [peer] },
    believedIntervals: { minMs: 20, maxMs: 500 },
  });
  const pair = await createPair(
    t,
    unicast('10.99.0.1', '10.99.0.2'),
    unicast('10.99.0.2', '10.99.0.1'),
  );
  const attacker = await pair.network.addNode('attacker', '10.99.0.66/24');
  const [advert] = await captureAdverts(pair.two, NODE_INTERFACE, 1);
  assert.ok(advert);
  return { ...pair, attacker, advert };
}

test('a forged interval of 40 s keeps no backup from rising when the master dies', {
  skip,
}, async (t) => {
  await judged(t, async ({ holds }) => {
    const { first, second, owned, attacker, advert } = await createUnicast(t);
    const slow = forged(forged(advert, 24, 0x0f), 25, 0xff);
    const flooding = floodAdverts(attacker, { packets: [slow], perSecond: 50, ms: 1500 });
    await warned(second, /^10\.99\.0\.1 advertises every 40950 ms, which counts as 500 ms here/);
    first.kill('SIGKILL');
    await first.ended();
    await flooding;
    // Of what was forged, or it would have risen by now.
    holds((await second.status()).state === 'backup', 'until then it heard of a master');
    // Two minutes with the interval of the packet: longer than waitUntil() waits.
    await second.reaches('master');
    await owned('two');
  });
});

test('a forged farewell of a master is named, and the master keeps the VIP', {
  skip,
}, async (t) => {
  await judged(t, async ({ holds }) => {
    const { first, second, owned, attacker, advert } = await createUnicast(t);
    const farewell = forged(advert, 22, 0);
    await floodAdverts(attacker, { packets: [farewell], perSecond: 1, ms: 500 });
    await warned(second, /^10\.99\.0\.1 advertises on after it said that it leaves \(priority 0\)/);
    await owned('one');
    const { transitions } = await first.status();
    holds(transitions === 2, `backup and master at its start, no more: ${transitions}`);
  });
});

/** With the length of its IP header set right. */
function resized(packet: Uint8Array, length: number): Uint8Array {
  const copy = new Uint8Array(length);
  copy.set(packet.subarray(0, length));
  copy[2] = length >>> 8;
  copy[3] = length & 0xff;
  return copy;
}

test('a flood of packets that nobody should believe', { skip }, async (t) => {
  const { network, first, second, owned } = await createPair(t);
  const attacker = await network.addNode('attacker', '10.99.0.66/24');
  const [advert] = await captureAdverts(attacker, NODE_INTERFACE, 1);
  assert.ok(advert);
  // From elsewhere, and better than every node: who believes one of these gives the address up.
  const best = forged(forged(advert, 15, 66), 22, 255);
  const badSum = Uint8Array.from(best);
  badSum[26] = (badSum[26] ?? 0) ^ 1;
  const farTtl = Uint8Array.from(best);
  farTtl[8] = 254;
  const noise = resized(best, 60);
  for (let index = 24; index < 60; index += 1) noise[index] = (index * 89) & 0xff;
  const reasons: Readonly<Record<string, Uint8Array>> = {
    'wrong-version': forged(best, 20, 0x51),
    'bad-checksum': badSum,
    'wrong-ttl': farTtl,
    'wrong-length': noise,
    'too-short': resized(best, 24),
    'wrong-type': forged(best, 20, 0x32),
  };
  const packets = [
    ...Object.values(reasons),
    resized(best, best.length - 2),
    resized(best, best.length + 6),
    forged(best, 21, 52),
  ];
  await judged(t, async (attempt) => {
    const before = [await first.status(), await second.status()];
    const startedAt = performance.now();
    const sent = await floodAdverts(attacker, {
      packets,
      perSecond: Number.POSITIVE_INFINITY,
      ms: 3000,
    });
    const seconds = (performance.now() - startedAt) / 1000;
    const after = [await first.status(), await second.status()];
    const perSecond = Math.round(sent / 3);
    const counted = Object.values(after[1]?.dropped ?? {}).reduce((sum, count) => sum + count, 0);
    const advertised = (after[0]?.advertsSent ?? 0) - (before[0]?.advertsSent ?? 0);
    t.diagnostic(
      `${perSecond} packets a second for 3 s, ${counted} of ${sent} counted by the backup`,
    );
    t.diagnostic(`${advertised} advertisements of the master in ${seconds.toFixed(1)} s`);
    await owned('one');
    for (const [index, speaker] of [first, second].entries()) {
      const { dropped: drops, transitions } = await speaker.status();
      attempt.holds(transitions === before[index]?.transitions, 'nobody moved');
      for (const reason of Object.keys(reasons)) {
        assert.ok((drops[reason] ?? 0) > 0, `${reason} is counted: ${JSON.stringify(drops)}`);
      }
    }
    // One in four may be late, of ten a second: nobody is to rise, which is held above.
    attempt.holds(
      advertised >= 7.5 * Math.floor(seconds),
      `only ${advertised} advertisements in ${seconds.toFixed(1)} s`,
    );
  });
  first.kill('SIGTERM');
  await owned('two');
});
