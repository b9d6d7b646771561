/** Keys of evergate.yaml for nodes and servers, and how the nodes agree: `nodes`, `servers`, `vrrp`. */

import * as z from 'zod';
import {
  absolutePath,
  account,
  choice,
  connections,
  duration,
  flag,
  HOUR_MS,
  hostPort,
  integer,
  interfaceName,
  nodeAddress,
  oneOrMore,
  port,
  SECOND_MS,
  word,
} from './values.ts';

/** One of each family. */
const NODE_ADDRESSES_MAX = 2;
const COMMAND_WORDS_MAX = 32;

const serverKeys = {
  port: port().optional().describe('Port of the apiserver. Default: apiserver-port'),
  weight: integer({ min: 0, max: 256 })
    .prefault(1)
    .describe('Share of the connections against the other servers; 0 takes none'),
  'max-connections': connections()
    .prefault(0)
    .describe('Connections to this server at once; 0 sets no limit'),
  slowstart: duration({ min: 0, max: HOUR_MS })
    .prefault('30s')
    .describe('From coming up until the full weight is reached; 0s: at once'),
  'send-proxy': choice(['none', 'v1', 'v2'])
    .prefault('none')
    .describe('PROXY protocol header before the bytes of the client'),
  backup: flag().prefault(false).describe('Used only when no other server is up'),
  maintenance: flag()
    .prefault(false)
    .describe('Starts in maintenance: neither checked nor used until it is made ready'),
};

export const node = z
  .strictObject({
    address: oneOrMore(nodeAddress('192.168.1.92'), NODE_ADDRESSES_MAX).describe(
      "The node's own address, by which it finds itself, or a name that leads there; a list where it has an address of each family",
    ),
    interface: interfaceName()
      .optional()
      .describe("Interface for the VIP. Default: the one with an address in the VIP's network"),
    priority: integer({ min: 1, max: 254 })
      .optional()
      .describe('VRRP priority; the highest holds the VIP. Default: by the order of the nodes'),
    server: z
      .strictObject(serverKeys)
      .optional()
      .describe("How the node's apiserver is used. Not beside servers"),
  })
  .describe('A node: its address, or a block of keys');

export const server = z
  .strictObject({
    address: hostPort('10.0.0.11:6443').describe('Address or host name, with or without a port'),
    ...serverKeys,
  })
  .describe('An apiserver: its address, or a block of keys');

/** A program by its whole path, with or without words behind it. */
function command(what: string): z.ZodOptional<z.ZodType<readonly string[], string | string[]>> {
  const words = oneOrMore(
    word('a program and its words', '/usr/local/sbin/notify', /^[^\0]+$/, 4095),
    COMMAND_WORDS_MAX,
  ).refine(([program]) => program?.startsWith('/') === true, {
    error: () => 'must begin with the whole path of a program; write it as /usr/local/sbin/notify',
  });
  return words.optional().describe(what);
}

export const notify = z
  .strictObject({
    master: command(
      'When the node has become master: its path, or a list of that and further words',
    ),
    backup: command('When it has become backup'),
    fault: command('When it is in fault'),
    stop: command('When it stops'),
    any: command(
      'After the others, with four words more: INSTANCE, the name of the instance, its state, its priority',
    ),
    user: account().prefault('root').describe('Account they run as'),
    group: account().optional().describe("Its group. Default: the account's own"),
  })
  .describe('Programs that are run when the node takes or loses the VIP, as keepalived runs them');

const garp = z
  .strictObject({
    repeat: integer({ min: 1, max: 100 }).prefault(5).describe('Announcements in a row'),
    delay: duration({ min: 0, max: 60 * SECOND_MS })
      .prefault('50ms')
      .describe('Until they are made once more'),
    refresh: duration({ min: 0, max: HOUR_MS })
      .prefault('0s')
      .describe('From then on, how often while master; 0s: never'),
  })
  .describe(
    'Gratuitous ARP, for IPv6 neighbour advertisements: how neighbours hear who holds the VIP',
  );

export const vrrp = z
  .strictObject({
    'router-id': integer({ min: 1, max: 255 })
      .optional()
      .describe(
        "Virtual router id, the same on every node. Default: the VIP's last number (IPv6: its last byte; 0: 255)",
      ),
    interface: interfaceName()
      .optional()
      .describe('Interface for the VIP on every node that names none of its own'),
    interval: duration({ min: 10, max: 40_950 })
      .prefault('100ms')
      .describe(
        'From advertisement to advertisement, in steps of 10ms; three missed ones are a failure',
      ),
    preempt: flag()
      .prefault(false)
      .describe('Whether a node of higher priority takes the VIP back when it returns'),
    'preempt-delay': duration({ min: 0, max: HOUR_MS })
      .prefault('0s')
      .describe('How long it waits before it does'),
    transport: choice(['unicast', 'multicast'])
      .prefault('unicast')
      .describe(
        'unicast: to the addresses of the other nodes; multicast: to 224.0.0.18 or ff02::12',
      ),
    key: absolutePath('/etc/evergate/vrrp.key')
      .optional()
      .describe(
        'File with the key that signs advertisements, the same on every node: "hex:" and 64 digits',
      ),
    'key-mode': choice(['enforce', 'permissive', 'receive-only'])
      .prefault('enforce')
      .describe(
        'enforce: what is not signed is refused; permissive: it is taken; receive-only: and nothing is signed here',
      ),
    'clock-tolerance': duration({ min: SECOND_MS, max: 300 * SECOND_MS })
      .prefault('30s')
      .describe(
        "How far the time in a signed advertisement may be from its sender's clock, or from ours where that cannot be asked",
      ),
    garp: garp.prefault({}),
  })
  .describe('How the nodes agree who holds the VIP (VRRP version 3, RFC 5798)');
