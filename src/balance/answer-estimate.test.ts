import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AnswerEstimate, PROBE_MS } from './answer-estimate.ts';

test('a server nothing is known of is worth asking', () => {
  const estimate = new AnswerEstimate();
  assert.equal(estimate.expectedMs(1000), 0);
  assert.ok(estimate.isWorthAsking(0, 1000));
});

test('a server that hangs is as slow as those that wait for it', () => {
  const estimate = new AnswerEstimate();
  estimate.answered(4, 900);
  estimate.began(1000);
  estimate.began(1100);
  assert.equal(estimate.expectedMs(1200), 150);
  assert.equal(estimate.isWorthAsking(299, 1200), false);
  assert.ok(estimate.isWorthAsking(300, 1200));
  estimate.ended(1000);
  estimate.ended(1100);
  assert.equal(estimate.expectedMs(1200), 4);
});

test('what a server took ten seconds ago says nothing about now', () => {
  const estimate = new AnswerEstimate();
  estimate.answered(800, 1000);
  assert.equal(estimate.expectedMs(11_000), 800);
  assert.equal(estimate.expectedMs(11_001), 0);
});

test('while all servers are slow together none of them is worth asking', () => {
  // A crowd at once; each server answers one client after the other.
  const servers = [new AnswerEstimate(), new AnswerEstimate(), new AnswerEstimate()];
  for (const server of servers) for (let count = 0; count < 400; count++) server.began(0);
  for (let now = 15; now < 5900; now += 15) {
    for (const server of servers) {
      server.ended(0);
      server.answered(now, now);
    }
    if (now < 150) continue;
    assert.ok(servers.every((server) => !server.isWorthAsking(now, now)));
  }
});

test('who waits is the average over those that are still there', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ at: fc.nat({ max: 10_000 }), stays: fc.boolean() }), { minLength: 1 }),
      (all) => {
        const estimate = new AnswerEstimate();
        for (const { at } of all) estimate.began(at);
        for (const { at, stays } of all) if (!stays) estimate.ended(at);
        const rest = all.filter(({ stays }) => stays);
        const mean = rest.reduce((sum, { at }) => sum + 10_000 - at, 0) / (rest.length || 1);
        assert.equal(estimate.waiting, rest.length);
        assert.ok(Math.abs(estimate.waitedMs(10_000) - mean) < 1e-6);
      },
    ),
  );
});

test('a suspect server is left to one client a second until it answers', () => {
  const estimate = new AnswerEstimate();
  estimate.overdue('answer', 150, 1000);
  let probes = 0;
  for (let now = 1000; now < 1000 + 5 * PROBE_MS; now += 10) {
    if (estimate.doubtMs(now) === 0) {
      probes++;
      estimate.connected();
      estimate.overdue('answer', 150, now);
    } else assert.equal(estimate.expectedMs(now), 150);
  }
  assert.equal(probes, 4);
  estimate.answered(3, 7000);
  assert.equal(estimate.doubtMs(7000), 0);
  assert.equal(estimate.doubtMs(7001), 0);
  assert.equal(estimate.expectedMs(7000), 3);
});

test('a server that connects was not taken to hang', () => {
  const estimate = new AnswerEstimate();
  estimate.overdue('connect', 60, 1000);
  assert.equal(estimate.doubtMs(1001), 60);
  estimate.connected();
  assert.equal(estimate.doubtMs(1002), 0);
});

test('a suspicion that no probe confirms ends', () => {
  const estimate = new AnswerEstimate();
  estimate.overdue('answer', 150, 0);
  assert.equal(estimate.doubtMs(PROBE_MS), 0, 'the probe');
  assert.equal(estimate.doubtMs(PROBE_MS + 1), 150);
  assert.equal(estimate.doubtMs(2 * PROBE_MS), 0);
  assert.equal(estimate.doubtMs(2 * PROBE_MS + 1), 0);
});

test('learnFrom() takes over what is known and nobody who waits', () => {
  const old = new AnswerEstimate();
  old.answered(40, 100);
  old.began(100);
  const estimate = new AnswerEstimate();
  estimate.learnFrom(old);
  assert.equal(estimate.usualMs, 40);
  assert.equal(estimate.waiting, 0);
});
