/** Connections counted by their sources, over several relays. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SourceTable } from '../config/model/conditions.ts';
import { parseIpv6 } from '../core/ipv6.ts';
import { isSameTable, SourceCounts, sourceTableMemory } from './source-table.ts';

const TABLE: SourceTable = {
  name: 'table',
  family: 'ipv4',
  sources: 64,
  idleMs: 10_000,
  periodMs: 1_000,
  counts: ['current', 'rate', 'total'],
};

function address(text: string): Uint8Array {
  const parsed = parseIpv6(text.includes(':') ? text : `::ffff:${text}`);
  assert.ok(parsed.ok);
  return parsed.value;
}

/** The tables of so many relays. */
function build(relays = 1, table = TABLE): readonly SourceCounts[] {
  const memories = Array.from({ length: relays }, () => sourceTableMemory(table.sources));
  return memories.map((_, relay) => new SourceCounts(table, memories, relay));
}

const ONE = address('10.0.0.1');

test('connections of a source are counted over all relays, and those of others are not', () => {
  const [first, second] = build(2);
  assert.ok(first !== undefined && second !== undefined);
  const place = first.enter(ONE, 1000);
  second.enter(ONE, 1000);
  second.enter(address('10.0.0.2'), 1000);
  for (const counts of [first, second]) assert.equal(counts.of(ONE, 'current', 1000), 2);
  assert.equal(first.at(place, 'current', 1000), 2);
  first.leave(place, 1500);
  assert.equal(second.of(ONE, 'current', 1500), 1);
  assert.equal(second.of(ONE, 'total', 1500), 2);
  assert.equal(second.of(address('10.0.0.3'), 'current', 1500), 0);
});

test('a rate is that of this period and of what still lies within one', () => {
  const [counts] = build();
  assert.ok(counts !== undefined);
  for (let count = 0; count < 10; count++) counts.enter(ONE, 5000);
  assert.equal(counts.of(ONE, 'rate', 5999), 10);
  assert.equal(counts.of(ONE, 'rate', 6200), 8);
  counts.enter(ONE, 6500);
  assert.equal(counts.of(ONE, 'rate', 6500), 6);
  assert.equal(counts.of(ONE, 'rate', 7100), 1, 'a single one stays for its whole next period');
  assert.equal(counts.of(ONE, 'rate', 9000), 0);
});

test('a silent source is forgotten after its time, one with connections never', () => {
  const [counts] = build();
  assert.ok(counts !== undefined);
  const place = counts.enter(ONE, 1000);
  assert.equal(counts.of(ONE, 'total', 100_000), 1);
  counts.leave(place, 100_000);
  assert.equal(counts.of(ONE, 'total', 109_000), 1);
  assert.equal(counts.of(ONE, 'total', 112_000), 0);
  counts.enter(ONE, 112_000);
  assert.equal(counts.of(ONE, 'total', 112_000), 1);
});

test('what is not stored, and sources of the other family, have no count', () => {
  const [counts] = build(1, { ...TABLE, counts: ['current'] });
  assert.equal(counts?.of(ONE, 'rate', 0), null);
  assert.equal(counts?.enter(address('fd00::1'), 0), -1);
  assert.equal(counts?.of(address('fd00::1'), 'current', 0), null);
  const [both] = build(1, { ...TABLE, family: 'ipv6' });
  both?.enter(address('fd00::1'), 0);
  both?.enter(ONE, 0);
  assert.equal(both?.of(address('fd00::1'), 'current', 0), 1);
  assert.equal(both?.of(ONE, 'current', 0), 1);
  const [any] = build(1, { ...TABLE, family: 'any' });
  any?.enter(address('fd00::1'), 0);
  any?.enter(address('fd00:0:0:1::1'), 0);
  any?.enter(ONE, 0);
  assert.equal(any?.of(address('fd00::2'), 'current', 0), 1, 'its /64');
  assert.equal(any?.of(ONE, 'current', 0), 1);
});

test('a crowd of sources pushes out silent ones, and nobody who is connected', () => {
  const [counts] = build(1, { ...TABLE, sources: 8 });
  assert.ok(counts !== undefined);
  const held = counts.enter(ONE, 0);
  for (let source = 0; source < 1_000; source++) {
    const place = counts.enter(address(`10.1.${source >>> 8}.${source & 255}`), source);
    assert.notEqual(place, -1);
    counts.leave(place, source);
  }
  assert.equal(counts.of(ONE, 'current', 1_000), 1);
  for (let source = 0; source < 7; source++) counts.enter(address(`10.2.0.${source}`), 1_000);
  assert.equal(counts.enter(address('10.3.0.1'), 1_000), -1, 'there is no room');
  counts.leave(held, 1_000);
  assert.notEqual(counts.enter(address('10.3.0.1'), 1_000), -1);
});

test('a table goes on over a reload that leaves its room and its period', () => {
  assert.ok(isSameTable(TABLE, { ...TABLE, idleMs: 5, counts: [] }));
  assert.ok(!isSameTable(TABLE, { ...TABLE, sources: 65 }));
  assert.ok(!isSameTable(TABLE, { ...TABLE, periodMs: 2_000 }));
});
