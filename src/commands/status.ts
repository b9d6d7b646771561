/** `evergate status`: what this node does, in words or as JSON; exit code 0 healthy, 1 degraded, 2 down. */

import { request } from 'node:http';
import { Command } from 'commander';
import { adminSocketPath, DEFAULT_RUN_DIR } from '../guardian/run-dir.ts';
import { type StatusReport, VERDICT_EXIT_CODES } from '../stats/status.ts';
import { renderStatus } from './status-text.ts';

/** The guardian answers within its own limit for the balancer; more means that it hangs. */
const ANSWER_LIMIT_MS = 3000;

const NOT_RUNNING_EXIT_CODE = 2;

export function statusCommand(): Command {
  return new Command('status')
    .description('Show what this node does; exit code 0 healthy, 1 degraded, 2 down or not running')
    .option('--json', 'print the whole report as JSON', false)
    .option('--run-dir <dir>', 'directory of the instance to ask', DEFAULT_RUN_DIR)
    .action(async (options: { readonly json: boolean; readonly runDir: string }) => {
      let report: StatusReport;
      try {
        report = await fetchStatus(adminSocketPath(options.runDir));
      } catch (error) {
        const text = explain(error as NodeJS.ErrnoException, options.runDir);
        if (options.json)
          process.stdout.write(`${JSON.stringify({ verdict: 'down', error: text })}\n`);
        process.stderr.write(`evergate: error: ${text}\n`);
        process.exitCode = NOT_RUNNING_EXIT_CODE;
        return;
      }
      process.stdout.write(
        options.json ? `${JSON.stringify(report, null, 2)}\n` : renderStatus(report),
      );
      process.exitCode = VERDICT_EXIT_CODES[report.verdict];
    });
}

export function fetchStatus(socketPath: string): Promise<StatusReport> {
  return new Promise((resolve, reject) => {
    const asking = request(
      { socketPath, path: '/v1/status', timeout: ANSWER_LIMIT_MS },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          const body = Buffer.concat(chunks).toString('utf8');
          if (answer.statusCode === 200) resolve(JSON.parse(body) as StatusReport);
          else reject(new Error(`The guardian answered ${answer.statusCode}: ${body.trim()}`));
        });
      },
    );
    asking.on('timeout', () =>
      asking.destroy(new Error(`The guardian does not answer within ${ANSWER_LIMIT_MS} ms`)),
    );
    asking.on('error', reject);
    asking.end();
  });
}

function explain(error: NodeJS.ErrnoException, runDir: string): string {
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') {
    return `Evergate is not running with "${runDir}"; start it with "evergate run" or name its --run-dir`;
  }
  if (error.code === 'EACCES') return `No right to ask "${runDir}"; run it as root`;
  return error.message;
}
