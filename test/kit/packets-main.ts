/** One command of test/kit/packets.ts, in a process of its own inside a node. */

import { bootMs } from '../../src/linux/clock.ts';
import { bindRaw, receiveDatagram, sendDatagram } from '../../src/linux/datagram-calls.ts';
import { pinnedBuffer } from '../../src/linux/libc.ts';
import { type Link, RouteSocket } from '../../src/linux/netlink-route.ts';
import { Raw4Socket } from '../../src/linux/raw4-socket.ts';
import { AF_INET, openSocket, SOCK_RAW } from '../../src/linux/sockets.ts';
import { IPPROTO_VRRP } from '../../src/vrrp/packet.ts';
import { type PacketsCommand, SPOOF_GAP_MS } from './packets.ts';

const GROUP = 0xe0000012;
const AF_PACKET = 17;
const ETHERTYPE_ALL = 3;
const ETHERTYPE_ARP = '0806';
const ARP_BYTES = 42;
/** Where IPv4 and IPv6 have the number of what is in them, from the Ethernet header on. */
const PROTOCOL_OFFSETS = { '0800': 14 + 9, '86dd': 14 + 6 } as const;
/** Sent before the clock is looked at again. */
const BATCH = 64;
const POLL_MS = 2;

const command: PacketsCommand = JSON.parse(process.argv[2] ?? '');
const link = linkOf(command.interface);
if (command.kind === 'flood') print(String(flood(command)));
else if (command.kind === 'spoof') await spoof(command);
else if (command.kind === 'watch') await watch(command.ms);
else if (command.kind === 'watch-claims') await watchClaims(command.ms);
else if (command.kind === 'capture') await capture(command.count, adverts());
else await capture(command.count, frames());

function linkOf(name: string): Link {
  const route = new RouteSocket();
  const found = route.links().find((each) => each.name === name);
  route.close();
  if (found === undefined) throw new Error(`no interface ${name}`);
  return found;
}

function openRaw(): Raw4Socket {
  const options = { interfaceName: link.name, interfaceIndex: link.index, source: 0 };
  return new Raw4Socket({ ...options, protocol: IPPROTO_VRRP, group: GROUP });
}

/** The next one that waits; null: none. */
type Source<Bytes = Uint8Array> = () => Bytes | null;

function adverts(): Source {
  const socket = openRaw();
  return () => socket.receive()?.whole ?? null;
}

/** Prints when each advertisement was read, and its source as a number. */
async function watch(ms: number): Promise<void> {
  const socket = openRaw();
  const end = bootMs() + ms;
  while (bootMs() < end) {
    const packet = socket.receive();
    if (packet === null) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    else print(`${bootMs()} ${packet.source}`);
  }
}

/** Prints advertisements of IPv4 and gratuitous ARP in the order in which they came. */
async function watchClaims(ms: number): Promise<void> {
  const next = framesThat((frame) => isGratuitous(frame) || isAdvert(frame, '0800'));
  print('listening');
  const end = bootMs() + ms;
  while (bootMs() < end) {
    const frame = next();
    if (frame === null) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    else if (isGratuitous(frame))
      print(`${bootMs()} garp ${frame.readUInt32BE(28)} ${macOf(frame)} -`);
    else
      print(`${bootMs()} advert ${frame.readUInt32BE(26)} ${macOf(frame)} ${frame[14 + 20 + 2]}`);
  }
}

function macOf(frame: Buffer): string {
  return [...frame.subarray(6, 12)].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** Gratuitous ARP: sender and target are one address. */
function isGratuitous(frame: Buffer): boolean {
  return (
    frame.toString('hex', 12, 14) === ETHERTYPE_ARP &&
    frame.subarray(28, 32).equals(frame.subarray(38, 42))
  );
}

function isAdvert(frame: Buffer, type: keyof typeof PROTOCOL_OFFSETS): boolean {
  return frame.toString('hex', 12, 14) === type && frame[PROTOCOL_OFFSETS[type]] === IPPROTO_VRRP;
}

/** Advertisements with the frame around them. */
function frames(): Source {
  return framesThat((frame) => isAdvert(frame, '0800') || isAdvert(frame, '86dd'));
}

/** Sends and receives whole frames of the interface. */
function openFrames(): number {
  const fd = openSocket(AF_PACKET, SOCK_RAW, 0);
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeUInt16BE(ETHERTYPE_ALL, 2);
  address.writeInt32LE(link.index, 4);
  bindRaw(fd, address, link.name);
  return fd;
}

function framesThat(matches: (frame: Buffer) => boolean, fd = openFrames()): Source<Buffer> {
  const buffer = pinnedBuffer(4096);
  return () => {
    for (;;) {
      const length = receiveDatagram(fd, buffer);
      if (length < 0) return null;
      const frame = buffer.subarray(0, length);
      if (matches(frame)) return frame;
    }
  };
}

async function capture(count: number, next: Source): Promise<void> {
  let left = count;
  while (left > 0) {
    const bytes = next();
    if (bytes === null) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      continue;
    }
    print(Buffer.from(bytes).toString('hex'));
    left -= 1;
  }
}

/** Through a socket that makes no header of its own: source and TTL are as they stand in the packet. */
function flood({ packets, perSecond, ms }: Extract<PacketsCommand, { kind: 'flood' }>): number {
  const socket = openRaw();
  const ready = packets.map((hex) => {
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
      const packet = ready[tried % ready.length];
      tried += 1;
      if (packet === undefined) continue;
      if (sendDatagram(socket.fd, packet.buffer, packet.length, packet.target) > 0) sent += 1;
    }
  }
}

/** RFC 826; `to`: who gets the frame, and is its target. Operation 1 is a request, 2 a reply. */
function arpFrame(
  operation: 1 | 2,
  sender: number,
  to: { mac: Uint8Array; address: number },
): Buffer {
  const frame = pinnedBuffer(4096);
  frame.set(to.mac, 0);
  frame.set(link.mac, 6);
  frame.write(`${ETHERTYPE_ARP}000108000604`, 12, 'hex');
  frame.writeUInt16BE(operation, 20);
  frame.set(link.mac, 22);
  frame.writeUInt32BE(sender, 28);
  frame.set(to.mac, 32);
  frame.writeUInt32BE(to.address, 38);
  return frame;
}

async function spoof({ address, how, ms }: Extract<PacketsCommand, { kind: 'spoof' }>) {
  const fd = openFrames();
  const isQuestion = (frame: Buffer): boolean =>
    frame.toString('hex', 12, 14) === ETHERTYPE_ARP &&
    frame.readUInt16BE(20) === 1 &&
    frame.readUInt32BE(38) === address &&
    !frame.subarray(6, 12).equals(link.mac);
  const next = framesThat(isQuestion, fd);
  const all = { mac: Buffer.alloc(6, 0xff), address };
  const gratuitous = [arpFrame(1, address, all), arpFrame(2, address, all)];
  print('at work');
  const startedAt = bootMs();
  for (let turn = 0; bootMs() < startedAt + ms; ) {
    if (how === 'announces' && bootMs() >= startedAt + turn * SPOOF_GAP_MS) {
      const frame = gratuitous[turn % 2];
      if (frame !== undefined) sendDatagram(fd, frame, ARP_BYTES, null);
      turn += 1;
    }
    const question = how === 'answers' ? next() : null;
    if (question === null) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      continue;
    }
    const asker = { mac: question.subarray(22, 28), address: question.readUInt32BE(28) };
    sendDatagram(fd, arpFrame(2, address, asker), ARP_BYTES, null);
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
