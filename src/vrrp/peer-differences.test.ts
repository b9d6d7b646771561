import assert from 'node:assert/strict';
import test from 'node:test';
import { PeerDifferences } from './peer-differences.ts';

const PEER = 0x0a630002;

test('another VIP counts at once, another interval once it stays, and both until they agree', () => {
  const seen = new PeerDifferences();
  for (let now = 1000; now <= 15_900; now += 100) {
    seen.differs(PEER, 'vip', '10.99.0.101', now);
    seen.differs(PEER, 'interval', '3000ms', now);
    if (now === 1000) assert.equal(seen.tell(300, now).length, 1);
  }
  const vip = { source: '10.99.0.2', fact: 'vip', theirs: '10.99.0.101' };
  const interval = { source: '10.99.0.2', fact: 'interval', theirs: '3000ms' };
  assert.deepEqual(seen.tell(300, 15_900), [vip]);
  seen.differs(PEER, 'interval', '3000ms', 16_000);
  assert.deepEqual(seen.tell(300, 16_000), [vip, interval]);
  seen.agrees(PEER, 'vip');
  assert.deepEqual(seen.tell(300, 16_000), [interval]);
  assert.deepEqual(seen.tell(300, 26_001), [], 'silent for ten seconds');
});

test('what changes begins anew, and sources are bounded', () => {
  const seen = new PeerDifferences();
  seen.differs(PEER, 'router-id', '95', 0);
  seen.differs(PEER, 'router-id', '96', 3000);
  assert.deepEqual(seen.tell(300, 3000), []);
  for (let index = 0; index < 40; index += 1) seen.differs(PEER + index, 'vip', 'x', 3000);
  assert.equal(seen.tell(300, 3000).length, 16);
});
