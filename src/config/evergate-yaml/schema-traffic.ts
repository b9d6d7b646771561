/** Keys of evergate.yaml for connections: `check`, `timeouts`, `hedge`, `admission`, `tcp`, `clients`. */

import * as z from 'zod';
import { ALL_CHECK_KINDS, CHECK_TYPES } from '../../health/kinds/check-kinds.ts';
import { ADMISSION } from '../admission.ts';
import { HEDGE_AFTER_MS, HEDGE_CONNECT_MS } from '../hedging.ts';
import { KUBEADM_CA } from './defaults.ts';
import {
  absolutePath,
  CONNECTIONS_MAX,
  choice,
  duration,
  flag,
  HOUR_MS,
  integer,
  network,
  oneOrMore,
  port,
  SECOND_MS,
  word,
} from './values.ts';

export const check = z
  .strictObject({
    type: choice(CHECK_TYPES)
      .prefault('https')
      .describe(ALL_CHECK_KINDS.map(({ type, does }) => `${type} ${does}`).join('; ')),
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
    cert: absolutePath('/etc/evergate/check.crt')
      .optional()
      .describe(
        'Client certificate of the check. Default: none; kubeadm answers /readyz to anyone',
      ),
    key: absolutePath('/etc/evergate/check.key').optional().describe('Key of cert'),
    token: absolutePath('/etc/evergate/token')
      .optional()
      .describe('File with a bearer token for an https check, in place of cert'),
    'server-name': word('a host name', 'kubernetes', /^[A-Za-z0-9.-]+$/, 253)
      .optional()
      .describe('Name to ask for (SNI) and to find in the certificate. Default: the address'),
    port: port().optional().describe("Port to check. Default: the server's own"),
    interval: duration({ min: 100, max: HOUR_MS })
      .prefault('250ms')
      .describe('From check to check while a server is up'),
    'fast-interval': duration({ min: 50, max: HOUR_MS })
      .prefault('100ms')
      .describe('While a server is going up or down'),
    'down-interval': duration({ min: 50, max: HOUR_MS })
      .prefault('1s')
      .describe('While a server is down'),
    timeout: duration({ min: 10, max: 60 * SECOND_MS })
      .optional()
      .describe(
        'Of one check, all in all. Default: 2s, and for a server that is up as little as it usually needs, at least 350ms',
      ),
    rise: integer({ min: 1, max: 100 }).prefault(3).describe('Checks that must pass to be up'),
    fall: integer({ min: 1, max: 100 }).prefault(3).describe('Checks that must fail to be down'),
    passive: flag()
      .prefault(true)
      .describe('Whether a connect of traffic that fails takes the server out at once'),
  })
  .describe('How the servers are checked');

export const timeouts = z
  .strictObject({
    connect: duration({ min: 10, max: 60 * SECOND_MS })
      .prefault('2s')
      .describe('Of a connect to a server; then another one is tried'),
    queue: duration({ min: 10, max: HOUR_MS })
      .prefault('10s')
      .describe('For a server with room, see admission and max-connections'),
    handshake: duration({ min: SECOND_MS, max: HOUR_MS })
      .prefault('1m')
      .describe('Until client and server have both sent something'),
    idle: duration({ min: SECOND_MS, max: 168 * HOUR_MS })
      .prefault('4h')
      .describe(
        "Of a connection without a byte in either direction; 4h is the kubelet's own limit",
      ),
    'half-closed': duration({ min: SECOND_MS, max: HOUR_MS })
      .prefault('1m')
      .describe('After one side has closed its direction'),
  })
  .describe('When waiting ends');

export const hedge = z
  .strictObject({
    connect: duration({ min: 0, max: 60 * SECOND_MS })
      .prefault(`${HEDGE_CONNECT_MS}ms`)
      .describe('A connect not answered within it is raced by one to another server; 0s: never'),
    'first-answer': duration({ min: 0, max: 60 * SECOND_MS })
      .prefault(`${HEDGE_AFTER_MS}ms`)
      .describe(
        'A TLS hello not answered within it, or three times what the server usually takes, goes to another ' +
          'server too; 0s: never',
      ),
  })
  .describe('Second attempts before a client notices that a server hangs');

export const admission = z
  .strictObject({
    cold: integer({ min: 1, max: CONNECTIONS_MAX })
      .prefault(ADMISSION.cold)
      .describe(
        'TLS hellos without an answer at one server that has answered nothing for 10 s; the next clients wait',
      ),
    max: integer({ min: 0, max: CONNECTIONS_MAX })
      .prefault(ADMISSION.max)
      .describe(
        'The same at any server: each prompt answer lets it have one more, up to this; 0: no limit at all',
      ),
  })
  .describe(
    "How many clients may wait for one server's answer to their hello, so that no crowd storms it",
  );

/** Changes are gentle: a connection that is moved costs its client a new TLS handshake. */
export const rebalance = z
  .strictObject({
    after: duration({ min: 0, max: HOUR_MS })
      .prefault('30s')
      .describe(
        'From the return of a server until the first connection moves, lengthened by up to half',
      ),
    rate: integer({ min: 0, max: 100 })
      .prefault(5)
      .describe('Connections that move within a second, at most; 0: never'),
  })
  .describe('Moves old connections to a server that returned, until all have their share');

export const tcp = z
  .strictObject({
    'keepalive-idle': duration({ min: SECOND_MS, max: 9 * HOUR_MS })
      .prefault('30s')
      .describe('Silence before a peer is asked whether it is still there'),
    'keepalive-interval': duration({ min: SECOND_MS, max: 9 * HOUR_MS })
      .prefault('10s')
      .describe('From question to question'),
    'keepalive-probes': integer({ min: 1, max: 100 })
      .prefault(3)
      .describe('Questions without an answer until the connection is given up'),
    'user-timeout': duration({ min: SECOND_MS, max: HOUR_MS })
      .prefault('30s')
      .describe('Longest time that bytes on their way stay unacknowledged (TCP_USER_TIMEOUT)'),
  })
  .describe('How peers that are gone without a word are found, on both sides');

export const clients = z
  .strictObject({
    allow: oneOrMore(network(), 256)
      .optional()
      .describe('Networks that may connect; all others may not'),
    deny: oneOrMore(network(), 256)
      .optional()
      .describe('Networks that may not connect, even if allow has them'),
    connections: integer({ min: 1, max: CONNECTIONS_MAX })
      .optional()
      .describe(
        'Open connections of one address (IPv6: one /64) to one service; more are reset. Clients behind one router share it',
      ),
    'rate-connections': integer({ min: 1, max: CONNECTIONS_MAX })
      .optional()
      .describe(
        'New connections of one address (IPv6: one /64) within rate-period; more are reset',
      ),
    'rate-period': duration({ min: 100, max: HOUR_MS })
      .prefault('1s')
      .describe('See rate-connections'),
    'accept-proxy': flag()
      .prefault(false)
      .describe('Every connection begins with a PROXY protocol header that names its client'),
  })
  .describe('Who may connect');
