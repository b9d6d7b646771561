/** `evergate status`: what this node does, in words or as JSON; exit code 0 healthy, 1 degraded, 2 down,
 * 3 not to be asked by this account. */

import { setTimeout } from 'node:timers/promises';
import { Command } from 'commander';
import { DEFAULT_RUN_DIR } from '../contracts/run-directory.ts';
import { escapeControls, oneLine } from '../core/controls.ts';
import { OperationalError } from '../core/errors.ts';
import { STATUS_FORMAT, type StatusReport, VERDICT_EXIT_CODES } from '../stats/status.ts';
import { askGuardian, STATUS_PATH } from './admin-client.ts';
import { complain, errorLine, print, printPainted } from './printing.ts';
import { fitColumns, paintReport } from './screen.ts';
import { renderStatus } from './status-text.ts';

const NOT_RUNNING_EXIT_CODE = 2;
const NO_RIGHT_EXIT_CODE = 3;

const WATCH_MS = 1000;
/** Where a terminal does not say how wide it is. */
const COLUMNS = 80;
/** The cursor to the first line; what is below it is erased once that is written, so that nothing flickers. */
const HOME = '\x1b[H';
const ERASE_LINE_END = '\x1b[K';
const ERASE_BELOW = '\x1b[J';

const COLOURS = { healthy: 'green', degraded: 'yellow', down: 'red' } as const;

type Options = { readonly json: boolean; readonly watch: boolean; readonly runDir: string };

export function statusCommand(): Command {
  return new Command('status')
    .option('--json', 'print the whole report as JSON', false)
    .option('--watch', 'ask again every second, until Ctrl-C', false)
    .option('--run-dir <dir>', 'directory of the instance to ask', DEFAULT_RUN_DIR)
    .action(async (options: Options) => {
      if (options.watch) await watch(options);
      else await show(options, (text) => printPainted(text));
    });
}

/** To the end of the process; a node that goes, or is not there yet, ends nothing. */
async function watch(options: Options): Promise<void> {
  const { isTTY } = process.stdout;
  process.stdout.once('error', () => process.exit());
  for (;;) {
    await show(options, (text) => printPainted(isTTY ? onScreen(text) : text));
    await setTimeout(WATCH_MS);
  }
}

function onScreen(text: string): string {
  // What does not fit would scroll the line that matters away.
  const rows = text
    .trimEnd()
    .split('\n')
    .slice(0, Math.max(1, (process.stdout.rows ?? 24) - 1));
  return `${HOME}${rows.map((row) => `${row}${ERASE_LINE_END}\n`).join('')}${ERASE_BELOW}`;
}

/** Asks once; sets the exit code. */
async function show(
  { json, runDir, watch }: Options,
  write: (text: string) => void,
): Promise<void> {
  let report: StatusReport;
  try {
    report = (await askGuardian(runDir, 'GET', STATUS_PATH)) as StatusReport;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    const denied = error.code === 'no-right';
    const said = {
      format: STATUS_FORMAT,
      verdict: denied ? 'unknown' : 'down',
      error: error.message,
      code: error.code,
    };
    if (json) print(`${JSON.stringify(said)}\n`);
    if (watch && !json) write(escapeControls(errorLine(error)));
    else complain(errorLine(error));
    process.exitCode = denied ? NO_RIGHT_EXIT_CODE : NOT_RUNNING_EXIT_CODE;
    return;
  }
  process.exitCode = VERDICT_EXIT_CODES[report.verdict];
  if (json) {
    // Of many reports each is a line.
    print(`${JSON.stringify({ format: STATUS_FORMAT, ...report }, null, watch ? 0 : 2)}\n`);
    return;
  }
  const text = renderStatus(inOneLineEach(report));
  const { isTTY, columns = COLUMNS } = process.stdout;
  write(isTTY ? paintReport(fitColumns(text, columns), COLOURS[report.verdict]) : text);
}

/** Nothing that is quoted in a status makes a line of its own up. */
function inOneLineEach(report: StatusReport): StatusReport {
  return JSON.parse(JSON.stringify(report), (_key, value: unknown) => {
    return typeof value === 'string' ? oneLine(value) : value;
  });
}
