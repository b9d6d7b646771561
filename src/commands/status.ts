/** `evergate status`: what this node does, in words or as JSON; exit code 0 healthy, 1 degraded, 2 down,
 * 3 not to be asked by this account. */

import { Command } from 'commander';
import { DEFAULT_RUN_DIR } from '../contracts/run-directory.ts';
import { oneLine } from '../core/controls.ts';
import { OperationalError } from '../core/errors.ts';
import { type StatusReport, VERDICT_EXIT_CODES } from '../stats/status.ts';
import { askGuardian, STATUS_PATH } from './admin-client.ts';
import { complain, errorLine, print } from './printing.ts';
import { renderStatus } from './status-text.ts';

const NOT_RUNNING_EXIT_CODE = 2;
const NO_RIGHT_EXIT_CODE = 3;

export function statusCommand(): Command {
  return new Command('status')
    .option('--json', 'print the whole report as JSON', false)
    .option('--run-dir <dir>', 'directory of the instance to ask', DEFAULT_RUN_DIR)
    .action(async (options: { readonly json: boolean; readonly runDir: string }) => {
      let report: StatusReport;
      try {
        report = (await askGuardian(options.runDir, 'GET', STATUS_PATH)) as StatusReport;
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        const denied = error.code === 'no-right';
        const said = { verdict: denied ? 'unknown' : 'down', error: error.message };
        if (options.json) print(`${JSON.stringify(said)}\n`);
        complain(errorLine(error));
        process.exitCode = denied ? NO_RIGHT_EXIT_CODE : NOT_RUNNING_EXIT_CODE;
        return;
      }
      print(
        options.json ? `${JSON.stringify(report, null, 2)}\n` : renderStatus(inOneLineEach(report)),
      );
      process.exitCode = VERDICT_EXIT_CODES[report.verdict];
    });
}

/** Nothing that is quoted in a status makes a line of its own up. */
function inOneLineEach(report: StatusReport): StatusReport {
  return JSON.parse(JSON.stringify(report), (_key, value: unknown) => {
    return typeof value === 'string' ? oneLine(value) : value;
  });
}
