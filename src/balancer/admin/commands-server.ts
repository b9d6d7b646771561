/** Commands that change servers: `set server`, `enable server`, `set weight` and their relatives. */

import { algorithmOf } from '../../balance/algorithms.ts';
import { assert } from '../../core/assert.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { AdminState } from '../../health/server-state.ts';
import { weightOf } from '../servers/server-entry.ts';
import { WEIGHT_MAX } from '../servers/server-table.ts';
import { type Command, surplusReply } from './command-table.ts';
import type { AdminContext } from './context.ts';

const SET_STATE = 'set server <bk>/<srv> state ready|drain|maint';
const SET_WEIGHT = 'set server <bk>/<srv> weight <weight>[%]';

type Place = { readonly backend: number; readonly server: number };

export const SERVER_COMMANDS: readonly Command[] = [
  {
    words: ['disable', 'server'],
    usage: 'disable server (DEPRECATED)',
    help: "disable a server for maintenance (use 'set server' instead)",
    argsMax: 1,
    level: 'admin',
    run: withServer((place, _, context) => setAdmin(place, 'maint', context)),
  },
  {
    words: ['enable', 'server'],
    usage: 'enable server  (DEPRECATED)',
    help: "enable a disabled server (use 'set server' instead)",
    argsMax: 1,
    level: 'admin',
    run: withServer((place, _, context) => setAdmin(place, 'ready', context)),
  },
  {
    words: ['get', 'weight'],
    usage: 'get weight <bk>/<srv>',
    help: "report a server's current weight",
    argsMax: 1,
    level: 'user',
    run: withServer(({ backend, server }, _, { table }) => {
      const entry = table.entry(backend, server);
      return `${weightOf(entry)} (initial ${entry.config.weight})\n`;
    }),
  },
  {
    words: ['set', 'server'],
    usage: 'set server <bk>/<srv> [opts]',
    help: "change a server's state or weight",
    argsMax: null,
    level: 'admin',
    run: withServer(setServer),
  },
  {
    words: ['set', 'weight'],
    usage: 'set weight <bk>/<srv>  (DEPRECATED)',
    help: "change a server's weight (use 'set server' instead)",
    argsMax: 2,
    level: 'admin',
    run: withServer((place, [weight], context) => setWeight(place, weight, context)),
  },
  {
    words: ['shutdown', 'sessions', 'server'],
    usage: 'shutdown sessions server <bk>/<srv>',
    help: 'kill sessions on a server',
    argsMax: 1,
    level: 'admin',
    run: withServer(({ backend, server }, _, context) => {
      const done = context.shutdownSessions(backend, server);
      return done ? '' : 'This data plane ends no sessions.\n';
    }),
  },
];

/** Finds "backend/server" in the first argument, or answers as HAProxy does. */
function withServer(
  run: (place: Place, args: readonly string[], context: AdminContext) => string,
): Command['run'] {
  return ([path = '', ...args], context) => {
    const cut = path.indexOf('/');
    if (cut <= 0 || cut === path.length - 1) return "Require 'backend/server'.\n";
    const backend = path.slice(0, cut);
    if (!context.config.backends.some(({ name }) => name === backend)) return 'No such backend.\n';
    const place = context.table.find(backend, path.slice(cut + 1));
    return place === null ? 'No such server.\n' : run(place, args, context);
  };
}

function setServer(place: Place, args: readonly string[], context: AdminContext): string {
  const [what, value, surplus] = args;
  switch (what) {
    case 'state':
      if (surplus !== undefined) return surplusReply(surplus, SET_STATE);
      if (value !== 'ready' && value !== 'drain' && value !== 'maint') {
        return "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n";
      }
      return setAdmin(place, value, context);
    case 'weight':
      if (surplus !== undefined) return surplusReply(surplus, SET_WEIGHT);
      return setWeight(place, value, context);
    default:
      return 'usage: set server <backend>/<server> state | weight\n';
  }
}

function setAdmin({ backend, server }: Place, admin: AdminState, context: AdminContext): string {
  context.setAdmin(backend, server, admin, '');
  return '';
}

function setWeight(place: Place, text: string | undefined, context: AdminContext): string {
  const { backend, server } = place;
  const configured = context.table.entry(backend, server).config.weight;
  const weight = parseWeight(text, configured);
  if (!weight.ok) return `${weight.reason}\n`;
  const balance = context.config.backends[backend]?.balance;
  assert(balance !== undefined, 'a server is found in a backend of the configuration');
  const isStatic = algorithmOf(balance.kind).isStatic(balance);
  if (isStatic && weight.value !== 0 && weight.value !== configured) {
    return "Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.\n";
  }
  context.table.setWeight(backend, server, weight.value);
  return '';
}

/** "7" or "50%" of the configured weight. */
function parseWeight(text: string | undefined, configured: number): Result<number> {
  if (text === undefined) return fail('Require <weight> or <weight%>.');
  const [, digits, rest] = /^(-?\d{1,9})(.*)$/.exec(text) ?? [];
  if (digits === undefined) return fail('Empty weight string empty or preceded by garbage');
  const value = Number(digits);
  if (rest === '%') {
    if (value < 0) return fail('Relative weight must be positive.');
    return ok(Math.min(WEIGHT_MAX, Math.floor((configured * value) / 100)));
  }
  if (rest !== '') return fail('Trailing garbage in weight string');
  if (value < 0 || value > WEIGHT_MAX) {
    return fail('Absolute weight can only be between 0 and 256 inclusive.');
  }
  return ok(value);
}
