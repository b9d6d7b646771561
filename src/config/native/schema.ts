/**
 * evergate.yaml: every key, its kind of value, its default and what it is for. The descriptions are the
 * reference of docs/configuration.md and of the JSON Schema.
 */

import { z } from 'zod';
import { FACILITIES, LEVELS } from '../haproxy/convert-log.ts';
import {
  KUBEADM_CA,
  KUBEADM_CERT,
  KUBEADM_KEY,
  LISTENS_MAX,
  LOGS_MAX,
  USERS_MAX,
  VIPS_MAX,
} from './defaults.ts';
import {
  absolutePath,
  choice,
  duration,
  flag,
  hostPort,
  integer,
  interfaceName,
  ipv4,
  listen,
  network,
  oneOrMore,
  port,
  vip,
  word,
} from './values.ts';

const SECOND = 1000;
const HOUR = 3_600_000;
const CONNECTIONS_MAX = 1_000_000;

/** Names appear in statistics, logs and commands; all digits would be taken for a position. */
const NAME = /^(?!\d+$)[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;
export const NAME_LENGTH_MAX = 63;

export function isName(text: string): boolean {
  return NAME.test(text) && text.length <= NAME_LENGTH_MAX;
}

const account = () => word('an account', 'nobody', /^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$/, 32);
const connections = () => integer({ min: 0, max: CONNECTIONS_MAX });

const serverKeys = {
  port: port().optional().describe('Port of the apiserver. Default: apiserver-port'),
  weight: integer({ min: 0, max: 256 })
    .prefault(1)
    .describe('Share of the connections against the other servers; 0 takes none'),
  'max-connections': connections()
    .prefault(0)
    .describe('Connections to this server at once; 0 sets no limit'),
  slowstart: duration({ min: 0, max: HOUR })
    .prefault('0s')
    .describe('From coming up until the full weight is reached; 0s: at once'),
  'send-proxy': choice(['none', 'v1', 'v2'])
    .prefault('none')
    .describe('PROXY protocol header before the bytes of the client'),
  backup: flag().prefault(false).describe('Used only when no other server is up'),
  maintenance: flag()
    .prefault(false)
    .describe('Starts in maintenance: neither checked nor used until it is made ready'),
};

const node = z
  .strictObject({
    address: ipv4('192.168.1.92').describe("The node's own address, by which it finds itself"),
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

const server = z
  .strictObject({
    address: hostPort('10.0.0.11:6443').describe('Address or host name, with or without a port'),
    ...serverKeys,
  })
  .describe('An apiserver: its address, or a block of keys');

const check = z
  .strictObject({
    type: choice(['https', 'tls', 'tcp'])
      .prefault('https')
      .describe('https asks for path; tls ends after the handshake; tcp only connects'),
    path: word('a path', '/readyz', /^\/[!-~]*$/, 1024)
      .optional()
      .describe('What an https check asks for. Default: /readyz'),
    expect: oneOrMore(integer({ min: 100, max: 599 }, 'status'), 16)
      .optional()
      .describe(
        'Status codes that pass an https check; [200, 401] also takes "401 means alive". Default: 200',
      ),
    verify: flag()
      .optional()
      .describe("Whether the server's certificate must be valid. Default: true where ca is there"),
    ca: absolutePath(KUBEADM_CA)
      .optional()
      .describe(
        `Authority of the servers' certificates. Default: ${KUBEADM_CA}, where it is there`,
      ),
    cert: absolutePath(KUBEADM_CERT)
      .optional()
      .describe(
        `Client certificate of the check. Default: ${KUBEADM_CERT}, where it and its key are there`,
      ),
    key: absolutePath(KUBEADM_KEY).optional().describe(`Key of cert. Default: ${KUBEADM_KEY}`),
    token: absolutePath('/etc/evergate/token')
      .optional()
      .describe('File with a bearer token for an https check, in place of cert'),
    'server-name': word('a host name', 'kubernetes', /^[A-Za-z0-9.-]+$/, 253)
      .optional()
      .describe('Name to ask for (SNI) and to find in the certificate. Default: the address'),
    port: port().optional().describe("Port to check. Default: the server's own"),
    interval: duration({ min: 100, max: HOUR })
      .prefault('1s')
      .describe('From check to check while a server is up'),
    'fast-interval': duration({ min: 50, max: HOUR })
      .prefault('250ms')
      .describe('While a server is going up or down'),
    'down-interval': duration({ min: 50, max: HOUR })
      .prefault('1s')
      .describe('While a server is down'),
    timeout: duration({ min: 10, max: 60 * SECOND })
      .prefault('2s')
      .describe('Of one check, all in all'),
    rise: integer({ min: 1, max: 100 }).prefault(2).describe('Checks that must pass to be up'),
    fall: integer({ min: 1, max: 100 }).prefault(3).describe('Checks that must fail to be down'),
    passive: flag()
      .prefault(true)
      .describe('Whether a connect of traffic that fails takes the server out at once'),
  })
  .describe('How the servers are checked');

const timeouts = z
  .strictObject({
    connect: duration({ min: 10, max: 60 * SECOND })
      .prefault('2s')
      .describe('Of a connect to a server; then another one is tried'),
    queue: duration({ min: 10, max: HOUR })
      .prefault('10s')
      .describe('For a server with room, where max-connections sets a limit'),
    handshake: duration({ min: SECOND, max: HOUR })
      .prefault('1m')
      .describe('Until client and server have both sent something'),
    idle: duration({ min: SECOND, max: 168 * HOUR })
      .prefault('4h')
      .describe(
        "Of a connection without a byte in either direction; 4h is the kubelet's own limit",
      ),
    'half-closed': duration({ min: SECOND, max: HOUR })
      .prefault('1m')
      .describe('After one side has closed its direction'),
  })
  .describe('When waiting ends');

const hedge = z
  .strictObject({
    connect: duration({ min: 0, max: 60 * SECOND })
      .prefault('60ms')
      .describe('A connect not answered within it is raced by one to another server; 0s: never'),
    'first-answer': duration({ min: 0, max: 60 * SECOND })
      .prefault('150ms')
      .describe('A TLS hello not answered within it goes to another server too; 0s: never'),
  })
  .describe('Second attempts before a client notices that a server hangs');

const tcp = z
  .strictObject({
    'keepalive-idle': duration({ min: SECOND, max: 9 * HOUR })
      .prefault('30s')
      .describe('Silence before a peer is asked whether it is still there'),
    'keepalive-interval': duration({ min: SECOND, max: 9 * HOUR })
      .prefault('10s')
      .describe('From question to question'),
    'keepalive-probes': integer({ min: 1, max: 100 })
      .prefault(3)
      .describe('Questions without an answer until the connection is given up'),
    'user-timeout': duration({ min: SECOND, max: HOUR })
      .prefault('30s')
      .describe('Longest time that bytes on their way stay unacknowledged (TCP_USER_TIMEOUT)'),
  })
  .describe('How peers that are gone without a word are found, on both sides');

const clients = z
  .strictObject({
    allow: oneOrMore(network(), 256)
      .optional()
      .describe('Networks that may connect; all others may not'),
    deny: oneOrMore(network(), 256)
      .optional()
      .describe('Networks that may not connect, even if allow has them'),
    'rate-connections': integer({ min: 1, max: CONNECTIONS_MAX })
      .optional()
      .describe(
        'New connections of one address (IPv6: one /64) within rate-period; more are reset',
      ),
    'rate-period': duration({ min: 100, max: HOUR })
      .prefault('1s')
      .describe('See rate-connections'),
    'accept-proxy': flag()
      .prefault(false)
      .describe('Every connection begins with a PROXY protocol header that names its client'),
  })
  .describe('Who may connect');

const garp = z
  .strictObject({
    repeat: integer({ min: 1, max: 100 }).prefault(5).describe('Announcements in a row'),
    delay: duration({ min: 0, max: 60 * SECOND })
      .prefault('5s')
      .describe('Until they are made once more'),
    refresh: duration({ min: 0, max: HOUR })
      .prefault('0s')
      .describe('From then on, how often while master; 0s: never'),
  })
  .describe('Gratuitous ARP: how neighbours hear who holds the VIP');

const vrrp = z
  .strictObject({
    'router-id': integer({ min: 1, max: 255 })
      .optional()
      .describe(
        "Virtual router id, the same on every node. Default: the VIP's last number (0: 255)",
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
    'preempt-delay': duration({ min: 0, max: HOUR })
      .prefault('0s')
      .describe('How long it waits before it does'),
    transport: choice(['unicast', 'multicast'])
      .prefault('unicast')
      .describe('unicast: to the addresses of the other nodes; multicast: to 224.0.0.18'),
    garp: garp.prefault({}),
  })
  .describe('How the nodes agree who holds the VIP (VRRP version 3, RFC 5798)');

const stats = z
  .strictObject({
    listen: oneOrMore(listen(), LISTENS_MAX).describe('Where the page is served, over HTTP'),
    uri: word('a path', '/', /^\/[!-~]*$/, 1024)
      .prefault('/')
      .describe('Where on the server'),
    users: z
      .record(z.string(), word('a password', '"a-long-secret"', /^[^\0]+$/, 256))
      .prefault({})
      .describe(`Names and passwords, at most ${USERS_MAX}; without any, everybody may look`),
    admin: flag().prefault(false).describe('Whether the page may take servers out and back in'),
    refresh: duration({ min: 0, max: HOUR })
      .prefault('0s')
      .describe('How often the page reloads itself; 0s: never'),
  })
  .describe('The page of HAProxy, with its CSV, for people and tools');

const runtimeSocket = z
  .strictObject({
    path: absolutePath('/run/evergate/haproxy.sock').describe('Path of the unix socket'),
    mode: word('an octal mode in quotes', '"0660"', /^0?[0-7]{3}$/, 4)
      .prefault('0600')
      .describe('Permissions, in quotes'),
    user: account().optional().describe('Owner. Default: root'),
    group: account().optional().describe('Group. Default: that of root'),
    level: choice(['user', 'operator', 'admin'])
      .prefault('admin')
      .describe('What may be asked there, as in HAProxy'),
  })
  .describe("HAProxy's runtime socket, for its tools");

const log = z
  .strictObject({
    to: word('a target', '127.0.0.1:514', /^\S+$/, 256).describe(
      'stderr, stdout, the path of a syslog socket, or an address with or without a UDP port',
    ),
    facility: choice(FACILITIES).prefault('local0').describe('Syslog facility'),
    level: choice(LEVELS).prefault('info').describe('The least urgent level that is sent'),
    connections: flag()
      .prefault(false)
      .describe('Whether every connection is logged at its end, beside the events of servers'),
  })
  .describe('A target of log lines');

const balancer = z
  .strictObject({
    user: account().prefault('nobody').describe('Account that carries the traffic'),
    group: account().optional().describe("Its group. Default: the account's own"),
    threads: integer({ min: 0, max: 64 })
      .prefault(0)
      .describe('Relay threads; 0 chooses by the processors'),
    'max-connections': connections()
      .prefault(0)
      .describe('Client connections at once; 0: as many as the limit of open files carries'),
  })
  .describe('The balancer process');

const addressOf =
  <Value>(complete: z.ZodType<Value>) =>
  (address: string, context: z.RefinementCtx): Value => {
    const done = complete.safeParse({ address });
    if (done.success) return done.data;
    for (const { message } of done.error.issues) {
      context.addIssue({ code: 'custom', message });
    }
    return z.NEVER;
  };

const textFor = (what: string, example: string) =>
  z.string({
    error: ({ input }) =>
      input === null || input === undefined
        ? `is empty; give ${what}, such as ${example}`
        : `${JSON.stringify(input)} is not ${what}; write it as ${example}`,
  });

const nodeEntry = z.union([
  textFor('the address of a node', '192.168.1.92').transform(addressOf(node)),
  node,
]);

const serverEntry = z.union([
  textFor('the address of a server', '10.0.0.11:6443').transform(addressOf(server)),
  server,
]);

export const NATIVE_SCHEMA = z
  .strictObject({
    vip: oneOrMore(vip(), VIPS_MAX)
      .optional()
      .describe(
        'The virtual address or addresses, with the prefix length of their network. Without it no VRRP is spoken',
      ),
    listen: oneOrMore(listen(), LISTENS_MAX)
      .optional()
      .describe(
        'Port on every address, or "address:port", or a list of these. Without it nothing is balanced',
      ),
    nodes: z
      .record(z.string(), nodeEntry)
      .describe(
        'The nodes that run Evergate with this file, the preferred holder of the VIP first',
      ),
    'apiserver-port': port()
      .prefault(6443)
      .describe('Port of the apiservers on the nodes, and on servers that name none'),
    servers: z
      .record(z.string(), serverEntry)
      .optional()
      .describe('The apiservers, where they are not the nodes themselves'),
    balance: choice(['leastconn', 'roundrobin', 'static-rr', 'source', 'first', 'random'])
      .prefault('leastconn')
      .describe('Which server takes the next connection'),
    hash: choice(['map-based', 'consistent'])
      .prefault('map-based')
      .describe('For balance source; consistent: few clients move when a server comes or goes'),
    retries: integer({ min: 0, max: 100 })
      .prefault(3)
      .describe('Further connects after the first before a client is given up'),
    check: check.prefault({}),
    timeouts: timeouts.prefault({}),
    hedge: hedge.prefault({}),
    tcp: tcp.prefault({}),
    clients: clients.prefault({}),
    vrrp: vrrp.prefault({}),
    stats: stats.optional(),
    'runtime-socket': z
      .union([
        textFor('the path of a socket', '/run/evergate/haproxy.sock').transform((path, context) => {
          const done = runtimeSocket.safeParse({ path });
          if (done.success) return done.data;
          for (const { message } of done.error.issues)
            context.addIssue({ code: 'custom', message });
          return z.NEVER;
        }),
        runtimeSocket,
      ])
      .optional()
      .describe("HAProxy's runtime socket: its path, or a block of keys"),
    logs: z
      .array(log)
      .max(LOGS_MAX, { error: () => `is a list of more than ${LOGS_MAX}; shorten it` })
      .prefault([])
      .describe(
        'Where log lines go, beside the standard error of evergate, which tells the events of servers anyway',
      ),
    balancer: balancer.prefault({}),
  })
  .meta({
    title: 'evergate.yaml',
    description: 'The configuration of Evergate, the same on every node',
  });

export type NativeFile = z.output<typeof NATIVE_SCHEMA>;
export type NodeEntry = z.output<typeof node>;
export type ServerEntry = z.output<typeof server>;
export type ServerKeys = Omit<ServerEntry, 'address'>;
export type CheckSection = z.output<typeof check>;
