/** keepalived.conf: the blocks vrrp_track_process and track_file (keepalived.conf(5)). */

import type { TrackFileConfig, TrackProcessConfig } from '../model/election.ts';
import { TRACK_FILE, TRACK_PROCESS } from './directives.ts';
import type { Word } from './lexer.ts';
import type { Statement } from './parser.ts';
import type { Report } from './report.ts';
import { parseWeight } from './script.ts';
import { FILE_WEIGHT_RANGE, PROCESS_WEIGHT_RANGE } from './tracks.ts';
import { firstValue, parseInteger, parseSeconds, parseSwitch } from './values.ts';
import { walk } from './walk.ts';

export type Defined<Config> = { readonly config: Config; readonly weight: number };

const QUORUM_RANGE = { min: 1, max: 65_535 } as const;
const DELAY_RANGE = { minMs: 0, maxMs: 3_600_000 } as const;
const VALUE_RANGE = FILE_WEIGHT_RANGE;
/** TASK_COMM_LEN without the zero: the kernel cuts names there (proc(5)). */
const COMMAND_LENGTH_MAX = 15;

/** null when it names no process; that is reported. */
export function convertTrackProcess(
  block: Statement,
  report: Report,
): Defined<TrackProcessConfig> | null {
  const name = firstValue(block);
  let process: readonly Word[] = [];
  let fullCommand = false;
  let weight = 1;
  let quorum = 1;
  let startDelayMs = 0;
  let endDelayMs = 0;
  const delay = (statement: Statement): number =>
    parseSeconds(firstValue(statement), DELAY_RANGE, `"${statement.name.text}"`, report) ?? 0;
  const handlers = {
    process: (statement: Statement) => {
      process = statement.args;
    },
    full_command: (statement: Statement) => {
      fullCommand = parseSwitch(statement, report);
    },
    weight: (statement: Statement) => {
      weight = parseWeight(statement.args, PROCESS_WEIGHT_RANGE, report) ?? weight;
    },
    quorum: (statement: Statement) => {
      quorum = parseInteger(firstValue(statement), QUORUM_RANGE, 'quorum', report) ?? quorum;
    },
    fork_delay: (statement: Statement) => {
      startDelayMs = delay(statement);
    },
    terminate_delay: (statement: Statement) => {
      endDelayMs = delay(statement);
    },
    delay: (statement: Statement) => {
      startDelayMs = delay(statement);
      endDelayMs = startDelayMs;
    },
  };
  const where = `vrrp_track_process "${name.text}"`;
  walk(block.children ?? [], TRACK_PROCESS, where, handlers, report);
  const [command, ...words] = process.map(({ text }) => text);
  if (command === undefined || command === '') {
    const text = `The ${where} has no "process"; name the one to look for`;
    report.error(name, 'missing-value', text);
    return null;
  }
  // A name longer than the kernel keeps can only be found on the command line.
  const whole = fullCommand || words.length > 0 || command.length > COMMAND_LENGTH_MAX;
  const config = {
    name: name.text,
    command,
    parameters: words.length > 0 ? words : null,
    fullCommand: whole,
    quorum,
    startDelayMs,
    endDelayMs,
  };
  return { config, weight };
}

/** null when it names no file; that is reported. */
export function convertTrackFile(
  block: Statement,
  report: Report,
): Defined<TrackFileConfig> | null {
  const name = firstValue(block);
  let path: string | null = null;
  let weight = 1;
  let initialValue: number | null = null;
  let overwrite = false;
  const handlers = {
    file: (statement: Statement) => {
      const word = firstValue(statement);
      if (word.text.startsWith('/')) path = word.text;
      else report.error(word, 'bad-value', `"${word.text}" is no absolute path of a file`);
    },
    weight: (statement: Statement) => {
      weight = parseWeight(statement.args, FILE_WEIGHT_RANGE, report) ?? weight;
    },
    init_file: (statement: Statement) => {
      overwrite = statement.args.some(({ text }) => text === 'overwrite');
      const value = statement.args.find(({ text }) => text !== 'overwrite');
      initialValue =
        value === undefined ? 0 : parseInteger(value, VALUE_RANGE, 'initial value', report);
    },
  };
  const where = `${block.name.text} "${name.text}"`;
  walk(block.children ?? [], TRACK_FILE, where, handlers, report);
  if (path === null) {
    report.error(name, 'missing-value', `The ${where} has no "file"; give its absolute path`);
    return null;
  }
  return { config: { name: name.text, path, initialValue, overwrite }, weight };
}
