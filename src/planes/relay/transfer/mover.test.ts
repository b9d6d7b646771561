/** The mover against a receiver with tiny buffers: every give is partial, and nothing may be mixed up. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { addressOf, pinnedBuffer } from '../../../linux/libc.ts';
import { encodeSocketAddress, openListener, setOption } from '../../../linux/sockets.ts';
import {
  acceptConnection,
  closeStream,
  lastAddress,
  localAddress,
  openStream,
  receive,
  send,
  startConnect,
} from '../../../linux/stream-calls.ts';
import {
  READABLE,
  ROLE_CLIENT,
  ROLE_SERVER,
  SocketTable,
  WRITABLE,
} from '../sessions/socket-table.ts';
import { COMPLETE, type MoveResult, Mover } from './mover.ts';
import { BufferPool, PipePool } from './transfer-buffers.ts';

const AF_INET = 2;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_RCVBUF = 8;
const EAGAIN = 11;

/** Two ends of one TCP connection; `buffer` bytes of kernel memory each way, as far as it lets us. */
async function pair(t: TestContext, buffer: number): Promise<[number, number]> {
  const address = { kind: 'ipv4', host: '127.0.0.1', port: 0 } as const;
  const listener = openListener(address, { v6only: false, reusePort: false });
  t.after(() => closeStream(listener));
  setOption(listener, SOL_SOCKET, SO_RCVBUF, buffer);
  localAddress(listener);
  const port = ((lastAddress[2] ?? 0) << 8) | (lastAddress[3] ?? 0);
  const near = openStream(AF_INET);
  t.after(() => closeStream(near));
  setOption(near, SOL_SOCKET, SO_SNDBUF, buffer);
  const target = encodeSocketAddress({ ...address, port });
  startConnect(near, addressOf(target), target.length);
  let far = acceptConnection(listener);
  for (let turn = 0; far < 0 && turn < 1000; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    far = acceptConnection(listener);
  }
  assert.ok(far > 0);
  t.after(() => closeStream(far));
  return [near, far];
}

for (const [what, pipes] of [
  ['pipes', 4],
  ['buffers', 0],
] as const) {
  test(`through ${what}, bytes arrive in order though every give is partial`, async (t) => {
    const [sender, source] = await pair(t, 1 << 20);
    const [receiver, reader] = await pair(t, 4096);
    const table = new SocketTable(4096, 1);
    table.open(source, ROLE_SERVER, 0);
    table.open(receiver, ROLE_CLIENT, 0);
    table.peer[source] = receiver;
    table.peer[receiver] = source;
    let moved = 0;
    let spliced = 0;
    const owner = {
      moved(_source: number, bytes: number, viaPipe: boolean) {
        moved += bytes;
        if (viaPipe) spliced += bytes;
      },
      halfClosed() {},
    };
    const pool = new PipePool(pipes);
    t.after(() => pool.closeAll());
    const context = { table, buffers: new BufferPool(), pipes: pool, clock: { now: 0 } };
    const mover = new Mover(context, owner);
    const data = randomBytes(1 << 20);
    const into = pinnedBuffer(8192);
    let sent = 0;
    let got = 0;
    let result: MoveResult = 0;
    for (let turn = 0; got < data.length && turn < 100_000; turn++) {
      const put = send(sender, addressOf(data) + sent, Math.min(data.length - sent, 300_000));
      if (put > 0) sent += put;
      // As if every event had come.
      table.flags[source] = (table.flags[source] ?? 0) | READABLE;
      table.flags[receiver] = (table.flags[receiver] ?? 0) | WRITABLE;
      result = mover.move(source);
      assert.ok(result < COMPLETE);
      const count = receive(reader, addressOf(into), 1 + (turn % 5000));
      if (count <= 0) {
        assert.equal(count, -EAGAIN);
        continue;
      }
      assert.ok(into.subarray(0, count).equals(data.subarray(got, got + count)), `at ${got}`);
      got += count;
    }
    assert.equal(got, data.length);
    assert.equal(moved, data.length);
    assert.equal(spliced > 0, pipes > 0);
    assert.equal(table.held[source], 0);
  });
}
