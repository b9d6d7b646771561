/** `evergate why`: why a VIP came to this node, or left it, with the facts the node went by. */

import { Command, Option } from 'commander';
import { EVENTS_FORMAT } from '../contracts/events.ts';
import { DEFAULT_RUN_DIR } from '../contracts/run-directory.ts';
import { oneLine } from '../core/controls.ts';
import { OperationalError } from '../core/errors.ts';
import { type Move, movesOf, vipsOf } from '../timeline/why.ts';
import { parseSpan } from './events.ts';
import { paint } from './paint.ts';
import { print, printPainted } from './printing.ts';
import { readEvents } from './read-events.ts';
import { timeOf } from './time-of-event.ts';

type Options = { readonly runDir: string; readonly since?: number; readonly json: boolean };

export function whyCommand(): Command {
  return new Command('why')
    .argument('[vip]', 'virtual address, or name of its VRRP instance (default: all)')
    .addOption(
      new Option(
        '--since <time>',
        'all moves that are not older, e.g. 10m (default: the last)',
      ).argParser(parseSpan),
    )
    .option('--json', 'print each move as a line of JSON (docs/events.md)', false)
    .option('--run-dir <dir>', 'directory of the instance', DEFAULT_RUN_DIR)
    .addHelpText(
      'after',
      '\nSays what this node decided and saw. Ask the other nodes, too: each has its own part of a move.',
    )
    .action((vip: string | undefined, options: Options) => run(vip ?? null, options));
}

function run(vip: string | null, { runDir, since, json }: Options): void {
  const { events } = readEvents(runDir);
  const moves = movesOf(events, vip);
  if (moves.length === 0) {
    const known = vipsOf(events);
    if (vip !== null && known.length > 0) {
      const text = `Nothing is known of a move of "${vip}"; the VIPs here: ${known.join(', ')}`;
      throw new OperationalError('refused', text);
    }
    if (!json) print('No move of a VIP is known here\n');
    return;
  }
  const asked = since === undefined ? lastOfEach(moves) : movesSince(moves, Date.now() - since);
  for (const [index, move] of asked.entries()) {
    if (json) print(`${jsonLine(move)}\n`);
    else printPainted(`${index === 0 ? '' : '\n'}${renderMove(move)}`);
  }
  const earlier = moves.length - asked.length;
  if (!json && since === undefined && earlier > 0) {
    print(`\n${earlier} earlier ${earlier === 1 ? 'move' : 'moves'}: evergate why --since 1d\n`);
  }
}

function lastOfEach(moves: readonly Move[]): readonly Move[] {
  return [...new Map(moves.map((move) => [move.instance, move])).values()];
}

function movesSince(moves: readonly Move[], from: number): readonly Move[] {
  return moves.filter(({ at }) => at >= from);
}

function jsonLine(move: Move): string {
  const time = new Date(move.at).toISOString();
  return JSON.stringify({ version: EVENTS_FORMAT, time, ...move });
}

const HEADLINES: Readonly<Record<Move['what'], string>> = {
  took: 'took the VIP',
  kept: 'kept the VIP over a restart of its guardian',
  'gave-up': 'gave up the VIP',
  lost: 'lost the VIP: its guardian ended without a word, and came back too late',
};

/** One move, for people. */
export function renderMove({ at, node, instance, addresses, what, facts, before }: Move): string {
  const head = `${timeOf(at)}  ${node} ${HEADLINES[what]}`;
  const width = Math.max(...facts.map(({ name }) => name.length));
  const lines = [
    paint('bold', oneLine(head)),
    oneLine(`  ${addresses.join(' ')} (${instance})`),
    ...facts.map(({ name, text }) => oneLine(`  ${name.padEnd(width)}  ${text}`)),
    ...(before.length === 0 ? [] : ['  before it']),
    ...before.map((event) => {
      const ago = at - event.at;
      return oneLine(`    ${ago} ms  ${event.text}`);
    }),
  ];
  return `${lines.join('\n')}\n`;
}
