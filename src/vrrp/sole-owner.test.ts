import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SoleOwner } from './sole-owner.ts';

const PEER = 0x0a630002;
const OTHER = 0x0a630003;
const VIP = 0x0a630064;
const MAC = '02:00:00:00:00:99';
const doubtsOf = (owner: SoleOwner, now: number) => owner.doubts('eth0', now).join('; ');

test('SoleOwner asks for conflicts later than a killed master lasts, and again and again', () => {
  const owner = new SoleOwner([]);
  assert.equal(owner.nextAt, Number.POSITIVE_INFINITY);
  owner.setMaster(true, 1000);
  owner.setMaster(true, 1500);
  assert.equal(owner.nextAt, 5000);
  assert.equal(owner.takeConflictAsk(4999), false);
  assert.equal(owner.takeConflictAsk(5000), true);
  assert.equal(owner.nextAt, 15_000);
  assert.equal(owner.takePeerAsk(5000), false, 'there is nobody to ask');
  owner.setMaster(false, 6000);
  assert.equal(owner.nextAt, Number.POSITIVE_INFINITY);
});

test('SoleOwner doubts while a claim is fresh, as master only', () => {
  const owner = new SoleOwner([]);
  owner.onClaim(VIP, MAC, 0);
  owner.setMaster(true, 0);
  assert.equal(doubtsOf(owner, 1), '');
  owner.onClaim(VIP, MAC, 10);
  owner.onClaim(VIP, MAC, 20);
  assert.equal(doubtsOf(owner, 25_020), `${MAC} claims 10.99.0.100, too`);
  assert.equal(doubtsOf(owner, 25_021), '');
  for (let count = 0; count < 1000; count += 1) owner.onClaim(VIP, `${count}`, 30_000);
  assert.equal(owner.doubts('eth0', 30_000).length, 16);
  owner.setMaster(false, 30_001);
  owner.setMaster(true, 30_002);
  assert.equal(doubtsOf(owner, 30_002), '');
});

test('SoleOwner doubts when a rival goes on, not when one yields', () => {
  const owner = new SoleOwner([]);
  owner.setMaster(true, 0);
  for (const at of [0, 100, 200]) {
    assert.equal(doubtsOf(owner, at), '');
    owner.onRival(PEER, 90, 100, at);
  }
  const text = '10.99.0.2 advertises, too, with priority 90: it does not hear this node';
  assert.equal(doubtsOf(owner, 500), text);
  assert.equal(doubtsOf(owner, 501), '');
  for (const at of [600, 700, 800]) owner.onRival(PEER, 90, 100, at);
  owner.onRival(OTHER, 0, 100, 810);
  assert.equal(doubtsOf(owner, 820), text);
  owner.onRival(PEER, 0, 100, 830);
  assert.equal(doubtsOf(owner, 840), '', 'it has left');
});

test('SoleOwner doubts when no peer answers three questions, and one answer is enough', () => {
  const owner = new SoleOwner([PEER, OTHER]);
  owner.setMaster(true, 0);
  const askedAt: number[] = [];
  for (let now = 0; now <= 7000; now += 100) if (owner.takePeerAsk(now)) askedAt.push(now);
  assert.deepEqual(askedAt, [0, 2000, 4000, 6000]);
  assert.equal(doubtsOf(owner, 7000), '');
  const text = 'no other node (10.99.0.2, 10.99.0.3) answers on "eth0": one of them may be, too';
  assert.equal(doubtsOf(owner, 7001), text);
  owner.onAnswer(VIP, 7001);
  assert.equal(doubtsOf(owner, 7001), text);
  owner.onAnswer(OTHER, 7001);
  assert.equal(doubtsOf(owner, 14_001), '');
  assert.equal(doubtsOf(owner, 14_002), text);
});
