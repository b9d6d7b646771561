import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ClientReport, NO_REQUESTS } from './client/messages.ts';
import { type Expectation, expectationOf } from './expectations.ts';
import { FaultWatch, judgeFault, renderVerdict } from './fault-verdict.ts';

const EXPECTED: Expectation = {
  felt: 'watches are cut once',
  gapMs: 500,
  failed: 5,
  cuts: 'some',
  silentMs: 3000,
  ends: true,
};

type Figures = {
  failed?: number;
  gap?: number;
  cut?: number;
  silent?: number;
  silentNow?: number;
  open?: number;
};

function report(figures: Figures): ClientReport {
  const { failed = 0, gap = 40, cut = 0, silent = 1000, silentNow = 500, open = 6 } = figures;
  return {
    ...NO_REQUESTS,
    marks: 1,
    sinceMark: { ...NO_REQUESTS.sinceMark, ok: 50, failed, longestGapMs: gap },
    watches: {
      kept: 6,
      open,
      events: 9,
      silentMs: silentNow,
      broken: cut,
      sinceMark: { broken: cut, longestSilenceMs: silent },
    },
  };
}

test('FaultWatch gives its verdict after three quiet seconds', () => {
  const watch = new FaultWatch(EXPECTED, report({}));
  assert.equal(watch.second(report({ failed: 2, open: 4, cut: 2 })), null);
  assert.equal(watch.second(report({ failed: 5, cut: 2 })), null);
  assert.equal(watch.second(report({ failed: 5, cut: 2 })), null);
  assert.equal(watch.second(report({ failed: 5, cut: 2 })), null);
  const verdict = watch.second(report({ failed: 5, cut: 2, silent: 1600 }));
  assert.deepEqual(verdict, {
    gapMs: 40,
    failed: 5,
    watchesCut: 2,
    watches: 6,
    longestSilenceMs: 1600,
    ended: true,
    asExpected: true,
    because: [],
  });
});

test('FaultWatch waits for watches that do not come back, and says so after twenty seconds', () => {
  const watch = new FaultWatch(EXPECTED, report({}));
  for (let second = 1; second < 20; second += 1) {
    const figures = second < 10 ? { open: 5 } : { silentNow: 3000 };
    assert.equal(watch.second(report(figures)), null);
  }
  const verdict = watch.second(report({ open: 5 }));
  assert.equal(verdict?.ended, false);
  assert.deepEqual(verdict?.because, ['it did not end within 20 s']);
});

test('FaultWatch leaves a fault that another one has followed', () => {
  const watch = new FaultWatch(EXPECTED, report({}));
  for (let second = 0; second < 30; second += 1) {
    assert.equal(watch.second({ ...report({}), marks: 2 }), null);
  }
});

test('judgeFault() names every figure that is beyond what was expected', () => {
  const { asExpected, because } = judgeFault(
    EXPECTED,
    report({ gap: 900, failed: 12, cut: 6, silent: 7000 }),
    true,
  );
  assert.equal(asExpected, false);
  assert.deepEqual(because, [
    '900 ms without an answer, at most 500 expected',
    '12 requests failed, at most 5 expected',
    '6 watches cut, some expected',
    '7000 ms in which a watch heard nothing, at most 3000 expected',
  ]);
});

test('judgeFault() takes the lateness of the machine into account', () => {
  const late = { ...report({ gap: 900 }), lateMs: 450 };
  assert.equal(judgeFault(EXPECTED, late, true).asExpected, true);
});

test('what never ends is as expected where it should not', () => {
  const never = expectationOf('article', 'stop-balancer');
  const verdict = judgeFault(never, report({ failed: 900, gap: 20_000, silent: 20_000 }), false);
  assert.equal(verdict.asExpected, true);
  assert.deepEqual(renderVerdict(verdict, never.felt), [
    'gap 20000 ms, 900 failed, 0 of 6 watches cut, silent for 20.0 s at most; it goes on',
    `As expected: ${never.felt}`,
  ]);
});

test('renderVerdict() says what was expected where it was not', () => {
  const verdict = judgeFault(EXPECTED, report({ gap: 900 }), true);
  assert.equal(
    renderVerdict(verdict, EXPECTED.felt)[1],
    'Not as expected: 900 ms without an answer, at most 500 expected. Expected was: watches are cut once',
  );
});
