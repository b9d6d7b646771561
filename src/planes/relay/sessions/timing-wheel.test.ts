/** The wheel against a plain list of deadlines. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TICK_MS, TimingWheel } from './timing-wheel.ts';

const DELAYS = fc.oneof(
  fc.integer({ min: 0, max: 200 }),
  fc.integer({ min: 0, max: 20_000 }),
  fc.integer({ min: 0, max: 3_000_000 }),
);

test('every node comes up once, at its deadline or at most two ticks later', () => {
  fc.assert(
    fc.property(
      fc.array(DELAYS, { minLength: 1, maxLength: 20 }),
      fc.nat(10_000_000),
      fc.integer({ min: 1, max: 5000 }),
      (delays, origin, stepMs) => {
        const wheel = new TimingWheel(delays.length, origin);
        const deadlines = delays.map((delay) => origin + delay);
        const seen = delays.map(() => Number.NaN);
        for (const [node, deadline] of deadlines.entries()) wheel.arm(node, deadline);
        const end = origin + Math.max(...delays) + 10 * TICK_MS + stepMs;
        for (let now = origin; now <= end; now += stepMs) {
          wheel.advance(now, (node) => {
            const deadline = deadlines[node] ?? 0;
            // Cascades hand a node out early; its owner puts it back.
            if (deadline > now) wheel.arm(node, deadline);
            else {
              assert.ok(Number.isNaN(seen[node]), 'comes up once');
              seen[node] = now;
            }
          });
        }
        for (const [node, deadline] of deadlines.entries()) {
          const late = (seen[node] ?? Number.NaN) - deadline;
          assert.ok(late >= 0 && late <= 2 * TICK_MS + stepMs, `node ${node} is ${late} ms late`);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('an idle node is looked at a few times only, however long its timeout', () => {
  const wheel = new TimingWheel(1, 0);
  const deadline = 3_600_000;
  let looks = 0;
  wheel.arm(0, deadline);
  wheel.advance(deadline - 1, (node) => {
    looks++;
    wheel.arm(node, deadline);
  });
  assert.ok(looks <= 4, `${looks} looks`);
});

test('a disarmed node does not come up, nor does one without a deadline', () => {
  const wheel = new TimingWheel(3, 0);
  wheel.arm(0, 100);
  wheel.arm(1, 100);
  wheel.arm(2, Number.POSITIVE_INFINITY);
  wheel.disarm(0);
  const due: number[] = [];
  wheel.advance(1000, (node) => due.push(node));
  assert.deepEqual(due, [1]);
});
