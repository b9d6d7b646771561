/**
 * The data plane alone in a process, as the bench measures it: one frontend, one backend.
 * Arguments: port to listen on, relay threads, port of the servers, their addresses.
 */

import type { BalancerConfig } from '../../src/config/model/config.ts';
import { BEAT_PAGE_BYTES } from '../../src/core/beats.ts';
import { createSharedMemory, raiseFileLimit } from '../../src/linux/files.ts';
import { openListener } from '../../src/linux/sockets.ts';
import { startDataPlane } from '../../src/planes/relay/relay-threads.ts';

const HOUR_MS = 3_600_000;

const [listenPort = 0, relays = 0, serverPort = 0] = process.argv.slice(2, 5).map(Number);
const hosts = process.argv.slice(5);
if (hosts.length === 0) throw new Error('Usage: serve.ts LISTEN_PORT RELAYS SERVER_PORT HOST...');

const config: BalancerConfig = {
  process: {
    node: null,
    user: null,
    group: null,
    connectionsMax: 0,
    relays,
    statsSockets: [],
    logs: [],
  },
  httpFrontends: [],
  frontends: [
    {
      name: 'front',
      binds: [],
      connectionsMax: 0,
      backend: 'back',
      clientTimeoutMs: HOUR_MS,
      clientFinTimeoutMs: null,
      log: { targets: [], format: 'connect', dontLogNull: false },
    },
  ],
  backends: [
    {
      name: 'back',
      balance: { kind: 'roundrobin' },
      connectTimeoutMs: 10_000,
      serverTimeoutMs: HOUR_MS,
      serverFinTimeoutMs: null,
      tunnelTimeoutMs: null,
      retries: 3,
      logs: [],
      logHealthChecks: false,
      panic: false,
      listen: false,
      servers: hosts.map((host, index) => ({
        name: `s${index}`,
        host,
        port: serverPort,
        weight: 1,
        connectionsMax: 0,
        backup: false,
        disabled: false,
        shutdownSessionsOnDown: false,
        check: null,
      })),
    },
  ],
};

await startDataPlane(
  {
    config,
    grant: { relays, beatFd: createSharedMemory('evergate-bench-beats', BEAT_PAGE_BYTES) },
    listeners: Array.from({ length: relays }, (_, relay) => ({
      id: relay + 1,
      fd: openListener(
        { kind: 'ipv4', host: '127.0.0.1', port: listenPort },
        { v6only: false, reusePort: true },
      ),
      purpose: { kind: 'frontend', frontend: 'front', socket: relay },
    })),
    accepting: true,
    standby: false,
    snapshot: {
      generation: 1,
      backends: [{ servers: hosts.map(() => ({ usable: true, weight: 1 })) }],
    },
    filesMax: raiseFileLimit(),
  },
  (event) => {
    throw new Error(`The data plane reports ${JSON.stringify(event)}`);
  },
);
