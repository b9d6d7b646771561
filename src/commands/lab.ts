/** `evergate lab`: a cluster in network namespaces, with faults on demand. */

import { Command, InvalidArgumentError, Option } from 'commander';
import { askControl } from '../lab/control.ts';
import { renderVerdict } from '../lab/fault-verdict.ts';
import { FAULT_NAMES, FAULTS, isFaultName } from '../lab/faults.ts';
import { LabError } from '../lab/lab-error.ts';
import { findLabs, labsRoot } from '../lab/lab-state.ts';
import { missingPrerequisites } from '../lab/prerequisites.ts';
import { removeLab } from '../lab/remove-lab.ts';
import { createJsonReporter } from '../lab/session/json-reporter.ts';
import { renderLabStatus } from '../lab/session/lab-status.ts';
import type { Reporter } from '../lab/session/reporter.ts';
import { runSession } from '../lab/session/session.ts';
import { createTextReporter } from '../lab/session/text-reporter.ts';
import { STACK_NAMES, type StackName } from '../lab/stacks/stack.ts';
import { startCluster } from '../lab/start-cluster.ts';
import { CLIENT_DEFAULTS } from '../lab/start-lab.ts';
import { startSingle } from '../lab/start-single.ts';
import { LOG_KINDS, type LogKind } from '../lab/syslog/sink.ts';
import { knownWords } from './known-words.ts';
import { complain, print } from './printing.ts';

type LabOptions = {
  readonly seed?: string;
  readonly article: boolean;
  readonly stack?: StackName;
  readonly single: boolean;
  readonly duration?: number;
  readonly every: number;
  readonly json: boolean;
};

/** Columns: of a terminal at least, and where there is none. */
const NARROWEST = 40;
const WIDE = 120;

type AskOptions = { readonly id?: string };

export function labCommand(): Command {
  const lab = new Command('lab')
    .addOption(
      new Option('--stack <name>', 'what runs on the nodes (default: evergate.yaml on Evergate)')
        .choices(STACK_NAMES)
        .conflicts('article'),
    )
    .option('--article', 'the same as --stack evergate-article', false)
    .option(
      '--seed <dir>',
      'haproxy.cfg and keepalived.<node>.conf from here, on Evergate or, with --stack article, on their daemons',
    )
    .option('--single', 'one balancer on loopback, without root and without a VIP', false)
    .option('--duration <seconds>', 'end after this time; exit 0 when healthy then', parseCount)
    .option(
      '--every <ms>',
      'time between two requests of the client',
      parseCount,
      CLIENT_DEFAULTS.requestIntervalMs,
    )
    .option('--json', 'print JSON lines', false)
    .action(run);
  const faultCommand = lab
    .command('fault')
    .description('Break something in the running lab, and say what clients felt')
    .argument('<name>', FAULT_NAMES.join(', '));
  knownWords(faultCommand, FAULT_NAMES)
    .option('--node <node>', 'where (default: the owner of the VIP, or the first it fits)')
    .option('--id <id>', 'the lab, when several run')
    .option('--json', 'print JSON', false)
    .addHelpText('after', `\n${describeFaults()}`)
    .action(fault);
  lab
    .command('status')
    .description('Show the nodes and the requests of the running lab')
    .option('--id <id>', 'the lab, when several run')
    .option('--json', 'print JSON', false)
    .action(status);
  lab
    .command('logs')
    .description("Show the last lines of a node's log and syslog")
    .argument('<node>')
    .addOption(
      new Option('--only <kind>', 'which lines of the syslog: a connection logs one at its end')
        .choices(LOG_KINDS)
        .default('events'),
    )
    .option('--id <id>', 'the lab, when several run')
    .action(logs);
  lab
    .command('clean')
    .description('Remove what crashed labs left behind')
    .option('--all', 'end the running ones, too', false)
    .action(clean);
  return lab;
}

async function run(options: LabOptions, command: Command): Promise<void> {
  const problem = stackProblem(options);
  if (problem !== null) command.error(`error: ${problem}`, { exitCode: 1 });
  const ending = new AbortController();
  const end = (): void => ending.abort(new LabError('Interrupted before the lab was complete'));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  // A reader that left (a pipe to head) must not keep the lab from removing itself.
  process.stdout.on('error', end);
  if (!options.single && !(await clusterIsPossible())) return;
  const keyboard = process.stdin.isTTY && process.stdout.isTTY && !options.json;
  const reporter = createReporter(options.json, keyboard);
  for (const left of findLabs(labsRoot()).filter((found) => !found.running)) {
    reporter.problem(`A crashed lab left "${left.directory}": remove it with "evergate lab clean"`);
  }
  const common = {
    requestIntervalMs: options.every,
    onProgress: (text: string) => reporter.progress(text),
  };
  const healthy = await runSession({
    reporter,
    start: (signal) =>
      options.single
        ? startSingle({ ...common, signal })
        : startCluster({
            ...common,
            signal,
            steadyPorts: true,
            ...(options.article ? { stack: 'evergate-article' as const } : {}),
            ...(options.stack === undefined ? {} : { stack: options.stack }),
            ...(options.seed === undefined ? {} : { filesDirectory: options.seed }),
          }),
    durationMs: options.duration === undefined ? null : options.duration * 1000,
    keyboard: keyboard ? process.stdin : null,
    signal: ending.signal,
    quit: end,
  });
  // Ended by hand is a good end; by itself it must have been healthy.
  process.exit(healthy || ending.signal.aborted ? 0 : 1);
}

