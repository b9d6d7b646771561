/** Signed advertisements between real speakers: an election, forged and replayed ones, and half a roll-out. */

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { SignatureConfig, VrrpInstanceConfig } from '../../src/config/model/vrrp.ts';
import { Network, type NetworkNode, NODE_INTERFACE, whyNoNamespaces } from '../kit/network.ts';
import { captureAdverts, floodAdverts } from '../kit/packets.ts';
import { fastInstance, SpeakerProcess, VIP } from '../kit/speaker-process.ts';
import { warned } from '../kit/vrrp-pair.ts';
import { waitUntil } from '../kit/wait-until.ts';

const skip = whyNoNamespaces() ?? false;

function signed(
  mode: SignatureConfig['mode'] = 'enforce',
  secret = `hex:${'5a'.repeat(32)}`,
): SignatureConfig {
  return { keys: [{ id: 1, path: null, secret }], activeKey: 1, toleranceMs: 30_000, mode };
}

async function createPair(t: TestContext) {
  const network = await Network.create();
  t.after(() => network.close());
  const one = await network.addNode('one', '10.99.0.1/24');
  const two = await network.addNode('two', '10.99.0.2/24');
  const owned = (...names: readonly string[]) =>
    waitUntil(
      `[${names}] own the VIP`,
      async () => (await network.owners(VIP)).join() === names.join(),
    );
  return { network, one, two, owned };
}

function dropped(speaker: SpeakerProcess, reason: string) {
  return waitUntil(
    `drops because of ${reason}`,
    async () => ((await speaker.status()).dropped[reason] ?? 0) > 0,
  );
}

function start(
  node: NetworkNode,
  priority: number,
  signature: SignatureConfig | null,
  changes: Partial<VrrpInstanceConfig> = {},
) {
  const signing = signature === null ? {} : { signature };
  return SpeakerProcess.start(node, fastInstance(priority, { ...signing, ...changes }));
}

describe('signed advertisements', { skip, concurrency: 2 }, () => {
  test('are believed; a restart goes on; recorded ones are not believed again', async (t) => {
    const { network, one, two, owned } = await createPair(t);
    const attacker = await network.addNode('attacker', '10.99.0.3/24');
    const first = await start(one, 200, signed());
    await owned('one');
    const second = await start(two, 100, signed());
    const recorded = await captureAdverts(attacker, NODE_INTERFACE, 2);
    assert.equal(recorded[0]?.length, 20 + 12 + 28);
    assert.deepEqual((await second.status()).dropped, {});
    first.kill('SIGTERM');
    await owned('two');
    const again = await start(one, 200, signed());
    await owned('one');
    again.kill('SIGTERM');
    await owned('two');
    // Of the old master: it would be the better one.
    await floodAdverts(attacker, { packets: recorded, perSecond: 100, ms: 1000 });
    await dropped(second, 'replayed');
    await owned('two');
    assert.equal((await second.status()).state, 'master');
  });

  test('of another key, and unsigned ones, are refused and named', async (t) => {
    const { one, two, owned } = await createPair(t);
    const ours = await start(one, 100, signed());
    await owned('one');
    const other = await start(two, 200, signed('enforce', 'another key of thirty-two letters'));
    await dropped(ours, 'wrong-signature');
    await dropped(other, 'wrong-signature');
    await owned('one', 'two');
    other.kill('SIGTERM');
    await owned('one');
    const keyless = await start(two, 200, null);
    await dropped(ours, 'unsigned');
    await dropped(keyless, 'unexpected-signature');
    await warned(ours, /^10\.99\.0\.2 advertises virtual router 51, .*unsigned; give it the key/);
    await warned(
      keyless,
      /^10\.99\.0\.1 .*unexpected-signature; it has a key and this node has none/,
    );
  });

  test('come to a running cluster in three steps, with one owner all the time', async (t) => {
    const { one, two, owned } = await createPair(t);
    const steps = [null, signed('receive-only'), signed('permissive'), signed('enforce')];
    let master = await start(one, 200, null);
    await owned('one');
    let backup = await start(two, 100, null);
    for (const [index, signature] of steps.entries()) {
      if (index === 0) continue;
      backup.kill('SIGTERM');
      await backup.ended();
      backup = await start(two, 100, signature);
      const heard = async () => (await backup.status()).master === one.address;
      await waitUntil('the backup hears its master', heard);
      master.kill('SIGTERM');
      await owned('two');
      master = await start(one, 200, signature);
      await owned('one');
      assert.deepEqual((await backup.status()).dropped, {});
      assert.deepEqual((await master.status()).dropped, {});
    }
  });
});
