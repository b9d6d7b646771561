/** What `evergate run` does: reads the configuration, starts the guardian, and waits until it is to end. */

import { flushCompileCache } from 'node:module';
import { hostname } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { type Diagnostic, formatDiagnostic, hasErrors } from '../config/diagnostics.ts';
import { GUARDIAN_TITLE } from '../contracts/run-directory.ts';
import { OperationalError } from '../core/errors.ts';
import { ELECTIONS } from '../election/elections.ts';
import { GUARDIAN_CAPABILITIES } from '../guardian/capabilities.ts';
import { Guardian } from '../guardian/guardian.ts';
import { type Log, logLines, styleOfProcess } from '../guardian/log.ts';
import { StandardStreams } from '../guardian/output/standard-streams.ts';
import type { ServiceEnvironment } from '../guardian/service/environment.ts';
import { ServiceManager } from '../guardian/service/service-manager.ts';
import { statusLine } from '../guardian/service/status-line.ts';
import { keepCapabilities } from '../linux/rights.ts';
import type { LoadedConfig } from '../load-config/load.ts';
import { localAddresses } from '../load-config/local-addresses.ts';
import { startPrivilegedRelays } from '../planes/relay/privileged.ts';
import { dropStartGarbage } from '../start-garbage.ts';
import { VERSION } from '../version.ts';
import { errorLine } from './printing.ts';

/** What the command line says of a node, beside the files. */
export type NodeOptions = {
  readonly node?: string;
  readonly runDir: string;
  /** ms; absent: as the configuration says. */
  readonly balancerGrace?: number;
  readonly spare: boolean;
  /** null: nobody wants to be told. */
  readonly service: ServiceEnvironment | null;
};

/** Reads the files; rejects only over broken invariants. */
export type ReadFiles = () => Promise<LoadedConfig>;

const GRACE_MS = 1000;

/** While an address is waited for, between two looks. */
const ADDRESS_POLL_MS = 250;
/** How often names of nodes are looked up again while this node waits for its address. */
const NAMES_AGAIN_MS = 5000;
/** How old the line may be that `systemctl status` shows. */
const STATUS_LINE_MS = 2000;
/** Errors, and warnings beside them, that the start with a wrong file tells. */
const TOLD_MAX = 20;

/** To the end of the process. `first`: what the files say, read meanwhile; `read`: what they say now. */
export async function runNode(
  options: NodeOptions,
  first: Promise<LoadedConfig>,
  read: ReadFiles,
): Promise<void> {
  process.title = GUARDIAN_TITLE;
  // Without a listener Node would open a debugger to every account of the machine.
  process.on('SIGUSR1', () => {});
  keepCapabilities(GUARDIAN_CAPABILITIES);
  const streams = StandardStreams.take(styleOfProcess());
  process.on('uncaughtException', (error) => {
    const text = `The guardian failed: ${error instanceof Error ? error.stack : error}`;
    logLines(streams.log, 'error', text);
    void streams.leave(1);
  });
  let failed = true;
  try {
    failed = await guard(options, streams, first, read);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    streams.stderr.write(errorLine(error));
  }
  // The IPC channel and worker threads are gone; do not wait for what a library may still hold open.
  await streams.leave(failed ? 1 : 0);
}

/** Resolves when the node has stopped: whether it had to. Throws OperationalError when it cannot start. */
async function guard(
  options: NodeOptions,
  streams: StandardStreams,
  first: Promise<LoadedConfig>,
  readFiles: ReadFiles,
): Promise<boolean> {
  const { log } = streams;
  const manager = new ServiceManager(options.service, log);
  const { config, node, names } = await readConfig(first, readFiles, log, manager);
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
  // There is nothing yet that the next process could take over.
  let onHandOver = (): void => finished.resolve();
  process.on('SIGUSR2', () => onHandOver());
  const guardian = await Guardian.start({
    config,
    elections: ELECTIONS,
    startPrivilegedPlane: startPrivilegedRelays,
    node: options.node ?? node ?? hostname(),
    ...(names === undefined ? {} : { names }),
    read: async () => {
      const loaded = await readFiles();
      return { ...loaded, node: options.node ?? loaded.node };
    },
    version: VERSION,
    runDir: options.runDir,
    balancerGraceMs: options.balancerGrace ?? config.balancer?.process.graceMs ?? GRACE_MS,
    spare: options.spare && config.balancer?.process.spare !== false,
    log,
    manager,
    outputs: streams,
    onFailure: (text) => {
      failed = true;
      log('error', text);
      finished.resolve();
    },
  });
  onHangUp = () => void guardian.reload('SIGHUP');
  if (hungUp) onHangUp();
  onHandOver = () => {
    log('info', 'SIGUSR2: leaves connections and VIP to the process that follows');
    // As if it were killed, which is what they take over from (docs/adr/0010), but for the last lines.
    void guardian.prepareToLeave().then(() => streams.abandon(0));
  };
  const telling = options.service === null ? undefined : tellStatus(guardian, manager);
  // Written now: a guardian that is killed would never come to it (docs/adr/0005).
  flushCompileCache();
  dropStartGarbage();
  await finished.promise;
  clearInterval(telling);
  manager.stopping();
  await guardian.stop();
  log('info', 'Stopped');
  return failed;
}

/** To the end of the node, or until the timer is cleared. */
function tellStatus(guardian: Guardian, manager: ServiceManager): NodeJS.Timeout {
  const tell = async (): Promise<void> => manager.status(statusLine(await guardian.status()));
  void tell();
  return setInterval(tell, STATUS_LINE_MS);
}

/** The first errors and the first warnings, in their order: a wrong file may have thousands. */
function firstOfEach(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const left = { error: TOLD_MAX, warning: TOLD_MAX };
  return diagnostics.filter(({ severity }) => left[severity]-- > 0);
}

/** At boot this may be before the node has an address: then it is waited for, and said so once. */
async function readConfig(
  first: Promise<LoadedConfig>,
  read: ReadFiles,
  log: Log,
  manager: ServiceManager,
): Promise<LoadedConfig> {
  let told = false;
  // What was here when the first reading began is not known: one that has to wait is followed by another at once.
  let before = '';
  for (let loaded = await first; ; loaded = await read()) {
    if (loaded.awaits === undefined) return takeConfig(loaded, log);
    if (!told) {
      for (const each of loaded.diagnostics) log('warning', formatDiagnostic(asWarning(each)));
      const text = `This seems to be node "${loaded.awaits}": waits for one of its addresses`;
      log('warning', text);
      manager.status(text);
    }
    told = true;
    // A name may lead here later, without any change here.
    const since = performance.now();
    while (
      JSON.stringify(localAddresses()) === before &&
      performance.now() - since < NAMES_AGAIN_MS
    ) {
      await setTimeout(ADDRESS_POLL_MS);
    }
    before = JSON.stringify(localAddresses());
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
