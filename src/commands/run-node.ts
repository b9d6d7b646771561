/** What `evergate run` does: reads the configuration, starts the guardian, and waits until it is to end. */

import { flushCompileCache } from 'node:module';
import { hostname } from 'node:os';
import { GUARDIAN_TITLE } from '../contracts/run-directory.ts';
import { OperationalError } from '../core/errors.ts';
import { ELECTIONS } from '../election/elections.ts';
import { GUARDIAN_CAPABILITIES } from '../guardian/capabilities.ts';
import { Guardian, type GuardianOptions } from '../guardian/guardian.ts';
import { type LogFormat, logLines, styleOfProcess } from '../guardian/log.ts';
import { StandardStreams } from '../guardian/output/standard-streams.ts';
import { DescriptorStore } from '../guardian/service/descriptor-store.ts';
import type { ServiceEnvironment } from '../guardian/service/environment.ts';
import { readRefusedStart } from '../guardian/service/refused-start.ts';
import { RunSignals } from '../guardian/service/run-signals.ts';
import { ServiceManager } from '../guardian/service/service-manager.ts';
import { statusLine } from '../guardian/service/status-line.ts';
import { BalancerShell } from '../guardian/supervision/balancer-shell.ts';
import { keepCapabilities } from '../linux/rights.ts';
import type { LoadedConfig } from '../load-config/load.ts';
import { startPrivilegedRelays } from '../planes/relay/privileged.ts';
import { giveMemoryBack } from '../start-garbage.ts';
import { VERSION } from '../version.ts';
import { endEarly } from './end-early.ts';
import { errorLine } from './printing.ts';
import { configToStart, type ReadFiles } from './start-config.ts';
import { startWhenFree } from './start-when-free.ts';

/** What the command line says of a node, beside the files. */
export type NodeOptions = {
  /** The configuration files that the command line names. */
  readonly files: readonly string[];
  readonly node?: string;
  readonly runDir: string;
  /** ms; absent: as the configuration says. */
  readonly balancerGrace?: number;
  readonly spare: boolean;
  /** Whether the files may ask for a balancer. */
  readonly mayBalance: boolean;
  readonly logFormat: LogFormat;
  /** null: nobody wants to be told. */
  readonly service: ServiceEnvironment | null;
};

const GRACE_MS = 1000;

/** How old the line may be that `systemctl status` shows. */
const STATUS_LINE_MS = 2000;
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
  const streams = StandardStreams.take(styleOfProcess(options.logFormat));
  process.on('uncaughtException', (error) => {
    const text = `The guardian failed: ${error instanceof Error ? error.stack : error}`;
    logLines(streams.log, 'error', text);
    void streams.leave(1);
  });
  let failed = true;
  // It loads itself while the files are read: both take long.
  const shell = options.mayBalance ? new BalancerShell(streams) : null;
  try {
    failed = await guard(options, streams, shell, first, read);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    streams.stderr.write(errorLine(error));
  } finally {
    shell?.drop();
  }
  // The IPC channel and worker threads are gone; do not wait for what a library may still hold open.
  await streams.leave(failed ? 1 : 0);
}

/** Resolves when the node has stopped: whether it had to. Throws OperationalError when it cannot start. */
async function guard(
  options: NodeOptions,
  streams: StandardStreams,
  shell: BalancerShell | null,
  first: Promise<LoadedConfig>,
  readFiles: ReadFiles,
): Promise<boolean> {
  const { log } = streams;
  const manager = new ServiceManager(options.service, log);
  const store = new DescriptorStore(options.service, log);
  const before = readRefusedStart(options.runDir);
  const told = { log, manager, store };
  const { config, node, names } = await configToStart(options, first, readFiles, told);
  // Before the start, so that a signal during it still cleans up.
  const signals = new RunSignals(log);
  process.off('SIGUSR2', endEarly);
  const onFailure = (text: string): void => signals.fail(text);
  const parts = { config, node, names, readFiles, streams, manager, store, shell, onFailure };
  const guardian = await startWhenFree(starter(options, parts, signals.cancel), {
    runDir: options.runDir,
    files: options.files,
    manager,
    isService: options.service !== null,
    before,
    ended: signals.finished,
  });
  if (guardian === null) {
    shell?.drop();
    if (signals.startHandsOver) await streams.abandon(0);
    return signals.failed;
  }
  // Files that ask for no balancer have nobody take it.
  shell?.drop();
  signals.follow({
    log: guardian.log,
    onHangUp: () => void guardian.reload('SIGHUP'),
    onHandOver: () => void handOver(guardian, streams),
  });
  const telling = options.service === null ? undefined : tellStatus(guardian, manager);
  // Written now: a guardian that is killed would never come to it (docs/adr/0005).
  flushCompileCache();
  giveMemoryBack();
  await signals.finished;
  clearInterval(telling);
  manager.stopping();
  await guardian.stop();
  log('info', 'Stopped');
  return signals.failed;
}

/** As if it were killed, which is what the next process takes over from (docs/adr/0010), but for the last lines. */
async function handOver(guardian: Guardian, streams: StandardStreams): Promise<void> {
  await guardian.prepareToLeave();
  await streams.abandon(0);
}

type Parts = Pick<LoadedConfig, 'config' | 'node'> & {
  readonly names: LoadedConfig['names'];
  readonly readFiles: ReadFiles;
  readonly streams: StandardStreams;
  readonly manager: ServiceManager;
  readonly store: DescriptorStore;
  /** null: the start has had it. */
  readonly shell: BalancerShell | null;
  readonly onFailure: (text: string) => void;
};

/** Starts the guardian, each time that it is called. */
function starter(options: NodeOptions, parts: Parts, cancel: AbortSignal): () => Promise<Guardian> {
  let { shell } = parts;
  return () => {
    const given = { ...guardianOptions(options, { ...parts, shell }), cancel };
    // One that a start has taken has ended with it.
    shell = null;
    return Guardian.start(given);
  };
}

function guardianOptions(
  options: NodeOptions,
  { config, node, names, readFiles, streams, manager, store, shell, onFailure }: Parts,
): Omit<GuardianOptions, 'cancel'> {
  const { log } = streams;
  return {
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
    shell,
    log,
    manager,
    store,
    outputs: streams,
    onFailure,
  };
}

/** To the end of the node, or until the timer is cleared. */
function tellStatus(guardian: Guardian, manager: ServiceManager): NodeJS.Timeout {
  const tell = async (): Promise<void> => manager.status(statusLine(await guardian.status()));
  void tell();
  return setInterval(tell, STATUS_LINE_MS);
}
