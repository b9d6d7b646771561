/**
 * `balance source` sends a client to the same server as the real HAProxy does: with all servers up, with
 * one out, with weights, and where backup servers stand in.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { dial, readBytes, startServer } from '../../src/planes/relay/fixture/peers.ts';
import { startPlane } from '../../src/planes/relay/fixture/plane.ts';
import { freePort } from '../kit/free-port.ts';
import { accepts, startHaproxy } from '../kit/haproxy.ts';
import { hasProgram } from '../kit/network.ts';
import { waitUntil } from '../kit/wait-until.ts';

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
    if (!hasProgram('haproxy')) return t.skip('The program "haproxy" (Debian: haproxy) is missing');
    const servers: number[] = [];
    for (const index of weights.keys()) {
      const server = await startServer(t, (socket) => socket.end(String(index)));
      servers.push(server.port);
    }
    const theirs = await startTheirs(t, servers, weights, usable);
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

for (const [name, allBackups] of [
  ['the first backup has all clients', false],
  ['backups share clients with "option allbackups"', true],
] as const) {
  test(`as under HAProxy ${name}`, { timeout: 300_000 }, async (t) => {
    if (!hasProgram('haproxy')) return t.skip('The program "haproxy" (Debian: haproxy) is missing');
    const usable = [false, true, true];
    const weights = [1, 2, 1];
    const servers: number[] = [];
    for (const index of usable.keys()) {
      const server = await startServer(t, (socket) => socket.end(String(index)));
      servers.push(server.port);
    }
    const backups = servers.map((_, index) => index > 0);
    const theirs = await startTheirs(t, servers, weights, usable, backups, allBackups);
    const backend = { balance: { kind: 'source' }, ...(allBackups ? { allBackups } : {}) } as const;
    const { port: ours, publish } = await startPlane(t, { servers, weights, backups, backend });
    await publish(usable);
    const met = new Set<string>();
    for (const client of CLIENTS) {
      const wanted = await serverOf(t, theirs, client);
      met.add(wanted);
      assert.equal(await serverOf(t, ours, client), wanted, `client ${client}`);
    }
    assert.deepEqual([...met].toSorted(), allBackups ? ['1', '2'] : ['1']);
  });
}

/** The number of the server that answers a client from this address. */
async function serverOf(t: TestContext, port: number, from: string): Promise<string> {
  const client = await dial(t, port, from);
  const answer = (await readBytes(client, 1)).toString();
  client.destroy();
  return answer;
}

async function startTheirs(
  t: TestContext,
  servers: readonly number[],
  weights: readonly number[],
  usable: readonly boolean[],
  backups: readonly boolean[] = [],
  allBackups = false,
): Promise<number> {
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'evergate-test-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const lines = servers.map((server, index) => {
    const state = `${usable[index] ? '' : ' disabled'}${backups[index] ? ' backup' : ''}`;
    return `  server s${index + 1} 127.0.0.1:${server} weight ${weights[index]}${state}\n`;
  });
  startHaproxy(
    t,
    directory,
    `defaults
  mode tcp
  timeout connect 2s
  timeout client 10s
  timeout server 10s
listen source
  bind 127.0.0.1:${port}
  balance source
${allBackups ? '  option allbackups\n' : ''}${lines.join('')}`,
  );
  await waitUntil('HAProxy listens', () => accepts(port), 10);
  return port;
}
