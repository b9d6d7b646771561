import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNative } from '../../config/evergate-yaml/index.ts';
import { parseHaproxy } from '../../config/haproxy/index.ts';
import { readGrant } from './grant.ts';
import { startPrivilegedRelays } from './privileged.ts';

const MACHINE = {
  hostName: null,
  localAddresses: [],
  node: null,
  canRedirect: true,
  fileExists: () => true,
  groupExists: () => true,
  mustBeNode: false,
};

function haproxyOf(threads: number) {
  const text = `global\n nbthread ${threads}\nlisten a\n mode tcp\n bind :1\n server s 10.0.0.1:1\n`;
  return parseHaproxy('haproxy.cfg', text, {}).config;
}

function nativeOf(threads: number) {
  const text = `listen: 8443\nnodes: {m1: 10.0.0.1}\nbalancer: {threads: ${threads}}\n`;
  return parseNative('evergate.yaml', text, MACHINE).config?.balancer ?? null;
}

test('as many relays beat as a configuration may ask for', async () => {
  for (const parse of [haproxyOf, nativeOf]) {
    const config = parse(64);
    assert.ok(config !== null);
    const plane = await startPrivilegedRelays(config);
    assert.deepEqual(readGrant(plane.grant(4)), { relays: 64, beatFd: 4 });
    assert.equal(parse(65), null);
  }
});

test('a grant of another data plane, or none, is a mistake', () => {
  assert.throws(() => readGrant({}), /the grant is one of relays/);
  assert.throws(() => readGrant({ relays: 1.5, beatFd: 4 }), /relays are whole/);
  assert.throws(() => readGrant({ relays: 65, beatFd: 4 }), /within the beat page/);
  assert.throws(() => readGrant({ relays: 0, beatFd: 4 }), /within the beat page/);
});
