/**
 * evergate.yaml: every key, its kind of value, its default and what it is for. The descriptions are the
 * reference of docs/configuration.md and of the JSON Schema.
 */

import * as z from 'zod';
import { HASH_TYPES } from '../../balance/algorithm.ts';
import { ALGORITHM_NAMES } from '../../balance/algorithms.ts';
import { LISTENS_MAX, LOGS_MAX, NAMES_MAX, PEER_PORT, VIPS_MAX } from './defaults.ts';
import { node, notify, server, vrrp } from './schema-nodes.ts';
import { balancer, log, runtimeSocket, stats } from './schema-process.ts';
import { admission, check, clients, hedge, rebalance, tcp, timeouts } from './schema-traffic.ts';
import { account, choice, integer, listen, oneOrMore, port, vip, word } from './values.ts';

/** Names appear in statistics, logs and commands; all digits would be taken for a position. */
const NAME = /^(?!\d+$)[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;
export const NAME_LENGTH_MAX = 63;

export function isName(text: string): boolean {
  return NAME.test(text) && text.length <= NAME_LENGTH_MAX;
}

/** Of a value that may be a list as well, the complaint about the one value. */
function messagesOf(issue: z.core.$ZodIssue): readonly string[] {
  if (issue.code !== 'invalid_union') return [issue.message];
  return (issue.errors[0] ?? []).flatMap(messagesOf);
}

/** The short form of a block: text that stands for its one key. */
function shortForm<Value>(key: string, complete: z.ZodType<Value>, what: string, example: string) {
  const error = ({ input }: { readonly input?: unknown }): string =>
    input === null || input === undefined
      ? `is empty; give ${what}, such as ${example}`
      : `${JSON.stringify(input)} is not ${what}; write it as ${example}`;
  return z.string({ error }).transform((text, context): Value => {
    const done = complete.safeParse({ [key]: text });
    if (done.success) return done.data;
    for (const message of done.error.issues.flatMap(messagesOf)) {
      context.addIssue({ code: 'custom', message });
    }
    return z.NEVER;
  });
}

const nodeEntry = z.union([
  shortForm('address', node, 'the address of a node', '192.168.1.92'),
  node,
]);

const serverEntry = z.union([
  shortForm('address', server, 'the address of a server', '10.0.0.11:6443'),
  server,
]);

const runtimeSocketEntry = z.union([
  shortForm('path', runtimeSocket, 'the path of a socket', '/run/evergate/haproxy.sock'),
  runtimeSocket,
]);

/** For what speaks no TLS, or nobody knows what: a connect. */
const CONNECTS = { type: 'tcp' } as const;

/** Addresses are no names to a hello (RFC 6066 section 3), so the last label is more than digits. */
const HOST_PATTERN = /^(\*\.)?([A-Za-z0-9_-]{1,63}\.)*(?!\d+$)[A-Za-z0-9_-]{1,63}$/;
const HOST_PATTERN_LENGTH_MAX = 253;
const hostPattern = word(
  'a host name, alone or behind "*."',
  'api.example.com',
  HOST_PATTERN,
  HOST_PATTERN_LENGTH_MAX,
);

export function isHostPattern(text: string): boolean {
  return HOST_PATTERN.test(text) && text.length <= HOST_PATTERN_LENGTH_MAX;
}

const service = z
  .strictObject({
    listen: oneOrMore(listen(), LISTENS_MAX).describe(
      'Port on every address, or "address:port", or a list of these',
    ),
    names: oneOrMore(hostPattern, NAMES_MAX)
      .optional()
      .describe(
        'Takes only clients whose TLS hello has one of these names (SNI); "*.example.com" is all that end so. Those ' +
          'of other names, or none, go to the service without names that has the same listen',
      ),
    port: port()
      .optional()
      .describe('Port of the service on its servers. Default: the first one of listen'),
    servers: z
      .record(z.string(), serverEntry)
      .optional()
      .describe('Its servers. Default: those of the apiservers, with the port of the service'),
    check: z
      .union([word('the name of a service', 'kube-apiserver', NAME, NAME_LENGTH_MAX), check])
      .prefault(CONNECTS)
      .describe(
        'How its servers are checked: a block as check, without files of kubeadm as defaults; or the name of a ' +
          "service whose check it follows (the apiservers' is kube-apiserver). Default: by TCP connects",
      ),
  })
  .describe('A service beside the apiservers');

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
    services: z
      .record(z.string(), service)
      .optional()
      .describe('Further services of the same nodes, by name'),
    balance: choice(ALGORITHM_NAMES)
      .prefault('leastconn')
      .describe('Which server takes the next connection'),
    hash: choice(HASH_TYPES)
      .prefault('map-based')
      .describe('For balance source; consistent: few clients move when a server comes or goes'),
    source: choice(['node', 'client'])
      .prefault('node')
      .describe(
        "Whose address the servers see, and an apiserver's audit log tells: the node's, or the client's, which needs their way back to lead through the node that holds the VIP",
      ),
    retries: integer({ min: 0, max: 100 })
      .prefault(3)
      .describe('Further connects after the first before a client is given up'),
    check: check.prefault({}),
    timeouts: timeouts.prefault({}),
    hedge: hedge.prefault({}),
    admission: admission.prefault({}),
    rebalance: rebalance.prefault({}),
    tcp: tcp.prefault({}),
    clients: clients.prefault({}),
    vrrp: vrrp.prefault({}),
    notify: notify.optional(),
    stats: stats.optional(),
    'runtime-socket': runtimeSocketEntry
      .optional()
      .describe("HAProxy's runtime socket: its path, or a block of keys"),
    'peer-port': port()
      .prefault(PEER_PORT)
      .describe(
        'UDP port by which the nodes tell each other of their clients, and, with vrrp.key, ask each other: evergate drain, ready and maint of a server',
      ),
    'status-group': account('adm')
      .optional()
      .describe('Group whose members may ask "evergate status". Default: root only'),
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

/** As it stands in the file: addresses of nodes may be names. */
export type NativeText = z.output<typeof NATIVE_SCHEMA>;

/** With the addresses that names lead to. */
export type NodeEntry = z.output<typeof node> & {
  /** The names among them. */
  readonly hosts: readonly string[];
  /** Those that lead nowhere. */
  readonly lost: readonly string[];
};
export type NativeFile = Omit<NativeText, 'nodes'> & {
  readonly nodes: Readonly<Record<string, NodeEntry>>;
};
export type ServerEntry = z.output<typeof server>;
export type ServerKeys = Omit<ServerEntry, 'address'>;
export type ServiceEntry = z.output<typeof service>;
export type CheckSection = z.output<typeof check>;
