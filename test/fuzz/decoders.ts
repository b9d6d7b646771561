/**
 * Everything of ours that reads bytes of other machines, processes or people, each with good bytes to begin with and
 * what must hold whatever comes. None of them ever throws.
 */

import assert from 'node:assert/strict';
import { runCommand } from '../../src/balancer/admin/commands.ts';
import { testContext } from '../../src/balancer/admin/fixture.ts';
import { parseFromBalancer } from '../../src/contracts/protocol-table.ts';
import { LineReader } from '../../src/core/line-reader.ts';
import {
  encodeProxyHeader,
  HEADER_BYTES_MAX,
  parseProxyHeader,
} from '../../src/core/proxy-protocol.ts';
import { decodeArpClaim } from '../../src/linux/arp.ts';
import { decodeNeighbourClaim } from '../../src/linux/neighbour.ts';
import { decodeError, decodeMessages, encodeMessage } from '../../src/linux/netlink.ts';
import { decodeNews } from '../../src/linux/netlink-route.ts';
import { clientHello } from '../../src/planes/relay/fixture/client-hello.ts';
import { HelloReader } from '../../src/planes/relay/opening/hello-reader.ts';
import { VRRP_DECODERS } from './decoders-vrrp.ts';
import type { Decoder } from './fuzz-decoder.ts';

const MACS = { own: Buffer.from('020000000001', 'hex'), announced: Buffer.alloc(6, 0xee) };
const MAC_TEXT = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/;

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(' ', ''), 'hex');
const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');

const ARP: Decoder = {
  name: 'ARP',
  seeds: [
    hex(
      'ffffffffffff 020000000002 0806 0001 0800 06 04 0001 020000000002 0a630064 000000000000 0a630064',
    ),
    hex(
      '020000000001 020000000002 0806 0001 0800 06 04 0002 020000000002 0a630064 020000000001 0a630001',
    ),
  ],
  decode: (bytes) => {
    const claim = decodeArpClaim(bytes, MACS);
    if (claim === null) return false;
    assert.ok(typeof claim.address === 'number' && claim.address >= 0 && claim.address < 2 ** 32);
    assert.match(claim.mac, MAC_TEXT);
    assert.notEqual(claim.mac, '02:00:00:00:00:01');
    return true;
  },
};

/** An unsolicited Neighbor Advertisement, its checksum right. */
const ADVERTISEMENT = hex(
  '333300000001 020000000002 86dd 60000000 0020 3a ff fd000000000000000000000000000064 ' +
    'ff020000000000000000000000000001 8800 59d4 20000000 fd000000000000000000000000000064 0201020000000002',
);

const NEIGHBOUR: Decoder = {
  name: 'Neighbor Discovery',
  seeds: [ADVERTISEMENT],
  decode: (bytes) => {
    const claim = decodeNeighbourClaim(bytes, MACS);
    if (claim === null) return false;
    assert.ok(
      typeof claim.address === 'bigint' && claim.address >= 0n && claim.address < 1n << 128n,
    );
    assert.match(claim.mac, MAC_TEXT);
    return true;
  },
};

const LINK = encodeMessage(16, 0, 0, hex('00000100 02000000 43100100 00000000'), [
  { type: 3, value: latin1('ens192\0') },
  { type: 1, value: hex('020000000001') },
]);
const ADDRESS = encodeMessage(20, 0, 0, hex('02188000 02000000'), [
  { type: 1, value: hex('0a630064') },
  { type: 2, value: hex('0a630064') },
]);
const ADDRESS_6 = encodeMessage(21, 0, 0, hex('0a400000 02000000'), [
  { type: 1, value: hex('fd000000000000000000000000000064') },
]);

const NETLINK: Decoder = {
  name: 'netlink',
  seeds: [
    LINK,
    ADDRESS,
    ADDRESS_6,
    Buffer.concat([LINK, ADDRESS]),
    encodeMessage(2, 0, 1, hex('ffffffff'), []),
  ],
  decode: (bytes) => {
    let told = false;
    for (const message of decodeMessages(bytes)) {
      assert.ok(Number.isInteger(decodeError(message)));
      const news = decodeNews(message);
      if (news?.kind !== 'address' && news?.kind !== 'address-gone') continue;
      const { address, prefixLength } = news.address;
      assert.ok(typeof address === 'bigint' || (address >= 0 && address < 2 ** 32));
      assert.ok(prefixLength >= 0 && prefixLength <= 255);
      told = true;
    }
    return told;
  },
};

