/** `evergate doctor`: looks at this node, changes nothing, and says what is wrong with the command that mends it. */

import { Command } from 'commander';
import { DEFAULT_CONFIG, DEFAULT_RUN_DIR } from '../contracts/run-directory.ts';
import { oneLine } from '../core/controls.ts';
import { examine } from '../doctor/checks.ts';
import { EXIT_CODES, type Outcome, worst } from '../doctor/findings.ts';
import { gather } from '../doctor/gather/gather.ts';
import { loadConfig } from '../load-config/load.ts';
import type { StatusReport } from '../stats/status.ts';
import { askGuardian, STATUS_PATH } from './admin-client.ts';
import { inputProblem } from './inputs.ts';
import { print } from './printing.ts';

type DoctorOptions = {
  readonly config?: string;
  readonly node?: string;
  readonly haproxy?: string;
  readonly keepalived?: string;
  readonly runDir: string;
  readonly json: boolean;
};

export function doctorCommand(): Command {
  return new Command('doctor')
    .option('--config <file>', `the evergate.yaml (default: ${DEFAULT_CONFIG})`)
    .option('--node <name>', 'which node of the evergate.yaml this machine is')
    .option('--haproxy <file>', 'the haproxy.cfg')
    .option('--keepalived <file>', 'the keepalived.conf')
    .option('--run-dir <dir>', 'directory of the instance to ask', DEFAULT_RUN_DIR)
    .option('--json', 'print an array of what each check found', false)
    .allowExcessArguments()
    .addHelpText(
      'after',
      '\nWhat a finding means, and what mends it: docs/doctor.md. Nothing is changed, on no node.\n' +
        'Exit code 0 where there is nothing to do (notes only say what was left out), 1 with warnings, 2 with errors.',
    )
    .action(doctor);
}

async function doctor(options: DoctorOptions, command: Command): Promise<void> {
  const { haproxy = null, keepalived, runDir } = options;
  const isOwn = haproxy === null && keepalived === undefined;
  const file = options.config ?? (isOwn ? DEFAULT_CONFIG : undefined);
  const problem = inputProblem(
    { ...options, ...(file === undefined ? {} : { config: file }) },
    command.args,
  );
  if (problem !== null) command.error(`error: ${problem}`, { exitCode: 1 });
  const loaded = await loadConfig({
    ...(file === undefined
      ? {}
      : { native: { file, node: options.node ?? null, mustBeNode: false } }),
    haproxy,
    keepalived: keepalived === undefined ? [] : [keepalived],
    keepScripts: false,
    checkMachine: true,
  });
  const names = { '--config': file, '--haproxy': haproxy ?? undefined, '--keepalived': keepalived };
  const files = Object.entries(names).flatMap(([name, path]) =>
    path === undefined ? [] : [`${name} ${path}`],
  );
  const facts = await gather({ ...loaded, files: files.join(' ') }, async () => {
    return (await askGuardian(runDir, 'GET', STATUS_PATH)) as StatusReport;
  });
  const outcomes = examine(facts);
  print(options.json ? `${JSON.stringify(outcomes, null, 2)}\n` : render(outcomes));
  process.exitCode = EXIT_CODES[worst(outcomes.map(({ severity }) => severity))];
}

function render(outcomes: readonly Outcome[]): string {
  const lines = outcomes.flatMap(({ id, allWell, findings }) => {
    if (findings.length === 0) return [`ok       ${id}: ${allWell}`];
    return findings.flatMap(({ severity, code, what, why, fix }) => [
      `${severity.padEnd(7)}  ${id}: ${oneLine(what)} [${code}]`,
      `         why: ${why}`,
      `         fix: ${oneLine(fix)}`,
    ]);
  });
  return `${lines.join('\n')}\n`;
}
