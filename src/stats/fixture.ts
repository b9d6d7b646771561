/** For tests: what a process says of itself. */

import { PLANE } from './catalogue.ts';
import { noCounts } from './counts.ts';
import type { ProcessInfo } from './info.ts';

export const TEST_INFO: ProcessInfo = {
  version: '2.6.12-0.1.0',
  releaseDate: '2026/11/23',
  node: 'node1',
  pid: 42,
  relays: 2,
  uptimeS: 65,
  startTimeS: 0,
  filesMax: 1024,
  connectionsMax: 4000,
  counts: {
    ...noCounts(PLANE),
    connectionsCurrent: 3,
    connectionsTotal: 30,
    splicedBytes: 500,
  },
  requestsTotal: 5,
  rate: 1,
  rateMax: 9,
  listeners: 4,
  stopping: false,
  bytesOut: 1000,
  bytesOutRate: 10,
  memoryBytes: 1,
};
