import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../core/random.ts';
import { PATIENCE_MS_MIN, Patience, waitsOn } from './patience.ts';
import { stepHealth } from './rise-fall.ts';

const TIMEOUT_MS = 2000;
const INTERVAL_MS = 250;
const FAST_MS = 100;
const LIMITS = { rise: 3, fall: 3 };
const MINUTES_10_MS = 600_000;

/** Checks of ten minutes: `takes` says how long each would, at its time. How often the server went down, and when first. */
function checksOf(takes: (atMs: number) => number) {
  const patience = new Patience();
  let [health, nowMs, downs] = [5, 0, 0];
  let firstDownMs: number | null = null;
  while (nowMs < MINUTES_10_MS) {
    const startedMs = nowMs;
    const mostMs = Math.min(
      TIMEOUT_MS,
      health >= LIMITS.rise ? (patience.ms ?? TIMEOUT_MS) : TIMEOUT_MS,
    );
    const tookMs = takes(startedMs);
    const passed = tookMs < mostMs;
    nowMs += passed ? tookMs : mostMs;
    if (passed) patience.learn(tookMs);
    const step = stepHealth(LIMITS, health, passed);
    health = step.health;
    if (step.transition === 'went-down') {
      downs++;
      firstDownMs ??= nowMs;
    }
    nowMs = Math.max(nowMs, startedMs + (health === 5 ? INTERVAL_MS : FAST_MS));
  }
  return { downs, firstDownMs, health };
}

test('a server that hangs is found within 1.5 s, whatever it took before within a network', () => {
  for (const usualMs of [1, 8, 40]) {
    const { firstDownMs } = checksOf((atMs) =>
      atMs < 60_000 ? usualMs : Number.POSITIVE_INFINITY,
    );
    assert.ok(firstDownMs !== null && firstDownMs - 60_000 <= 1500, `${firstDownMs}`);
  }
});

test('ten minutes of a server with all of its processors busy are no alarm', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seededRandom(seed);
    // Queues have long tails: exponential, of 15 to 200 ms on average, more and less within minutes.
    const meanAt = (atMs: number) => 107 - 92 * Math.cos((2 * Math.PI * atMs) / 120_000);
    const { downs } = checksOf((atMs) => 5 - meanAt(atMs) * Math.log(1 - random.fraction()));
    assert.equal(downs, 0, `seed ${seed}`);
  }
});

test('a server that has become slow for good comes back, and stays', () => {
  const { downs, health } = checksOf((atMs) => (atMs < 60_000 ? 5 : 900));
  assert.equal(downs, 1);
  assert.equal(health, 5);
});

test('two slow ones are chance, three are not, and nothing is known of the first ones', () => {
  const patience = new Patience();
  for (let each = 0; each < 7; each++) patience.learn(2);
  assert.equal(patience.ms, null);
  patience.learn(2);
  assert.equal(patience.ms, PATIENCE_MS_MIN);
  for (let each = 0; each < 2; each++) patience.learn(900);
  assert.equal(patience.ms, PATIENCE_MS_MIN);
  patience.learn(800);
  assert.equal(patience.ms, 2400);
  for (let each = 0; each < 32; each++) patience.learn(2);
  assert.equal(patience.ms, PATIENCE_MS_MIN);
});

test('a server that is heard, and a look that comes late, are waited for', () => {
  assert.equal(waitsOn({ heard: false, lateMs: 3 }, 400), false);
  assert.equal(waitsOn({ heard: true, lateMs: 0 }, 400), true);
  assert.equal(waitsOn({ heard: false, lateMs: 101 }, 400), true);
});
