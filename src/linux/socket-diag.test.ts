import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { RouteSocket } from './netlink-route.ts';
import { ConnectionLister } from './socket-diag.ts';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** Bytes of buffers, without those that nobody has any more. */
function bufferBytes(): number {
  collect();
  collect();
  return process.memoryUsage().arrayBuffers;
}

/** More times than the few buffers that a run may keep for later. */
const TIMES = 200;
const GROWTH_BYTES_MAX = 1 << 20;

function all(lister: ConnectionLister, port: number) {
  lister.begin(false, port);
  const found = [];
  for (let some = lister.next(); some !== null; some = lister.next()) found.push(...some);
  return found;
}

test('connections at a port are listed, each time as they are, without memory for each time', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const lister = new ConnectionLister();
  try {
    assert.deepEqual(all(lister, port), []);
    const client = connect(port, '127.0.0.1');
    await Promise.all([once(client, 'connect'), once(server, 'connection')]);
    const local = '\x7f\0\0\x01';
    const { localPort = 0 } = client;
    const remotePort = String.fromCharCode(localPort >> 8, localPort & 255);
    assert.deepEqual(all(lister, port), [{ local, remote: local, remotePort }]);
    const before = bufferBytes();
    for (let time = 0; time < TIMES; time += 1) assert.equal(all(lister, port).length, 1);
    assert.ok(bufferBytes() - before < GROWTH_BYTES_MAX);
    client.destroy();
  } finally {
    lister.close();
    server.close();
  }
});

test('a list that is not read to its end is not followed by another', () => {
  const lister = new ConnectionLister();
  lister.begin(false, 1);
  assert.throws(() => lister.begin(false, 1), /one list is read after the other/);
  lister.close();
});

test('a netlink socket that is closed leaves no memory behind', () => {
  const before = bufferBytes();
  for (let time = 0; time < TIMES; time += 1) new RouteSocket().close();
  assert.ok(bufferBytes() - before < GROWTH_BYTES_MAX);
});
