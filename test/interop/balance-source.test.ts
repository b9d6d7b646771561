/**
 * `balance source` sends a client to the same server as the real HAProxy does: with all servers up, with
 * one out, and with weights.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { closedPort, dial, readBytes, startServer } from '../../src/planes/relay/fixture/peers.ts';
import { startPlane } from '../../src/planes/relay/fixture/plane.ts';

const HAPROXY = '/usr/sbin/haproxy';
const CLIENTS = [1, 2, 3, 7, 19, 54, 101, 200, 253].flatMap((last) => [
  `127.0.0.${last}`,
  `127.${last}.3.9`,
]);

type Case = {
  readonly name: string;
  readonly weights: readonly number[];
  /** By server; true: may be chosen. */
  readonly usable: readonly boolean[];
};

const CASES: readonly Case[] = [
  { name: 'three equal servers', weights: [1, 1, 1], usable: [true, true, true] },
  { name: 'one of three is out', weights: [1, 1, 1], usable: [true, false, true] },
  { name: 'weights 10, 30, 20', weights: [10, 30, 20], usable: [true, true, true] },
  {
    name: 'weights, the heaviest out',
    weights: [100, 50, 200, 7],
    usable: [true, true, false, true],
  },
];

for (const { name, weights, usable } of CASES) {
  test(`balance source meets HAProxy's servers: ${name}`, { timeout: 300_000 }, async (t) => {
    if (!existsSync(HAPROXY)) {
      t.skip(`${HAPROXY} is missing: apt-get install haproxy`);
      return;
    }
    const servers: number[] = [];
    for (const index of weights.keys()) {
      const server = await startServer(t, (socket) => socket.end(String(index)));
      servers.push(server.port);
    }
    const theirs = await startHaproxy(t, servers, weights, usable);
    const { port: ours, publish } = await startPlane(t, {
      servers,
      weights,
      backend: { balance: { kind: 'source' } },
    });
    await publish(usable);
    for (const client of CLIENTS) {
      const wanted = await serverOf(t, theirs, client);
      assert.equal(await serverOf(t, ours, client), wanted, `client ${client}`);
    }
  });
}

/** The number of the server that answers a client from this address. */
async function serverOf(t: TestContext, port: number, from: string): Promise<string> {
  const client = await dial(t, port, from);
  const answer = (await readBytes(client, 1)).toString();
  client.destroy();
  return answer;
}

async function startHaproxy(
  t: TestContext,
  servers: readonly number[],
  weights: readonly number[],
  usable: readonly boolean[],
): Promise<number> {
  const port = await closedPort();
  const directory = mkdtempSync(join(tmpdir(), 'evergate-test-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const lines = servers.map((server, index) => {
    const state = usable[index] ? '' : ' disabled';
    return `  server s${index + 1} 127.0.0.1:${server} weight ${weights[index]}${state}\n`;
  });
  const file = join(directory, 'haproxy.cfg');
  writeFileSync(
    file,
    `defaults
  mode tcp
  timeout connect 2s
  timeout client 10s
  timeout server 10s
listen source
  bind 127.0.0.1:${port}
  balance source
${lines.join('')}`,
  );
  const child = spawn(HAPROXY, ['-db', '-f', file], { stdio: 'ignore' });
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  });
  for (let turn = 0; turn < 500; turn++) {
    if (await accepts(port)) return port;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('HAProxy did not start within 5 s');
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
