import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HEDGE_FLOOR, HEDGE_SHARE, HEDGE_WINDOW_MS, HedgeBudget } from './hedge-budget.ts';

/** What happens, and how long after what came before, ms. */
const steps = fc.array(
  fc.record({
    what: fc.constantFrom('came', 'came', 'came', 'asks'),
    times: fc.integer({ min: 1, max: 60 }),
    afterMs: fc.oneof(fc.constant(0), fc.nat({ max: 120 }), fc.nat({ max: 3000 })),
  }),
  { maxLength: 80 },
);

test('hedges never exceed a tenth of the connections of any second, or the floor', () => {
  fc.assert(
    fc.property(steps, fc.nat({ max: 1_000_000 }), (happened, start) => {
      const budget = new HedgeBudget();
      const came: number[] = [];
      const sent: number[] = [];
      let now = start;
      const within = (times: readonly number[]) =>
        times.filter((at) => at > now - HEDGE_WINDOW_MS).length;
      for (const { what, times, afterMs } of happened) {
        now += afterMs;
        for (let time = 0; time < times; time++) {
          if (what === 'came') {
            came.push(now);
            budget.came(now);
          } else if (budget.allows(now)) {
            sent.push(now);
            budget.sent(now);
          }
        }
        if (what !== 'asks' || sent.at(-1) !== now) continue;
        assert.ok(within(sent) <= Math.max(HEDGE_FLOOR, within(came) * HEDGE_SHARE));
      }
    }),
  );
});

test('a few hedges are allowed without any connections, and again a second later', () => {
  const budget = new HedgeBudget();
  const take = (now: number): number => {
    let taken = 0;
    for (; taken < 1000 && budget.allows(now); taken++) budget.sent(now);
    return taken;
  };
  assert.equal(take(0), HEDGE_FLOOR);
  assert.equal(take(HEDGE_WINDOW_MS - 1), 0);
  assert.equal(take(HEDGE_WINDOW_MS + 50), HEDGE_FLOOR);
});

test('a crowd of 1,200 may have 120 second servers', () => {
  const budget = new HedgeBudget();
  for (let count = 0; count < 1200; count++) budget.came(5000);
  let taken = 0;
  for (; taken < 1000 && budget.allows(5150); taken++) budget.sent(5150);
  assert.equal(taken, 120);
  assert.equal(budget.allows(5990), false, 'the crowd still counts, and so do its hedges');
});
