/** What status says of strangers, silent peers and claims on the wire; a route that comes and goes. */

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { ADDRESS_DEFAULTS } from '../../src/config/vrrp-defaults.ts';
import { Network, NODE_INTERFACE, whyNoNamespaces } from '../kit/network.ts';
import { articleInstance, fastInstance, SpeakerProcess, VIP } from '../kit/speaker-process.ts';
import { waitUntil } from '../kit/wait-until.ts';

const skip = whyNoNamespaces() ?? false;

async function createPair(t: TestContext) {
  const network = await Network.create();
  t.after(() => network.close());
  const one = await network.addNode('one', '10.99.0.1/24');
  const two = await network.addNode('two', '10.99.0.2/24');
  return { one, two };
}

function says(speaker: SpeakerProcess, pattern: RegExp) {
  return waitUntil(`status says ${pattern}`, async () =>
    (await speaker.status()).warnings?.some((text) => pattern.test(text)),
  );
}

describe('warnings in status', { skip, concurrency: 2 }, () => {
  test('a foreign cluster on the same number, and claims to the address', async (t) => {
    const { one, two } = await createPair(t);
    const ours = await SpeakerProcess.start(one, fastInstance(200));
    await ours.reaches('master');
    const theirs = await SpeakerProcess.start(two, articleInstance(100));
    await theirs.reaches('master');
    await says(
      ours,
      /^10\.99\.0\.2 advertises virtual router 51, too, .*: wrong-version \(\d+ times\)$/,
    );
    await says(ours, /^[0-9a-f:]{17} claims 10\.99\.0\.100, which is held here/);
  });

  test('a peer that was never heard', async (t) => {
    const { one } = await createPair(t);
    const transport = { kind: 'unicast' as const, peers: ['10.99.0.2'] };
    const speaker = await SpeakerProcess.start(one, fastInstance(100, { transport }));
    await says(speaker, /^no advertisement was ever seen from peer 10\.99\.0\.2;/);
  });

  test('routes, labels, scopes and excluded addresses come and go with the master', async (t) => {
    const { one } = await createPair(t);
    const label = `${NODE_INTERFACE}:1`;
    const address = { ...ADDRESS_DEFAULTS, prefixLength: 24 };
    const route = {
      destination: '10.50.0.0',
      prefixLength: 16,
      source: null,
      metric: 5,
      table: 254,
    };
    const config = fastInstance(100, {
      // The kernel takes no other scope inside a network that an address already has.
      addresses: [
        { ...address, address: VIP, prefixLength: 32, label, scope: 253, broadcast: '10.99.0.255' },
      ],
      excludedAddresses: [{ ...address, address: '10.99.0.101' }],
      routes: [{ ...route, gateway: '10.99.0.7', interface: null }],
    });
    await one.ip('route', 'add', '10.50.0.0/16', 'via', '10.99.0.7', 'metric', '5', 'proto', '18');
    const speaker = await SpeakerProcess.start(one, config);
    const removed = speaker.lines.filter((line) => line.kind === 'warning');
    assert.match(JSON.stringify(removed), /Removed the route to 10\.50\.0\.0\/16/);
    await speaker.reaches('master');
    const shown = await one.ip('addr', 'show', 'dev', NODE_INTERFACE);
    assert.match(
      shown,
      /10\.99\.0\.100\/32 brd 10\.99\.0\.255 scope link (secondary )?(dynamic )?ens192:1/,
    );
    assert.match(shown, /10\.99\.0\.101\/32/);
    assert.match(await one.ip('route'), /10\.50\.0\.0\/16 via 10\.99\.0\.7 dev ens192 .*metric 5/);
    speaker.kill('SIGTERM');
    await speaker.line('stopped');
    assert.doesNotMatch(await one.ip('route'), /10\.50/);
    assert.doesNotMatch(await one.ip('addr', 'show', 'dev', NODE_INTERFACE), /10\.99\.0\.10\d/);
  });
});
