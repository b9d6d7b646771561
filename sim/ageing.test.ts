/** A share of `npm run sim -- --hours 24`, and that what grows is found. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { step } from '../src/vrrp/machine.ts';
import { AGED, type AgeingOptions, HOUR_MS, runAgeing } from './ageing.ts';
import { collectedHeapBytes } from './collected-heap.ts';
import type { Settings } from './settings.ts';

const SAMPLES = 4;

function age(settings: Settings, options: Partial<AgeingOptions> = {}) {
  const sampleMs = HOUR_MS / SAMPLES;
  const heapBytes = collectedHeapBytes;
  return runAgeing({ seed: 1, settings, durationMs: HOUR_MS, sampleMs, heapBytes, ...options });
}

for (const settings of AGED) {
  test(`nothing grows in an hour of the cluster "${settings.name}"`, () => {
    const { violation, samples, faults, applied } = age(settings);
    assert.equal(violation, null);
    assert.equal(samples.length, SAMPLES);
    assert.equal(applied['nothing grows'], SAMPLES);
    assert.ok(faults >= 5, `${faults} faults`);
  });
}

const [CLUSTER] = AGED;
const KEPT_BYTES = 1000;

test('a machine that keeps what it hears is found', () => {
  assert.ok(CLUSTER !== undefined);
  const kept: unknown[] = [];
  const { violation } = age(CLUSTER, {
    machine: (config, state, event, now) => {
      kept.push(new Array(KEPT_BYTES / 8).fill(now));
      return step(config, state, event, now);
    },
  });
  assert.equal(violation?.rule, 'nothing grows');
  assert.match(violation.text, /bytes of heap/);
});

test('a state that grows is found', () => {
  assert.ok(CLUSTER !== undefined);
  const { violation } = age(CLUSTER, {
    machine: (config, state, event, now) => {
      const next = step(config, state, event, now);
      const heard: readonly number[] = 'heard' in state ? (state.heard as number[]) : [];
      const longer = event.kind === 'advert' ? [...heard, now] : heard;
      return { ...next, state: Object.assign({ ...next.state }, { heard: longer.slice(-2000) }) };
    },
  });
  assert.equal(violation?.rule, 'nothing grows');
  assert.match(violation.text, /bytes of state/);
});
