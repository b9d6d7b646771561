/**
 * Signed advertisements beside a real keepalived that knows auth_hmac, both roles. Debian 12 has none; name
 * one by KEEPALIVED=/path/to/keepalived.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, type TestContext, test } from 'node:test';
import type { VrrpInstanceConfig } from '../../../src/config/model/vrrp.ts';
import { KEEPALIVED, Keepalived } from '../../kit/keepalived-process.ts';
import { Network, type NetworkNode, whyNoNamespaces } from '../../kit/network.ts';
import { articleInstance, fastInstance, SpeakerProcess, VIP } from '../../kit/speaker-process.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const SECRET = 'hex:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';

function whyNoHmac(): string | null {
  try {
    // It tells its version on standard error.
    const text = execFileSync('sh', ['-c', `${KEEPALIVED} -v 2>&1`], { encoding: 'utf8' });
    const [, major = '0', minor = '0'] = /Keepalived v(\d+)\.(\d+)/.exec(text) ?? [];
    if (Number(major) * 100 + Number(minor) >= 204) return null;
    return `keepalived ${major}.${minor} does not know auth_hmac; name one of 2.4 by KEEPALIVED=`;
  } catch {
    return 'The package "keepalived" is missing';
  }
}

const skip = whyNoNamespaces() ?? whyNoHmac() ?? false;

async function createPair(t: TestContext) {
  const network = await Network.create();
  t.after(() => network.close());
  const theirs = await network.addNode('theirs', '10.99.0.1/24');
  const ours = await network.addNode('ours', '10.99.0.2/24');
  const owner = (node: NetworkNode) =>
    waitUntil(
      `${node.name} alone owns the VIP`,
      async () => (await network.owners(VIP)).join() === node.name,
    );
  return { theirs, ours, owner };
}

const SIGNATURE = {
  keys: [{ id: 3, path: null, secret: SECRET }],
  activeKey: 3,
  toleranceMs: 30_000,
  mode: 'enforce',
} as const;

const MODES: readonly (readonly [string, string, (priority: number) => VrrpInstanceConfig])[] = [
  ['version 2', 'advert_int 1', (priority) => ({ ...articleInstance(priority), password: null })],
  ['version 3', 'version 3\n  advert_int 0.1', (priority) => fastInstance(priority)],
  [
    'version 3, unicast',
    'version 3\n  advert_int 0.1\n  unicast_src_ip 10.99.0.1\n  unicast_peer {\n 10.99.0.2\n }',
    (priority) => fastInstance(priority, { transport: { kind: 'unicast', peers: ['10.99.0.1'] } }),
  ],
];

describe('signed, beside keepalived', { skip, concurrency: 3 }, () => {
  for (const [name, lines, instance] of MODES) {
    test(`${name}: both roles`, async (t) => {
      const { theirs, ours, owner } = await createPair(t);
      const text = `${lines}\n  auth_hmac {\n  key 3 ${SECRET}\n  active_key 3\n  time_window 30\n  }`;
      const mode = { kind: 'lines', text } as const;
      const options = { state: 'BACKUP', address: VIP, mode } as const;
      const better = new Keepalived(theirs, { ...options, priority: 200 });
      await owner(theirs);
      const speaker = await SpeakerProcess.start(ours, { ...instance(100), signature: SIGNATURE });
      const heard = async () => (await speaker.status()).master === theirs.address;
      await waitUntil('ours hears the master', heard);
      await better.terminate();
      await owner(ours);
      const worse = new Keepalived(theirs, { ...options, priority: 50 });
      const before = (await speaker.status()).advertsSent;
      await waitUntil(
        'keepalived had time to disagree',
        async () => (await speaker.status()).advertsSent >= before + 6,
      );
      await owner(ours);
      assert.deepEqual((await speaker.status()).dropped, {});
      speaker.kill('SIGTERM');
      await owner(theirs);
      await worse.terminate();
    });
  }
});
