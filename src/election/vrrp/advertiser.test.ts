import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IpAddress } from '../../core/ip-address.ts';
import { OtherClocks } from '../../core/other-clocks.ts';
import { Advertiser } from './advertiser.ts';
import { link, TestNode } from './fixture.ts';
import { watchesOf } from './ports.ts';

test('an Advertiser of one family sends nothing to another, and opens no socket for it', () => {
  const transport = { kind: 'unicast', peers: ['10.99.0.9', 'fe80::9'] } as const;
  const resolved = new TestNode().resolve({ transport });
  const counters = { sent: 0, received: 0, dropped: {}, ...watchesOf(resolved) };
  const at = { base: link('eth0', 2), virtual: null };
  const around = { warn: () => {}, clocks: new OtherClocks<IpAddress>(), onClockDoubt: () => {} };
  assert.throws(() => new Advertiser(resolved, at, counters, around), /are of one family/);
});
