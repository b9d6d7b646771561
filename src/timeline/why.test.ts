import assert from 'node:assert/strict';
import { test } from 'node:test';
import { balancerEvent, serverEvent, vipEvent } from './fixture.ts';
import { type Move, movesOf, vipsOf } from './why.ts';

function fact({ facts }: Move, wanted: string): string | undefined {
  return facts.find(({ name }) => name === wanted)?.text;
}

const SILENT = {
  heardFrom: 'k8s-master (192.168.1.92)',
  heardAgoMs: 370,
  heardPriority: 250,
  patienceMs: 365,
  gapMs: 370,
};

test('who takes over after a silence says who was heard when, what it waited for, and the gap', () => {
  const [move, ...others] = movesOf([vipEvent(1, SILENT)], null);
  assert.ok(move !== undefined && others.length === 0);
  assert.equal(move.what, 'took');
  assert.equal(
    fact(move, 'last advertisement'),
    '370 ms before, from k8s-master (192.168.1.92), priority 250',
  );
  assert.equal(fact(move, 'waited'), 'an owner may be silent for 365 ms');
  assert.equal(fact(move, 'balancer'), 'serves');
  assert.match(fact(move, 'gap') ?? '', /^370 ms at most/);
});

test('a hand-over has no gap, nor has a takeover from an owner that speaks', () => {
  const [left] = movesOf(
    [vipEvent(1, { ...SILENT, heardPriority: 0, gapMs: undefined as never })],
    null,
  );
  const { gapMs: _, ...spoke } = SILENT;
  const [lower] = movesOf([vipEvent(1, spoke)], null);
  assert.ok(left !== undefined && lower !== undefined);
  assert.match(fact(left, 'last advertisement') ?? '', /it left \(priority 0\)/);
  assert.match(fact(left, 'gap') ?? '', /^none: who leaves/);
  assert.match(fact(lower, 'gap') ?? '', /^none: the owner before it spoke/);
});

test('what led to a move stands before it: since the last one, and not longer ago than a minute', () => {
  const gaveUp = { from: 'master', to: 'fault', faults: ['balancer'], serving: false } as const;
  const [took, lost] = movesOf(
    [
      serverEvent(1),
      vipEvent(2, {}, 100_000),
      balancerEvent(3, 120_000),
      vipEvent(4, gaveUp, 121_000),
    ],
    null,
  );
  assert.deepEqual([took?.what, lost?.what], ['took', 'gave-up']);
  assert.deepEqual([took?.before.length, lost?.before.map(({ n }) => n)], [0, [3]]);
  assert.ok(lost !== undefined);
  assert.equal(fact(lost, 'balancer'), 'does not serve');
  assert.equal(fact(lost, 'faults'), 'balancer');
  assert.equal(fact(lost, 'gap'), undefined);
});

test('a guardian that was killed as owner has lost the VIP, or kept it, when it is back', () => {
  const owner = vipEvent(1);
  const back = (to: 'backup' | 'master') =>
    movesOf([owner, vipEvent(2, { from: 'initialize', to })], null).map(({ what }) => what);
  assert.deepEqual(back('backup'), ['took', 'lost']);
  assert.deepEqual(back('master'), ['took', 'kept']);
  // One that had left in order has nothing to lose.
  const left = vipEvent(2, { from: 'master', to: 'initialize' });
  const again = vipEvent(3, { from: 'initialize', to: 'backup' });
  assert.deepEqual(
    movesOf([owner, left, again], null).map(({ what }) => what),
    ['took', 'gave-up'],
  );
});

test('a VIP is asked for by its address, with or without the prefix, or by its instance', () => {
  const events = [vipEvent(1), vipEvent(2, { instance: 'VI_2', addresses: ['fd00::94/64'] })];
  const asked = (vip: string | null) => movesOf(events, vip).map(({ instance }) => instance);
  assert.deepEqual(asked('192.168.1.94'), ['VI_1']);
  assert.deepEqual(asked('fd00::94/64'), ['VI_2']);
  assert.deepEqual(asked('VI_2'), ['VI_2']);
  assert.deepEqual(asked('192.168.1.9'), []);
  assert.deepEqual(asked(null), ['VI_1', 'VI_2']);
  assert.deepEqual(vipsOf(events), ['192.168.1.94/24', 'fd00::94/64']);
});

test('an address without a prefix length was taken for the one that lacks its last digit', () => {
  const events = [vipEvent(1, { addresses: ['192.168.1.94'] })];
  assert.equal(movesOf(events, '192.168.1.94').length, 1);
  assert.deepEqual(movesOf(events, '192.168.1.9'), []);
});
