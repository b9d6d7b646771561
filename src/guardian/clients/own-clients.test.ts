/** Whose connections a node has, as the kernel says it; two addresses of this machine pass for two VIPs. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import { waitUntil } from '../../../test/kit/wait-until.ts';
import { type Change, OwnClients } from './own-clients.ts';

const [ONE, OTHER] = ['127.0.0.2', '127.0.0.3'] as const;

const textOf = (address: string): string => String.fromCharCode(...address.split('.').map(Number));

test('the loss of one of two VIPs had the others forget the clients that they were to poke', async (t) => {
  const server = createServer((socket) => socket.on('error', () => {}));
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const [stays, goes] = [ONE, OTHER].map((host) => connect(port, host).on('error', () => {}));
  let vips = new Set([ONE, OTHER].map(textOf));
  const changes: Change[] = [];
  const own = new OwnClients({
    vips: () => vips,
    ports: () => [{ port, v6: false }],
    onLook: (some) => void changes.push(...(some ?? [])),
  });
  t.after(() => {
    own.close();
    for (const client of [stays, goes]) client?.destroy();
    server.close();
  });
  await waitUntil('both are known', () => own.count === 2);
  vips = new Set([textOf(ONE)]);
  await waitUntil('one VIP is left', () => own.list({ vip: textOf(OTHER), port }) === null);
  const told = () => changes.flatMap(({ removed }) => removed);
  assert.deepEqual(told(), []);
  stays?.destroy();
  await waitUntil('an end is told', () => told().length > 0);
  assert.equal(told().length, 1);
});
