/** `show ...`: what monitoring asks the runtime socket for. */

import { csvTable } from '../../stats/csv.ts';
import { infoText } from '../../stats/info.ts';
import { ALL_ROWS, filterRows, type RowFilter } from '../../stats/rows.ts';
import { type ServerStateRow, serversStateText } from '../../stats/state-file.ts';
import {
  followedAdmin,
  isStopping,
  isUp,
  type ServerEntry,
  weightOf,
} from '../servers/server-entry.ts';
import { listProxies } from '../statistics/collect-rows.ts';
import { type Command, type CommandSession, FORMATS, surplusReply } from './command-table.ts';
import type { AdminContext } from './context.ts';

export const SHOW_COMMANDS: readonly Command[] = [
  {
    words: ['show', 'backend'],
    usage: 'show backend',
    help: 'list backends in the current running config',
    argsMax: 0,
    level: 'user',
    run: (_, { config }) =>
      `# name\n${backendNames(config)
        .map((name) => `${name}\n`)
        .join('')}`,
  },
  {
    words: ['show', 'cli', 'level'],
    usage: 'show cli level',
    help: 'display the level of the current CLI session',
    argsMax: 0,
    level: 'user',
    run: (_, __, { level }) => `${level}\n`,
  },
  {
    words: ['show', 'info'],
    usage: 'show info',
    help: 'report information about the running process',
    argsMax: 0,
    level: 'user',
    run: (_, context) => infoText(context.info()),
  },
  {
    words: ['show', 'servers', 'state'],
    usage: 'show servers state [<backend>]',
    help: 'dump volatile server information (all or for a single backend)',
    argsMax: 1,
    level: 'user',
    run: ([backend], context) => showServersState(context, backend),
  },
  {
    words: ['show', 'stat'],
    usage: 'show stat [<iid|name> <type> <sid>]',
    help: 'report counters for each proxy and server',
    argsMax: null,
    level: 'user',
    run: showStat,
  },
  {
    // Datadog's agent asks for it on every round; there are no tables.
    words: ['show', 'table'],
    usage: 'show table',
    help: 'report table usage stats',
    argsMax: null,
    level: 'user',
    run: ([name]) => (name === undefined ? '' : 'No such table\n'),
  },
  {
    words: ['show', 'version'],
    usage: 'show version',
    help: 'show version of the current process',
    argsMax: 0,
    level: 'user',
    run: (_, context) => `${context.info().version}\n`,
  },
];

function backendNames({ backends, httpFrontends }: AdminContext['config']): readonly string[] {
  return [...backends, ...httpFrontends].map(({ name }) => name);
}

/** `show stat [<iid|name> <type> <sid>] [up] [no-maint]`; a name alone is not a filter, as in HAProxy. */
function showStat(args: readonly string[], context: AdminContext, session: CommandSession): string {
  const words = args.filter((arg) => arg !== 'up' && arg !== 'no-maint');
  const unknown = (word: string, index: number): boolean =>
    index >= 3 || FORMATS.has(word) || (index === 0 && word === 'domain');
  const surplus = words.find(unknown);
  if (surplus !== undefined) return surplusReply(surplus, 'show stat');
  const [proxy, kinds, serverId] = words;
  let filter: RowFilter = {
    ...ALL_ROWS,
    upOnly: args.includes('up'),
    hideMaint: args.includes('no-maint'),
  };
  if (proxy !== undefined && kinds !== undefined && serverId !== undefined) {
    filter = {
      ...filter,
      proxy: /^-?\d+$/.test(proxy) ? (Number(proxy) === -1 ? null : Number(proxy)) : proxy,
      kinds: integer(kinds),
      serverId: integer(serverId),
    };
  }
  const legends = session.level !== 'user';
  return csvTable(filterRows(context.rows(), filter), { legends });
}

/** As atoi(3) reads it: 0 when it is none. */
function integer(text: string): number {
  const value = Number.parseInt(text, 10);
  return Number.isNaN(value) ? 0 : value;
}

function showServersState(context: AdminContext, backend: string | undefined): string {
  const rows = serverStateRows(context);
  if (backend === undefined) return serversStateText(rows);
  if (!context.config.backends.some(({ name }) => name === backend)) return "Can't find backend.\n";
  return serversStateText(rows.filter((row) => row.backend === backend));
}

type NameFields = Pick<ServerStateRow, 'fqdn' | 'service' | 'served'>;

function namesOf({ config, address, addressLoss }: ServerEntry): NameFields {
  const { host, resolution } = config;
  if (resolution === undefined) return { fqdn: null, service: null, served: false };
  if (resolution.kind === 'addresses') return { fqdn: host, service: null, served: false };
  const served = address !== null || addressLoss !== '';
  return { fqdn: address?.name ?? null, service: host, served };
}

function serverStateRows({ config, table, now }: AdminContext): readonly ServerStateRow[] {
  return listProxies(config)
    .filter(({ kind }) => kind === 'backend')
    .flatMap(({ id, index }) =>
      (table.backends[index]?.servers ?? []).map((entry, server) => ({
        backendId: id,
        backend: config.backends[index]?.name ?? '',
        serverId: server + 1,
        server: entry.config.name,
        host: entry.address?.host ?? null,
        port: entry.address?.port ?? entry.config.port,
        ...namesOf(entry),
        up: isUp(entry),
        stopping: isStopping(entry),
        admin: entry.admin,
        followed: followedAdmin(entry),
        disabledByConfig: entry.config.disabled,
        weight: weightOf(entry),
        configuredWeight: entry.config.weight,
        lastChangeS: Math.floor((now() - entry.changedAtMs) / 1000),
        check:
          entry.config.check === null
            ? null
            : { status: entry.result.status, health: entry.health },
      })),
    );
}
