/** `evergate run`: a node, in the foreground. */

import { flushCompileCache } from 'node:module';
import { hostname } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type Diagnostic, formatDiagnostic, hasErrors } from '../config/diagnostics.ts';
import { DEFAULT_RUN_DIR, GUARDIAN_TITLE } from '../contracts/run-directory.ts';
import { OperationalError } from '../core/errors.ts';
import { ELECTIONS } from '../election/elections.ts';
import { Guardian } from '../guardian/guardian.ts';
import { type Log, logLines, styleOfProcess } from '../guardian/log.ts';
import { StandardStreams } from '../guardian/output/standard-streams.ts';
import type { ConfigInputs, LoadedConfig } from '../load-config/load.ts';
import { loadConfigApart } from '../load-config/load-apart.ts';
import { localAddresses } from '../load-config/local-addresses.ts';
import { startPrivilegedRelays } from '../planes/relay/privileged.ts';
import { VERSION } from '../version.ts';
import { inputProblem, leaveOutOption } from './inputs.ts';
import { errorLine } from './printing.ts';

type RunOptions = {
  readonly config?: string;
  readonly haproxy?: string;
  readonly keepalived?: string;
  readonly keepScripts: boolean;
  readonly hedge: boolean;
  readonly leaveOut: readonly string[];
  readonly node?: string;
  readonly runDir: string;
  /** ms; absent: as the configuration says. */
  readonly balancerGrace?: number;
  readonly spare: boolean;
  /** Absent: as the configuration says. */
  readonly statusGroup?: string;
};

const GRACE_MS = 1000;

/** While an address is waited for, between two looks. */
const ADDRESS_POLL_MS = 250;
/** Errors, and warnings beside them, that the start with a wrong file tells. */
const TOLD_MAX = 20;

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
    .option('--no-spare', 'keep no second balancer waiting to take over')
    .option(
      '--status-group <name>',
      'group whose members may ask "evergate status" (default: root only, or as evergate.yaml says)',
    )
    .addHelpText(
      'after',
      '\nGive --config, or --haproxy, --keepalived or both.\n' +
        'Logs go to standard error. SIGTERM releases the VIP, then ends. SIGHUP reads the files again.',
    )
    .action(run);
}

async function run(options: RunOptions, command: Command): Promise<void> {
  const problem = inputProblem(options);
  if (problem !== null) command.error(`error: ${problem}`, { exitCode: 1 });
  process.title = GUARDIAN_TITLE;
  const streams = StandardStreams.take(styleOfProcess());
  process.on('uncaughtException', (error) => {
    const text = `The guardian failed: ${error instanceof Error ? error.stack : error}`;
    logLines(streams.log, 'error', text);
    void streams.leave(1);
  });
  let failed = true;
  try {
    failed = await guard(options, streams);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    streams.stderr.write(errorLine(error));
  }
  // The IPC channel and worker threads are gone; do not wait for what a library may still hold open.
  await streams.leave(failed ? 1 : 0);
}

/** Resolves when the node has stopped: whether it had to. Throws OperationalError when it cannot start. */
async function guard(options: RunOptions, streams: StandardStreams): Promise<boolean> {
  const { log } = streams;
  const { config, node } = await readConfig(options, log);
  let failed = false;
  const finished = Promise.withResolvers<void>();
  // Before the start, so that a signal during it still cleans up.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      log('info', `${signal}: stopping`);
      finished.resolve();
    });
  }
  // One during the start is about files that may have changed since they were read.
  let onHangUp = (): void => {
    hungUp = true;
  };
  let hungUp = false;
  process.on('SIGHUP', () => onHangUp());
  const guardian = await Guardian.start({
    config,
    elections: ELECTIONS,
    startPrivilegedPlane: startPrivilegedRelays,
    node: options.node ?? node ?? hostname(),
    read: async () => {
      const loaded = await loadAsAsked(options);
      return { ...loaded, node: options.node ?? loaded.node };
    },
    version: VERSION,
    runDir: options.runDir,
    balancerGraceMs: options.balancerGrace ?? config.balancer?.process.graceMs ?? GRACE_MS,
    spare: options.spare && config.balancer?.process.spare !== false,
    log,
    outputs: streams,
    onFailure: (text) => {
      failed = true;
      log('error', text);
      finished.resolve();
    },
  });
  onHangUp = () => void guardian.reload('SIGHUP');
  if (hungUp) onHangUp();
  // Written now: a guardian that is killed would never come to it (docs/adr/0005).
  flushCompileCache();
  await finished.promise;
  await guardian.stop();
  log('info', 'Stopped');
  return failed;
}

/** The first errors and the first warnings, in their order: a wrong file may have thousands. */
function firstOfEach(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const left = { error: TOLD_MAX, warning: TOLD_MAX };
  return diagnostics.filter(({ severity }) => left[severity]-- > 0);
}

/** At boot this may be before the node has an address: then it is waited for, and said so once. */
async function readConfig(options: RunOptions, log: Log): Promise<LoadedConfig> {
  let told = false;
  for (;;) {
    const before = JSON.stringify(localAddresses());
    const loaded = await loadAsAsked(options);
    if (loaded.awaits === undefined) return takeConfig(loaded, log);
    if (!told) {
      for (const each of loaded.diagnostics) log('warning', formatDiagnostic(asWarning(each)));
      log(
        'warning',
        `By its host name this is node "${loaded.awaits}": waits for one of its addresses`,
      );
    }
    told = true;
    while (JSON.stringify(localAddresses()) === before) await setTimeout(ADDRESS_POLL_MS);
  }
}

function asWarning(diagnostic: Diagnostic): Diagnostic {
  return { ...diagnostic, severity: 'warning' };
}

/** Throws OperationalError 'config-invalid' when it has errors, which are told. */
function takeConfig(loaded: LoadedConfig, log: Log): LoadedConfig {
  const { diagnostics } = loaded;
  const told = hasErrors(diagnostics) ? firstOfEach(diagnostics) : diagnostics;
  for (const diagnostic of told) log(diagnostic.severity, formatDiagnostic(diagnostic));
  const untold = diagnostics.length - told.length;
  if (untold > 0) log('error', `... and ${untold} more; see evergate check`);
  if (hasErrors(diagnostics)) {
    throw new OperationalError(
      'config-invalid',
      'The configuration has errors; nothing was started',
    );
  }
  return loaded;
}

/** The command line comes before what the files say. */
async function loadAsAsked(options: RunOptions): Promise<LoadedConfig> {
  const loaded = await loadConfigApart(inputsOf(options));
  const { statusGroup } = options;
  if (statusGroup === undefined) return loaded;
  return { ...loaded, config: { ...loaded.config, statusGroup } };
}

function inputsOf(options: RunOptions): ConfigInputs {
  return {
    ...(options.config === undefined
      ? {}
      : { native: { file: options.config, node: options.node ?? null, mustBeNode: true } }),
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
