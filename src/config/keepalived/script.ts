/** keepalived.conf: a vrrp_script block (keepalived.conf(5), "VRRP script(s)"). */

import type { TrackScriptConfig } from '../model/election.ts';
import { VRRP_SCRIPT } from './directives.ts';
import { type GlobalDefs, parseAccount } from './global-defs.ts';
import type { Word } from './lexer.ts';
import type { Statement } from './parser.ts';
import type { Report } from './report.ts';
import { splitShellWords } from './shell-words.ts';
import { firstValue, parseInteger, parseSeconds } from './values.ts';
import { walk } from './walk.ts';

/** A script with the places its diagnoses point to. */
export type PlacedScript = {
  readonly config: TrackScriptConfig;
  readonly name: Word;
  readonly command: Word;
  /** null: the block gives no weight, so 0. */
  readonly weight: Word | null;
};

/** keepalived's, of intervals and of timeouts that cannot be. */
const DEFAULT_MS = 1_000;

export type WeightRange = { readonly min: number; readonly max: number };

export const WEIGHT_RANGE = { min: -253, max: 253 } as const;
const RUNS_RANGE = { min: 1, max: 1_000_000, otherwise: 'it is 1' } as const;
const INTERVAL_RANGE = { minMs: 10, maxMs: 4_294_000, otherwise: 'it is 1 s' } as const;

/** `weight N`; keepalived's `reverse` swaps success and failure, which nothing here does. */
export function parseWeight(
  words: readonly Word[],
  range: WeightRange,
  report: Report,
): number | null {
  const [weight, modifier] = words;
  if (weight === undefined) return null;
  if (modifier?.text === 'reverse') {
    const text = '"reverse" is not supported: let the script exit the other way round';
    report.error(modifier, 'unsupported-directive', text);
  } else if (modifier !== undefined && modifier.text !== 'noreverse') {
    const text = `"${modifier.text}" behind the weight is not understood and left out`;
    report.warning(modifier, 'bad-value', text);
  }
  return parseInteger(weight, range, 'weight', report);
}

/** One quoted or bare word is split as a shell would; several words are taken as they stand. null: an error. */
function parseCommand(args: readonly Word[], report: Report): readonly string[] | null {
  const [first, second] = args;
  if (first === undefined) return [];
  if (second !== undefined) return args.map((word) => word.text);
  const words = splitShellWords(first.text);
  if (!words.ok) {
    report.error(first, 'syntax-error', `${words.reason} in the script's command`);
    return null;
  }
  return words.value;
}

/** null when the block cannot become a script; the reasons are reported. */
export function convertScript(
  block: Statement,
  globals: GlobalDefs,
  report: Report,
): PlacedScript | null {
  const name = firstValue(block);
  const where = `vrrp_script "${name.text}"`;
  let command: Word | null = null;
  let argv: readonly string[] | null = [];
  let intervalMs = DEFAULT_MS;
  let timeout: Word | null = null;
  let timeoutMs: number | null = null;
  let weight: { readonly word: Word; readonly value: number } | null = null;
  let rise = 1;
  let fall = 1;
  let account = globals.scriptAccount;
  const runs = (statement: Statement): number | null =>
    parseInteger(firstValue(statement), RUNS_RANGE, `"${statement.name.text}"`, report);
  const time = (statement: Statement): number | null =>
    parseSeconds(firstValue(statement), INTERVAL_RANGE, `"${statement.name.text}"`, report);
  const handlers = {
    script: (statement: Statement) => {
      command = firstValue(statement);
      argv = parseCommand(statement.args, report);
    },
    interval: (statement: Statement) => {
      intervalMs = time(statement) ?? DEFAULT_MS;
    },
    timeout: (statement: Statement) => {
      timeout = firstValue(statement);
      timeoutMs = time(statement) ?? DEFAULT_MS;
    },
    weight: (statement: Statement) => {
      const value = parseWeight(statement.args, WEIGHT_RANGE, report);
      if (value !== null) weight = { word: firstValue(statement), value };
    },
    rise: (statement: Statement) => {
      rise = runs(statement) ?? rise;
    },
    fall: (statement: Statement) => {
      fall = runs(statement) ?? fall;
    },
    user: (statement: Statement) => {
      account = parseAccount(statement);
    },
  };
  walk(block.children ?? [], VRRP_SCRIPT, where, handlers, report);
  return finish(
    { name, command, argv, intervalMs, timeout, timeoutMs, weight, rise, fall, account },
    report,
  );
}

type Collected = {
  readonly name: Word;
  readonly command: Word | null;
  readonly argv: readonly string[] | null;
  readonly intervalMs: number;
  readonly timeout: Word | null;
  readonly timeoutMs: number | null;
  readonly weight: { readonly word: Word; readonly value: number } | null;
  readonly rise: number;
  readonly fall: number;
  readonly account: GlobalDefs['scriptAccount'];
};

function finish(collected: Collected, report: Report): PlacedScript | null {
  const { name, command, argv, intervalMs, timeout, timeoutMs, weight, rise, fall, account } =
    collected;
  if (argv === null) return null;
  if (command === null || argv.length === 0) {
    const text = `The vrrp_script "${name.text}" runs nothing and is left out, as in keepalived: add a "script" with a command`;
    report.warning(command ?? name, 'missing-value', text);
    return null;
  }
  if (timeout !== null && timeoutMs !== null && timeoutMs > intervalMs) {
    const text =
      `The timeout of ${timeoutMs / 1_000} s is longer than the interval of ${intervalMs / 1_000} s: while the ` +
      'script hangs no other run begins, and nobody knows of it before the timeout';
    report.warning(timeout, 'bad-value', text);
  }
  const config = {
    name: name.text,
    argv,
    intervalMs,
    timeoutMs: timeoutMs ?? intervalMs,
    weight: weight?.value ?? 0,
    rise,
    fall,
    user: account?.user ?? null,
    group: account?.group ?? null,
  };
  return { config, name, command, weight: weight?.word ?? null };
}
