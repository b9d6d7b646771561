/** `evergate reload`: has this node read its configuration again; exit code 1 when it refuses what it finds. */

import { Command } from 'commander';
import { DEFAULT_RUN_DIR } from '../contracts/run-directory.ts';
import { exchangeWithGuardian } from './admin-client.ts';
import { complain, complainsToJournal, print } from './printing.ts';

/** Host names may take 5 s to be looked up, an evergate.yaml 30 s to be read; both are far less in practice. */
const RELOAD_LIMIT_MS = 60_000;

export function reloadCommand(): Command {
  return new Command('reload')
    .option('--run-dir <dir>', 'directory of the instance to ask', DEFAULT_RUN_DIR)
    .addHelpText(
      'after',
      '\nPrints what has changed. No listener closes, and no connection is cut that the new\n' +
        'configuration still allows. One with errors is refused: they are printed, the exit code is 1,\n' +
        'and what ran before goes on. SIGHUP to the guardian does the same and tells its log.',
    )
    .action(async ({ runDir }: { readonly runDir: string }) => {
      const answer = await exchangeWithGuardian(runDir, 'POST', '/v1/reload', RELOAD_LIMIT_MS);
      const { lines } = answer.body as { readonly lines: readonly string[] };
      // The journal has them already, from the guardian.
      const told = complainsToJournal() ? [] : lines;
      const text = told.map((line) => `${line}\n`).join('');
      if (answer.status === 200) {
        print(text);
        return;
      }
      complain(text);
      complain('evergate: error: The reload was refused; what ran before goes on [refused]\n');
      process.exitCode = 1;
    });
}