const ENDS = { sourcePort: 40_000, destinationPort: 8443 };
const [FOUR, SIX] = [hex('0a630001'), hex('fd000000000000000000000000000001')];

const PROXY: Decoder = {
  name: 'PROXY protocol',
  seeds: [FOUR, SIX].flatMap((source) =>
    ([1, 2] as const).map((version) =>
      Buffer.concat([
        encodeProxyHeader(version, { ...ENDS, source, destination: source }),
        hex('160301'),
      ]),
    ),
  ),
  decode: (bytes) => {
    const header = parseProxyHeader(bytes);
    if (header.kind === 'incomplete') assert.ok(bytes.length < HEADER_BYTES_MAX);
    if (header.kind !== 'header') return false;
    assert.ok(header.bytes > 0 && header.bytes <= bytes.length && header.bytes <= HEADER_BYTES_MAX);
    // It says the same when all of it, and nothing else, is there.
    assert.deepEqual(parseProxyHeader(bytes.subarray(0, header.bytes)), header);
    for (const end of [header.ends?.source, header.ends?.destination]) {
      assert.ok(end === undefined || end.length === 4 || end.length === 16);
    }
    return true;
  },
};

const READER = new HelloReader();

const HELLO: Decoder = {
  name: 'TLS hello',
  seeds: [
    clientHello(),
    clientHello({ recordBytes: 100 }),
    clientHello({ earlyData: true, paddingBytes: 0 }),
  ],
  decode: (bytes) => {
    const verdict = READER.judge(bytes, 0, bytes.length);
    if (verdict !== 'whole') return false;
    assert.equal(READER.judge(bytes, 0, bytes.length - 1), 'partial', 'a part of a whole one');
    const more = Buffer.concat([bytes, Uint8Array.of(0)]);
    assert.notEqual(READER.judge(more, 0, more.length), 'whole', 'and more is no hello');
    return true;
  },
};

const LINE_BYTES_MAX = 1000;

const CHANNEL: Decoder = {
  name: 'channel of a balancer',
  seeds: [
    '{"kind":"log","level":"info","text":"said"}',
    '{"kind":"serving"}',
    '{"kind":"servers","servers":[{"backend":"b","server":"s","admin":"maint","check":"up","health":0,"weight":null}]}',
    '{"kind":"reload","id":1,"error":null,"ended":0}',
    '{"kind":"report","id":1,"report":{"uptimeMs":1,"relays":1,"frontends":[],"backends":[]}}',
  ].map((line) => latin1(`${line}\n`)),
  decode: (bytes) => {
    const lines = new LineReader(LINE_BYTES_MAX).read(bytes);
    let told = false;
    for (const line of lines ?? []) {
      assert.ok(line.length <= LINE_BYTES_MAX && !line.includes('\n'));
      const parsed = parseFromBalancer(line);
      if (!parsed.ok) assert.ok(parsed.reason.length < 1000, 'a reason quotes little');
      told ||= parsed.ok;
    }
    return told;
  },
};

const ADMIN = testContext();

const COMMANDS: Decoder = {
  name: 'runtime socket',
  seeds: [
    ...[
      'show info',
      'show stat',
      'show servers state',
      'show errors',
      'help',
      'prompt',
      'help show',
    ],
    ...[
      'disable server kube-master/a',
      'set server kube-master/a weight 50%',
      'set weight kube-master/a 10',
    ],
    ...[
      'set server kube-master/a state drain',
      'shutdown sessions server kube-master/a',
      'show stat -1 4 -1',
    ],
    ...[
      'set timeout cli 10',
      'operator',
      'get weight kube-master/a',
      'enable health kube-master/a',
    ],
  ].map(latin1),
  decode: (bytes) => {
    const session = { level: 'admin', interactive: false, timeoutMs: 10_000 } as const;
    const reply = runCommand(bytes.toString('latin1'), ADMIN.context, { ...session });
    ADMIN.log.length = 0;
    ADMIN.shutdowns.length = 0;
    if (typeof reply !== 'string') return true;
    assert.ok(reply === '' || reply.endsWith('\n'));
    assert.doesNotMatch(reply, /undefined|\[object|NaN/);
    return !reply.startsWith('Unknown command');
  },
};

export const DECODERS: readonly Decoder[] = [
  ...VRRP_DECODERS,
  ARP,
  NEIGHBOUR,
  NETLINK,
  PROXY,
  HELLO,
  CHANNEL,
  COMMANDS,
];
