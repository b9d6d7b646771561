import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shortDuration, uptimeText } from './durations.ts';
import { infoEntries, infoText } from './info.ts';

const info = {
  version: '2.6.12-evergate0.1.0',
  releaseDate: '2026/11/23',
  node: 'node1',
  pid: 42,
  relays: 2,
  uptimeS: 4.7,
  startTimeS: 1_795_000_000.5,
  filesMax: 1024,
  connectionsMax: 4000,
  connectionsCurrent: 3,
  connectionsTotal: 30,
  requestsTotal: 5,
  rate: 1,
  rateMax: 9,
  listeners: 4,
  stopping: false,
  logsDropped: 0,
  bytesOut: 1000,
  bytesOutRate: 10,
  splicedBytes: 500,
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
