/**
 * The data plane alone in a process, as the bench measures it: one relay thread, one frontend, one
 * server. Arguments: port to listen on, port of the server. Prints "ready" once it accepts.
 */

import { startDataPlane } from '../../src/balancer/relay/pool.ts';
import type { BalancerConfig } from '../../src/config/model.ts';
import { BEAT_PAGE_BYTES } from '../../src/core/beats.ts';
import { createSharedMemory, raiseFileLimit } from '../../src/linux/files.ts';
import { openListener } from '../../src/linux/sockets.ts';

const [listenPort, serverPort] = process.argv.slice(2).map(Number);
if (listenPort === undefined || serverPort === undefined) {
  throw new Error('Usage: serve.ts LISTEN_PORT SERVER_PORT');
}

const config: BalancerConfig = {
  process: {
    node: null,
    user: null,
    group: null,
    connectionsMax: 4000,
    relays: 1,
    statsSockets: [],
    logs: [],
  },
  httpFrontends: [],
  frontends: [
    {
      name: 'front',
      binds: [],
      connectionsMax: 3000,
      backend: 'back',
      clientTimeoutMs: 60_000,
      clientFinTimeoutMs: null,
      log: { targets: [], format: 'connect', dontLogNull: false },
    },
  ],
  backends: [
    {
      name: 'back',
      balance: { kind: 'roundrobin' },
      connectTimeoutMs: 10_000,
      serverTimeoutMs: 60_000,
      serverFinTimeoutMs: null,
      tunnelTimeoutMs: null,
      retries: 3,
      logs: [],
      logHealthChecks: false,
      panic: false,
      listen: false,
      servers: [
        {
          name: 's1',
          host: '127.0.0.1',
          port: serverPort,
          weight: 1,
          connectionsMax: 0,
          backup: false,
          disabled: false,
          shutdownSessionsOnDown: false,
          check: null,
        },
      ],
    },
  ],
};

const fd = openListener(
  { kind: 'ipv4', host: '127.0.0.1', port: listenPort },
  { v6only: false, reusePort: true },
);
await startDataPlane(
  {
    config,
    relays: 1,
    listeners: [{ id: 1, fd, purpose: { kind: 'frontend', frontend: 'front', relay: 0 } }],
    accepting: true,
    snapshot: { generation: 1, backends: [{ servers: [{ usable: true, weight: 1 }] }] },
    beatFd: createSharedMemory('evergate-bench-beats', BEAT_PAGE_BYTES),
    filesMax: raiseFileLimit(),
  },
  (event) => {
    throw new Error(`The data plane reports ${JSON.stringify(event)}`);
  },
);
process.stdout.write('ready\n');
