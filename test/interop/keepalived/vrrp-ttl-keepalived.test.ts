/**
 * Unicast advertisements that came through routers, by the TTL that is left of them: the real keepalived and ours
 * take the same ones by the same lines of a file.
 */

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { parseKeepalived } from '../../../src/config/keepalived/index.ts';
import type { VrrpConfig } from '../../../src/config/model/vrrp.ts';
import { Keepalived } from '../../kit/keepalived-process.ts';
import { hasProgram, Network, NODE_INTERFACE, whyNoNamespaces } from '../../kit/network.ts';
import { fastInstance, SpeakerProcess, VIP } from '../../kit/speaker-process.ts';
import { adverts } from '../../kit/vrrp-pair.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const skip =
  whyNoNamespaces() ?? (hasProgram('keepalived') ? false : 'The package "keepalived" is missing');

const MASTER = '10.99.0.1';
const BACKUP = '10.99.0.2';

/** `owners`: of the VIP, when a better master advertises with TTL 64. */
const CASES = [
  { name: 'a backup believes any TTL of a peer', peer: MASTER, owners: 'master' },
  { name: '... and one in its range', peer: `${MASTER} min_ttl 60 max_ttl 64`, owners: 'master' },
  { name: '... not one below it', peer: `${MASTER} min_ttl 255`, owners: 'master,backup' },
  { name: '... not one above it', peer: `${MASTER} max_ttl 63`, owners: 'master,backup' },
] as const;

function linesFor(peer: string): string {
  return `version 3\n  advert_int 0.1\n  unicast_src_ip ${BACKUP}\n  unicast_peer {\n    ${peer}\n  }`;
}

function oursFor(peer: string): VrrpConfig {
  const text = `vrrp_instance VI_1 {
  state BACKUP
  interface ${NODE_INTERFACE}
  virtual_router_id 51
  priority 100
  ${linesFor(peer)}
  virtual_ipaddress {
    ${VIP}/24
  }
}
`;
  const { config } = parseKeepalived('keepalived.conf', text, {
    readInclude: () => [],
    readScript: () => null,
    configId: null,
    keepScripts: true,
    balancerHere: false,
  });
  assert.ok(config);
  return config;
}

async function createPair(t: TestContext) {
  const network = await Network.create();
  t.after(() => network.close());
  const master = await network.addNode('master', `${MASTER}/24`);
  const backup = await network.addNode('backup', `${BACKUP}/24`);
  const far = fastInstance(200, {
    sourceAddress: MASTER,
    transport: { kind: 'unicast', peers: [BACKUP] },
    unicastTtl: 64,
  });
  const speaker = await SpeakerProcess.start(master, far);
  await waitUntil('the master owns the VIP', () => master.holds(VIP));
  const owned = async (owners: string) => {
    await waitUntil(
      `the owners are ${owners}`,
      async () => (await network.owners(VIP)).join() === owners,
    );
    // Three down intervals: time to change one's mind.
    await adverts(speaker, 12);
    assert.equal((await network.owners(VIP)).join(), owners);
  };
  return { backup, owned };
}

describe('TTL of unicast advertisements', { skip, concurrency: 4 }, () => {
  for (const { name, peer, owners } of CASES) {
    test(`keepalived: ${name}`, async (t) => {
      const { backup, owned } = await createPair(t);
      const mode = { kind: 'lines', text: linesFor(peer) } as const;
      const theirs = new Keepalived(backup, { state: 'BACKUP', priority: 100, address: VIP, mode });
      await owned(owners);
      await theirs.terminate();
    });

    test(`ours: ${name}`, async (t) => {
      const { backup, owned } = await createPair(t);
      const ours = await SpeakerProcess.start(backup, oursFor(peer));
      await owned(owners);
      const { dropped } = await ours.status();
      assert.deepEqual(Object.keys(dropped), owners === 'master' ? [] : ['wrong-ttl']);
    });
  }
});
