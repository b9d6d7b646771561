import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shortDuration, uptimeText } from './durations.ts';
import { TEST_INFO } from './fixture.ts';
import { infoEntries, infoText, type ProcessInfo } from './info.ts';

const info: ProcessInfo = {
  ...TEST_INFO,
  uptimeS: 4.7,
  startTimeS: 1_795_000_000.5,
  memoryBytes: 50 * 2 ** 20,
};

test("infoEntries() has HAProxy's 69 keys", () => {
  const keys = infoEntries(info).map(([key]) => key);
  assert.equal(keys.length, 69);
  assert.equal(new Set(keys).size, 69);
  assert.deepEqual(keys.slice(0, 8), [
    'Name',
    'Version',
    'Release_date',
    'Nbthread',
    'Nbproc',
    'Process_num',
    'Pid',
    'Uptime',
  ]);
});

test('infoText() writes one line each, with whole numbers', () => {
  const text = infoText(info);
  assert.match(text, /^Uptime: 0d 0h00m04s\nUptime_sec: 4$/m);
  assert.match(text, /^Start_time_sec: 1795000000$/m);
  assert.match(text, /^TotalSplicdedBytesOut: 500$/m);
  assert.match(text, /^PoolAlloc_MB: 50$/m);
});

test('durations are written as HAProxy writes them', () => {
  assert.equal(uptimeText(90_061), '1d 1h01m01s');
  assert.deepEqual([0, 4, 65, 3600, 90_000, 90_061, 172_800].map(shortDuration), [
    '0s',
    '4s',
    '1m5s',
    '1h',
    '1d1h',
    '1d1h',
    '2d',
  ]);
});
