/**
 * The runtime socket's commands: one table, looked up by words, and HAProxy's answers to what is not in it
 * (management guide 9.3, HAProxy 2.6).
 */

import type { StatsSocketConfig } from '../../config/model/process.ts';
import {
  type Command,
  type CommandReply,
  type CommandSession,
  surplusReply,
} from './command-table.ts';
import { SERVER_COMMANDS } from './commands-server.ts';
import { SHOW_COMMANDS } from './commands-show.ts';
import type { AdminContext } from './context.ts';

type Level = StatsSocketConfig['level'];

const RANKS: Readonly<Record<Level, number>> = { user: 0, operator: 1, admin: 2 };

const SESSION_COMMANDS: readonly Command[] = [
  // Of HAProxy's master process, whose socket this is as well: there is one for both.
  {
    words: ['reload'],
    usage: 'reload',
    help: 'read the configuration again and go on by it',
    argsMax: 0,
    level: 'admin',
    run: (_, context) => context.reload(),
  },
  {
    // More words are let pass, as in HAProxy.
    words: ['clear', 'counters'],
    usage: 'clear counters [all]',
    help: 'clear max statistics counters (or all counters)',
    argsMax: null,
    level: 'operator',
    run: clearCounters,
  },
  {
    words: ['set', 'timeout'],
    usage: 'set timeout [cli] <delay>',
    help: 'change a timeout setting',
    argsMax: 2,
    level: 'user',
    run: (args, _, session) => setTimeoutReply(args, session),
  },
  {
    words: ['operator'],
    usage: 'operator',
    help: 'lower the level of the current CLI session to operator',
    argsMax: 0,
    level: 'operator',
    run: (_, __, session) => lower(session, 'operator'),
  },
  {
    words: ['user'],
    usage: 'user',
    help: 'lower the level of the current CLI session to user',
    argsMax: 0,
    level: 'user',
    run: (_, __, session) => lower(session, 'user'),
  },
  {
    words: ['help'],
    usage: 'help [<command>]',
    help: 'list matching or all commands',
    argsMax: null,
    level: 'user',
    run: (args, _, session) => helpText(args, session),
  },
  {
    words: ['prompt'],
    usage: 'prompt',
    help: 'toggle interactive mode with prompt',
    argsMax: 0,
    level: 'user',
    run: (_, __, session) => {
      session.interactive = !session.interactive;
      return '';
    },
  },
  {
    words: ['quit'],
    usage: 'quit',
    help: 'disconnect',
    argsMax: 0,
    level: 'user',
    run: () => ({ kind: 'quit' }),
  },
];

const COMMANDS: readonly Command[] = [...SERVER_COMMANDS, ...SHOW_COMMANDS, ...SESSION_COMMANDS];

/** Listed under every "maybe one of the following" answer. */
const ALWAYS_HELPFUL: ReadonlySet<string> = new Set(['help', 'prompt', 'quit']);

/** Runs one command line (without `;`); the reply lacks the empty line that ends it. */
export function runCommand(
  line: string,
  context: AdminContext,
  session: CommandSession,
): CommandReply {
  const words = line.trim().split(/\s+/);
  if (words[0] === '') {
    return `Unknown command. Please enter one of the following commands only:\n${list(COMMANDS, session)}`;
  }
  const command = COMMANDS.find((one) => one.words.every((word, index) => words[index] === word));
  if (command === undefined) {
    return `Unknown command, but maybe one of the following ones is a better match:\n${list(similar(words), session)}`;
  }
  if (RANKS[session.level] < RANKS[command.level]) return 'Permission denied\n';
  const args = words.slice(command.words.length);
  const surplus = args[command.argsMax ?? args.length];
  if (surplus !== undefined) return surplusReply(surplus, usageOf(command));
  return command.run(args, context, session);
}

/** Without the remark behind some. */
function usageOf({ usage }: Command): string {
  return usage.replace(/ *\(DEPRECATED\)$/, '');
}

function helpText(args: readonly string[], session: CommandSession): string {
  const wanted = args.length === 0 ? COMMANDS : similar(args);
  return `The following commands are valid at this level:\n${list(wanted, session)}`;
}

function list(commands: readonly Command[], session: CommandSession): string {
  return commands
    .filter(({ level }) => RANKS[level] <= RANKS[session.level])
    .map(({ usage, help }) => `  ${usage.padEnd(40)}: ${help}\n`)
    .join('');
}

/** Commands that share the most words, or beginnings of words, with the line. */
function similar(words: readonly string[]): readonly Command[] {
  const scores = COMMANDS.map((command) => score(command, words));
  const best = Math.max(...scores);
  return COMMANDS.filter(
    ({ words: [first = ''] }, index) =>
      ALWAYS_HELPFUL.has(first) || (best > 0 && scores[index] === best),
  );
}

function score({ words }: Command, given: readonly string[]): number {
  let points = 0;
  for (const [index, word] of words.entries()) {
    const other = (given[index] ?? '').toLowerCase();
    if (other === word) points += 10;
    else points += sharedStart(word, other);
  }
  return points;
}

function sharedStart(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length;
}

function lower(session: CommandSession, level: Level): string {
  if (RANKS[level] < RANKS[session.level]) session.level = level;
  return '';
}

const TIME_UNITS_MS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** A timer of Node takes no more (2^31 - 1 ms). */
const TIMEOUT_MAX_MS = 2_147_483_647;

async function clearCounters(
  [scope]: readonly string[],
  context: AdminContext,
  { level }: CommandSession,
): Promise<string> {
  const all = scope === 'all';
  if (all && level !== 'admin') return 'Permission denied\n';
  return (await context.clearCounters(all)) ? '' : 'This data plane cannot clear its counters.\n';
}

function setTimeoutReply(args: readonly string[], session: CommandSession): string {
  if (args[0] !== 'cli') return "'set timeout' only supports 'cli'.\n";
  const [, count, unit] = /^(\d{1,10})(us|ms|s|m|h|d)?$/.exec(args[1] ?? '') ?? [];
  const timeoutMs = Math.ceil(Number(count) * (TIME_UNITS_MS[unit ?? 's'] ?? 1000));
  if (!(timeoutMs >= 1 && timeoutMs <= TIMEOUT_MAX_MS)) return 'Invalid timeout value.\n';
  session.timeoutMs = timeoutMs;
  return '';
}