/** What does not go together; null: it does. */
function stackProblem({ seed, single, article, stack }: LabOptions): string | null {
  if (single && (article || stack !== undefined || seed !== undefined)) {
    return '--single has a file of its own: leave out --article, --stack and --seed';
  }
  return stack === 'evergate' && seed !== undefined
    ? '--seed has files of HAProxy and keepalived; leave out --stack evergate'
    : null;
}

function createReporter(json: boolean, keys: boolean): Reporter {
  if (json) return createJsonReporter(print);
  const coloured = process.stdout.isTTY && (process.env.NO_COLOR ?? '') === '';
  const width = Math.max(NARROWEST, process.stdout.columns ?? WIDE);
  return createTextReporter({ write: print, coloured, keys, width });
}

async function clusterIsPossible(): Promise<boolean> {
  const missing = await missingPrerequisites();
  if (missing.length === 0) return true;
  const lines = missing.map(({ what, fix }) => `  ${what}\n    ${fix}`);
  complain(
    'evergate: error: The cluster cannot be built here; this is missing:\n' +
      `${lines.join('\n')}\n` +
      'One balancer with three apiservers works without it:\n  npm start -- --single\n',
  );
  process.exitCode = 1;
  return false;
}

async function fault(
  name: string,
  options: AskOptions & { readonly node?: string },
  command: Command,
): Promise<void> {
  if (!isFaultName(name)) {
    throw new LabError(`There is no fault "${name}"; there are ${FAULT_NAMES.join(', ')}`);
  }
  const question = { ask: 'fault', name, node: options.node ?? null } as const;
  const lab = runningLab(options.id);
  const { report } = await askControl(lab, question, 'fault');
  const { expected, does, node } = report;
  answer(command, report, `${report.name} on ${node}: ${does}\nExpected: ${expected.felt}\n`);
  const { verdict } = await askControl(lab, { ask: 'verdict' }, 'verdict');
  if (verdict === null) return;
  const lines = renderVerdict(verdict.verdict, verdict.felt);
  answer(command, verdict, lines.map((line) => `${line}\n`).join(''));
}

async function status(options: AskOptions, command: Command): Promise<void> {
  const told = await askControl(runningLab(options.id), { ask: 'status' }, 'status');
  answer(command, told.status, renderLabStatus(told.status));
}

async function logs(node: string, options: AskOptions & { readonly only: LogKind }): Promise<void> {
  const { id, only } = options;
  const { lines } = await askControl(runningLab(id), { ask: 'logs', node, only }, 'logs');
  print(lines.map((line) => `${line}\n`).join(''));
}

async function clean(options: { readonly all: boolean }): Promise<void> {
  const reporter = createReporter(false, false);
  const found = findLabs(labsRoot());
  const crashed = found.filter((lab) => options.all || !lab.running);
  for (const lab of crashed) reporter.removed(await removeLab(lab));
  if (crashed.length > 0) return;
  const running = found.length === 0 ? '' : `; ${found.length} running, "--all" ends them`;
  print(`No crashed lab to remove${running}\n`);
}

function runningLab(id: string | undefined): string {
  const running = findLabs(labsRoot()).filter((lab) => lab.running);
  const [first, second] = running.filter((lab) => id === undefined || lab.state?.id === id);
  if (first === undefined) {
    const which = id === undefined ? 'No lab runs' : `No lab "${id}" runs`;
    throw new LabError(`${which}; start one with "evergate lab"`);
  }
  if (second !== undefined) {
    const ids = running.map((lab) => lab.state?.id).join(', ');
    throw new LabError(`Several labs run (${ids}); name one with --id`);
  }
  return first.directory;
}

function describeFaults(): string {
  const width = Math.max(...FAULT_NAMES.map((name) => name.length));
  return FAULT_NAMES.map((name) => `  ${name.padEnd(width)}  ${FAULTS[name].does}`).join('\n');
}

function answer(command: Command, value: object, text: string): void {
  // "--json" is the lab's option as well, which takes it wherever it stands.
  const { json } = command.optsWithGlobals<{ readonly json: boolean }>();
  print(json ? `${JSON.stringify(value)}\n` : text);
}

function parseCount(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('A whole number above 0');
  return value;
}
