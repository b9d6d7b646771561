/**
 * The data plane of a source tree, alone in a process, with the hedging that evergate.yaml has by default.
 * Arguments: root of the source tree, "paced" (with evergate.yaml's admission) or "free", port to listen on, ports of
 * the servers. Prints "ready"; prints a line of figures for each line it reads.
 */

import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ADMISSION } from '../../src/config/admission.ts';
import { HEDGE_AFTER_MS, HEDGE_CONNECT_MS } from '../../src/config/hedging.ts';
import { BEAT_PAGE_BYTES } from '../../src/core/beats.ts';
import { createSharedMemory, raiseFileLimit } from '../../src/linux/files.ts';
import { openListener } from '../../src/linux/sockets.ts';
import { planeConfig } from '../../src/planes/relay/fixture/plane.ts';

/** evergate.yaml's. */
const QUEUE_MS = 10_000;

export type BalancerFigures = { readonly hedges: number; readonly refused: number };

const [root = '', pace, ...ports] = process.argv.slice(2);
const [port = 0, ...servers] = ports.map(Number);
const { startDataPlane }: typeof import('../../src/planes/relay/relay-threads.ts') = await import(
  join(root, 'src/planes/relay/relay-threads.ts')
);
const { SERVER }: typeof import('../../src/stats/catalogue.ts') = await import(
  join(root, 'src/stats/catalogue.ts')
);

const { counters } = await startDataPlane(
  {
    config: planeConfig({
      servers,
      frontend: { clientTimeoutMs: 60_000 },
      backend: {
        balance: { kind: 'leastconn' },
        connectTimeoutMs: 5000,
        serverTimeoutMs: 60_000,
        hedgeConnectMs: HEDGE_CONNECT_MS,
        hedgeAfterMs: HEDGE_AFTER_MS,
        ...(pace === 'paced' ? { admission: ADMISSION, queueTimeoutMs: QUEUE_MS } : {}),
      },
    }),
    grant: { relays: 1, beatFd: createSharedMemory('evergate-bench-beats', BEAT_PAGE_BYTES) },
    listeners: [
      {
        id: 1,
        fd: openListener(
          { kind: 'ipv4', host: '127.0.0.1', port },
          { v6only: false, reusePort: true },
        ),
        purpose: { kind: 'frontend', frontend: 'front', socket: 0 },
      },
    ],
    accepting: true,
    standby: false,
    snapshot: {
      generation: 1,
      backends: [{ servers: servers.map(() => ({ usable: true, weight: 1 })) }],
    },
    filesMax: raiseFileLimit(),
  },
  () => {},
);
process.stdout.write('ready\n');
createInterface({ input: process.stdin })
  .on('line', () => {
    const sum = (name: 'hedges' | 'hedgesRefused') =>
      servers.reduce((all, _, index) => all + counters.server(0, index, name), 0);
    // A tree of before does not count what was refused.
    const counted = 'hedgesRefused' in SERVER ? sum('hedgesRefused') : 0;
    const figures: BalancerFigures = { hedges: sum('hedges'), refused: counted };
    process.stdout.write(`${JSON.stringify(figures)}\n`);
  })
  .on('close', () => process.exit(0));
