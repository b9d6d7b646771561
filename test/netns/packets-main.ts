/** One command of test/netns/packets.ts, in a process of its own inside a node. */

import { clearInterval, setInterval } from 'node:timers';
import { sendDatagram } from '../../src/linux/datagram-calls.ts';
import { pinnedBuffer } from '../../src/linux/libc.ts';
import { RouteSocket } from '../../src/linux/netlink-route.ts';
import { RawSocket } from '../../src/linux/raw-socket.ts';
import { AF_INET } from '../../src/linux/sockets.ts';
import { IPPROTO_VRRP } from '../../src/vrrp/packet.ts';
import type { PacketsCommand } from './packets.ts';

const GROUP = 0xe0000012;
/** Sent before the clock is looked at again. */
const BATCH = 64;
const POLL_MS = 2;

const command: PacketsCommand = JSON.parse(process.argv[2] ?? '');
const socket = openSocket(command.interface);
if (command.kind === 'capture') capture(command.count);
else print(String(flood(command)));

function openSocket(interfaceName: string): RawSocket {
  const route = new RouteSocket();
  const link = route.links().find(({ name }) => name === interfaceName);
  route.close();
  if (link === undefined) throw new Error(`no interface ${interfaceName}`);
  const options = { interfaceName, interfaceIndex: link.index, source: 0, group: GROUP };
  return new RawSocket({ ...options, protocol: IPPROTO_VRRP });
}

function capture(count: number): void {
  let left = count;
  const timer = setInterval(() => {
    for (let packet = socket.receive(); packet !== null && left > 0; packet = socket.receive()) {
      print(Buffer.from(packet.whole).toString('hex'));
      left -= 1;
    }
    if (left > 0) return;
    clearInterval(timer);
    socket.close();
  }, POLL_MS);
}

/** Through the socket that makes no header of its own: sources and TTL are as they stand in the packet. */
function flood({ packets, perSecond, ms }: Extract<PacketsCommand, { kind: 'flood' }>): number {
  const frames = packets.map((hex) => {
    const bytes = Buffer.from(hex, 'hex');
    const buffer = pinnedBuffer(4096);
    bytes.copy(buffer);
    const target = Buffer.alloc(16);
    target.writeUInt16LE(AF_INET, 0);
    bytes.copy(target, 4, 16, 20);
    return { buffer, length: bytes.length, target };
  });
  const startedAt = performance.now();
  let sent = 0;
  let tried = 0;
  for (;;) {
    const elapsedMs = performance.now() - startedAt;
    if (elapsedMs >= ms) return sent;
    if (tried >= (elapsedMs * perSecond) / 1000) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
      continue;
    }
    for (let count = 0; count < Math.min(BATCH, perSecond); count += 1) {
      const frame = frames[tried % frames.length];
      tried += 1;
      if (
        frame !== undefined &&
        sendDatagram(socket.fd, frame.buffer, frame.length, frame.target) > 0
      ) {
        sent += 1;
      }
    }
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
