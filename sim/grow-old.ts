/** `npm run sim -- --hours N`: each of the clusters grows old, and says how it did. */

import { AGED, type Aged, HOUR_MS, runAgeing } from './ageing.ts';
import { collectedHeapBytes } from './collected-heap.ts';
import type { Settings } from './settings.ts';

/** So many looks at what may have grown; of a day, one an hour. */
const SAMPLES = 24;
/** Times as fast as real time, at least. */
const SPEED_MIN = 100;

/** Whether every rule held, fast enough. */
export function growOld(hours: number, seed: number): boolean {
  process.stdout.write(`${hours} hours of each cluster, seed ${seed}\n`);
  return AGED.map((settings) => growOne(settings, hours, seed)).every(Boolean);
}

function growOne(settings: Settings, hours: number, seed: number): boolean {
  const startedAt = performance.now();
  const durationMs = hours * HOUR_MS;
  const sampleMs = durationMs / SAMPLES;
  const heapBytes = collectedHeapBytes;
  const aged = runAgeing({ seed, settings, durationMs, sampleMs, heapBytes });
  const tookMs = performance.now() - startedAt;
  process.stdout.write(`\n${describeAged(aged, tookMs)}\n`);
  const { violation } = aged;
  if (violation !== null) {
    const { rule, text, at } = violation;
    const command = `npm run sim -- --hours ${hours} --seed ${seed}`;
    process.stdout.write(`Broke "${rule}" at ${at.toFixed(3)} ms: ${text}\nAgain: ${command}\n`);
    return false;
  }
  const isFast = durationMs / tookMs >= SPEED_MIN;
  if (!isFast) process.stdout.write(`Less than ${SPEED_MIN} times as fast as real time\n`);
  return isFast;
}

function describeAged(aged: Aged, tookMs: number): string {
  const { settings, faults, events, samples, applied } = aged;
  const last = samples.at(-1);
  const speed = Math.round((last?.atMs ?? 0) / tookMs);
  const rules = Object.values(applied).reduce((sum, count) => sum + count, 0);
  const megabytes = samples.map(({ heapBytes }) => heapBytes / 1e6);
  const most = (of: readonly number[]) => Math.max(0, ...of);
  return [
    `${settings.name}: ${((last?.atMs ?? 0) / HOUR_MS).toFixed(1)} simulated hours in ` +
      `${(tookMs / 1000).toFixed(1)} s, ${speed} times as fast as real time`,
    `  ${faults} faults, ${events} events, rules applied ${rules} times`,
    `  at rest, at most: ${most(samples.map(({ planned }) => planned))} events planned, ` +
      `${most(samples.map(({ waiting }) => waiting))} packets unread, ` +
      `${most(samples.map(({ stateBytes }) => stateBytes))} bytes of state`,
    `  heap after a collection: ${megabytes.at(0)?.toFixed(2)} MB first, ` +
      `${megabytes.at(-1)?.toFixed(2)} MB last, ${most(megabytes).toFixed(2)} MB at most`,
  ].join('\n');
}
