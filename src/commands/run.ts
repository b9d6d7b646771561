/** `evergate run`: a node, in the foreground. */

import { Command, InvalidArgumentError, Option } from 'commander';
import { hasErrors } from '../config/diagnostics.ts';
import { DEFAULT_RUN_DIR } from '../contracts/run-directory.ts';
import type { LogFormat } from '../guardian/log.ts';
import { takeServiceEnvironment } from '../guardian/service/environment.ts';
import type { ConfigInputs, LoadedConfig } from '../load-config/load.ts';
import { loadConfigApart } from '../load-config/load-apart.ts';
import { endEarly } from './end-early.ts';
import { inputProblem, leaveOutOption } from './inputs.ts';
import type { NodeOptions } from './run-node.ts';

type RunOptions = Omit<NodeOptions, 'service' | 'files' | 'mayBalance'> & {
  readonly config?: string;
  readonly haproxy?: string;
  readonly keepalived?: string;
  readonly keepScripts: boolean;
  readonly hedge: boolean;
  readonly leaveOut: readonly string[];
  readonly logFormat: LogFormat;
  /** Absent: as the configuration says. */
  readonly statusGroup?: string;
};

export function runCommand(): Command {
  return new Command('run')
    .option('--config <file>', 'run as this evergate.yaml says')
    .option('--haproxy <file>', 'balance as this haproxy.cfg says')
    .option('--keepalived <file>', 'speak VRRP as this keepalived.conf says')
    .option('--keep-scripts', 'run scripts that watch haproxy as they are', false)
    .addOption(leaveOutOption())
    .option(
      '--hedge',
      'with --haproxy, race a server that is slow to answer by a second one',
      false,
    )
    .option(
      '--node <name>',
      'name of this node in status and logs; with --config, which of its nodes this is',
    )
    .option('--run-dir <dir>', 'directory of pid files and admin.sock', DEFAULT_RUN_DIR)
    .addOption(
      new Option(
        '--balancer-grace <time>',
        'how long no balancer may serve before the VIP moves, e.g. 500ms (default: 1s, or as evergate.yaml says)',
      ).argParser(parseDuration),
    )
    .addOption(
      new Option('--log-format <format>', 'of lines on standard error')
        .choices(['text', 'json'])
        .default('text'),
    )
    .option('--no-spare', 'keep no second balancer waiting to take over')
    .option(
      '--status-group <name>',
      'group whose members may ask "evergate status" (default: root only, or as evergate.yaml says)',
    )
    .allowExcessArguments()
    .addHelpText(
      'after',
      '\nGive --config, or --haproxy, --keepalived or both.\n' +
        'Logs go to standard error. SIGTERM releases the VIP, then ends. SIGHUP reads the files again.\n' +
        'SIGUSR2 ends this process alone: the next one takes over connections and VIP.',
    )
    .action(run);
}

async function run(options: RunOptions, command: Command): Promise<void> {
  const problem = inputProblem(options, command.args);
  if (problem !== null) command.error(`error: ${problem}`, { exitCode: 1 });
  // A restart may come at once; the guardian's own way to leave takes its place.
  process.on('SIGUSR2', endEarly);
  // Before any process is started, that of the configuration first.
  const service = takeServiceEnvironment(process.env, process.pid);
  let known: LoadedConfig['names'];
  const read = async (): Promise<LoadedConfig> => {
    const loaded = await loadAsAsked(options, known);
    // Of a file that is wrong the names are not all there.
    if (!hasErrors(loaded.diagnostics)) known = loaded.names;
    return loaded;
  };
  // Another process reads the files while this one loads the rest of itself.
  const first = read();
  // Whoever takes it hears of it, but that may be later.
  first.catch(() => {});
  const { runNode } = await import('./run-node.ts');
  const files = [options.config, options.haproxy, options.keepalived].filter(
    (file) => file !== undefined,
  );
  const mayBalance = options.config !== undefined || options.haproxy !== undefined;
  await runNode({ ...options, files, mayBalance, service }, first, read);
}

/** The command line comes before what the files say. `names`: where names of nodes led before. */
async function loadAsAsked(
  options: RunOptions,
  names: LoadedConfig['names'],
): Promise<LoadedConfig> {
  const loaded = await loadConfigApart(inputsOf(options, names));
  const { statusGroup } = options;
  if (statusGroup === undefined) return loaded;
  return { ...loaded, config: { ...loaded.config, statusGroup } };
}

function inputsOf(options: RunOptions, names: LoadedConfig['names']): ConfigInputs {
  return {
    ...(options.config === undefined
      ? {}
      : {
          native: {
            file: options.config,
            node: options.node ?? null,
            mustBeNode: true,
            ...(names === undefined ? {} : { names }),
          },
        }),
    haproxy: options.haproxy ?? null,
    keepalived: options.keepalived === undefined ? [] : [options.keepalived],
    keepScripts: options.keepScripts,
    hedge: options.hedge,
    leaveOut: options.leaveOut,
    checkMachine: true,
  };
}

/** "1s", "500ms", or a bare number of milliseconds. */
function parseDuration(text: string): number {
  const match = /^(\d{1,6})(ms|s)?$/.exec(text);
  if (match === null) throw new InvalidArgumentError('Write it as 500ms or 1s.');
  return Number(match[1]) * (match[2] === 's' ? 1000 : 1);
}
