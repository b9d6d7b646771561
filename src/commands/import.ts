/** `evergate import`: one evergate.yaml for all nodes, from a haproxy.cfg and the nodes' keepalived.conf files. */

import { closeSync, constants, fsyncSync, openSync, unlinkSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { formatDiagnostic, hasErrors } from '../config/diagnostics.ts';
import { OperationalError } from '../core/errors.ts';
import { errorName, errorText } from '../linux/errno.ts';
import { leaveOutOption } from './inputs.ts';
import { complain, print } from './printing.ts';

type ImportOptions = {
  readonly haproxy?: string;
  readonly keepalived?: readonly string[];
  readonly leaveOut: readonly string[];
  readonly modern: boolean;
  readonly output?: string;
};

/** It may hold passwords of the stats page. */
const MODE = 0o640;

export function importCommand(): Command {
  return new Command('import')
    .option('--haproxy <file>', 'the haproxy.cfg')
    .option('--keepalived <file...>', 'the keepalived.conf of every node, or of one')
    .addOption(leaveOutOption())
    .option('--modern', 'take our timers, algorithm, checks and priorities, and say why', false)
    .option('--output <file>', 'where to, a file that is not there yet; else standard output')
    .addHelpText(
      'after',
      '\nStandard error tells, each with file:line:column, what is "left out", as evergate.yaml has no words for it,\n' +
        'what is "changed", and what is "assumed", which somebody has to look at. The file says so in its comments, too.\n' +
        'Exit code 1 when a file has an error, or nothing can be carried over, else 0.',
    )
    .action(importFrom);
}

async function importFrom(options: ImportOptions, command: Command): Promise<void> {
  const { haproxy = null, keepalived = [], leaveOut, modern, output } = options;
  if (haproxy === null && keepalived.length === 0) {
    command.error('error: Give --haproxy FILE, --keepalived FILE or both', { exitCode: 1 });
  }
  if (haproxy === null && leaveOut.length > 0) {
    const text = 'error: --leave-out goes with --haproxy FILE: it names a proxy of that file';
    command.error(text, { exitCode: 1 });
  }
  // Loaded now: `evergate --help` needs none of it.
  const { importConfig } = await import('../load-config/import.ts');
  const { formatRemark } = await import('../config/import/remarks.ts');
  const { text, remarks, diagnostics } = importConfig({ haproxy, keepalived, leaveOut, modern });
  if (text === null || hasErrors(diagnostics)) {
    complain(diagnostics.map((each) => `${formatDiagnostic(each)}\n`).join(''));
    process.exitCode = 1;
    return;
  }
  if (output === undefined) print(text);
  else writeNew(resolve(output), text);
  complain(remarks.map((each) => `${formatRemark(each)}\n`).join(''));
}

/** What is there already, be it a link, is left alone; a half-written file does not stay. */
function writeNew(path: string, text: string): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  let fd: number;
  try {
    fd = openSync(path, flags, MODE);
  } catch (error) {
    throw new OperationalError('output-file', explain(path, error));
  }
  try {
    writeFileSync(fd, text);
    fsyncSync(fd);
  } catch (error) {
    unlinkSync(path);
    throw new OperationalError('output-file', explain(path, error));
  } finally {
    closeSync(fd);
  }
}

function explain(path: string, error: unknown): string {
  const { errno = 0, code } = error as NodeJS.ErrnoException;
  if (code === 'EEXIST') return `"${path}" exists and is left as it is: name another file`;
  const hint = code === 'ENOENT' ? ': make its folder first' : '';
  return `"${path}" cannot be written: ${errorText(-errno)} (${errorName(-errno)})${hint}`;
}
