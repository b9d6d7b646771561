/** Keys of evergate.yaml for the process and who looks at it: `stats`, `runtime-socket`, `logs`, `balancer`. */

import * as z from 'zod';
import { SERVICE_ACCOUNT } from '../accounts.ts';
import { FACILITIES, LEVELS } from '../haproxy/convert-log.ts';
import { LISTENS_MAX, USERS_MAX } from './defaults.ts';
import {
  absolutePath,
  account,
  choice,
  connections,
  duration,
  flag,
  HOUR_MS,
  integer,
  listen,
  oneOrMore,
  word,
} from './values.ts';

export const stats = z
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
    refresh: duration({ min: 0, max: HOUR_MS })
      .prefault('0s')
      .describe('How often the page reloads itself; 0s: never'),
  })
  .describe('The page of HAProxy, with its CSV, and the metrics of Prometheus on /metrics');

export const runtimeSocket = z
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

export const log = z
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

export const balancer = z
  .strictObject({
    user: account()
      .prefault(SERVICE_ACCOUNT)
      .describe(
        "Account that carries the traffic; where it does not exist, a number that is nobody else's",
      ),
    group: account().optional().describe("Its group. Default: the account's own"),
    spare: flag()
      .prefault(true)
      .describe('Keep a second one that waits to take over; it costs about 80 MB'),
    grace: duration({ min: 0, max: 60_000 })
      .prefault('1s')
      .describe('How long none may serve before the VIP moves'),
    'hard-stop-after': duration({ min: 1000, max: 2_000_000_000 })
      .optional()
      .describe(
        'How long one that another has replaced, as an upgrade does, goes on with its connections. Default: until they end',
      ),
    threads: integer({ min: 0, max: 64 })
      .prefault(0)
      .describe('Relay threads; 0 chooses by the processors'),
    'max-connections': connections()
      .prefault(0)
      .describe('Client connections at once; 0: as many as the limit of open files carries'),
  })
  .describe('The balancer process');
