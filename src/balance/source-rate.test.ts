/** Rates of source addresses. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIpv6 } from '../core/ipv6.ts';
import { SourceRate } from './source-rate.ts';

function address(text: string): Uint8Array {
  const parsed = parseIpv6(text.includes(':') ? text : `::ffff:${text}`);
  assert.ok(parsed.ok);
  return parsed.value;
}

test('a source gets its connections and no more, period by period', () => {
  const rate = new SourceRate(3, 1000);
  const one = address('10.0.0.1');
  const outcomes = [0, 10, 20, 30, 999].map((now) => rate.admits(one, now));
  assert.deepEqual(outcomes, [true, true, true, false, false]);
  assert.ok(rate.admits(address('10.0.0.2'), 40), 'others are not concerned');
  assert.ok(rate.admits(one, 1000));
});

test('addresses of one IPv6 network count together', () => {
  const rate = new SourceRate(1, 1000);
  assert.ok(rate.admits(address('fd00:1::1'), 0));
  assert.ok(!rate.admits(address('fd00:1::ffff'), 1));
  assert.ok(rate.admits(address('fd00:2::1'), 2));
});

test('a flood of sources is held in a table of fixed size and each gets its due', () => {
  const rate = new SourceRate(2, 1000);
  for (let source = 0; source < 100_000; source++) {
    const [a, b, c] = [source >>> 16, (source >>> 8) & 255, source & 255];
    assert.ok(rate.admits(address(`10.${a}.${b}.${c}`), source / 1000));
  }
});
