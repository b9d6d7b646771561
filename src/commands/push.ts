/** `evergate push`: one evergate.yaml to all nodes, each checked before and healthy after, or all as they were. */

import { createHash, randomBytes } from 'node:crypto';
import { Command, InvalidArgumentError, Option } from 'commander';
import { formatDiagnostic, hasErrors } from '../config/diagnostics.ts';
import { DEFAULT_CONFIG, DEFAULT_RUN_DIR } from '../contracts/run-directory.ts';
import { OperationalError } from '../core/errors.ts';
import { loadConfig } from '../load-config/load.ts';
import { localAddresses } from '../load-config/local-addresses.ts';
import { readText } from '../load-config/read-text.ts';
import { FILE_BYTES_MAX } from '../load-config/sources.ts';
import { PushNode } from '../push/node.ts';
import type { Place } from '../push/reach.ts';
import { rollOut } from '../push/rollout.ts';
import { complain, print } from './printing.ts';

const HEALTH_SECONDS = 60;
const HEALTH_SECONDS_MAX = 3600;

type PushOptions = {
  readonly config: string;
  readonly user?: string;
  readonly sshOption: readonly string[];
  readonly remoteFile: string;
  readonly program: string;
  readonly runDir: string;
  readonly timeout: number;
};

export function pushCommand(): Command {
  return new Command('push')
    .argument('[node...]', 'nodes of the file; else all')
    .option('--config <file>', 'the evergate.yaml that the nodes shall have', DEFAULT_CONFIG)
    .option('--user <name>', 'account on the nodes; one that is not root needs sudo')
    .addOption(
      new Option('--ssh-option <option>', 'as "ssh -o" takes it; may be given several times')
        .argParser((text: string, before: readonly string[]) => [...before, text])
        .default([], 'none'),
    )
    .option('--remote-file <file>', 'its place on the nodes', DEFAULT_CONFIG)
    .option('--program <path>', 'Evergate on the nodes', 'evergate')
    .option('--run-dir <dir>', 'directory of the instances on the nodes', DEFAULT_RUN_DIR)
    .option(
      '--timeout <seconds>',
      'in which a node is to be well again; then it has to stay so for 4 s',
      parseSeconds,
      HEALTH_SECONDS,
    )
    .addHelpText(
      'after',
      '\nNothing changes anywhere before every node has been reached and its own check has found no error. Then one node\n' +
        'after the other reloads, the owner of the VIP last, and is waited for. If one fails, or at Ctrl-C, all have\n' +
        'their old file again. The old file stays beside the new one, as FILE.old.\n' +
        'Exit code 0 when all nodes go by the file, else 1.',
    )
    .action(push);
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (/^\d+$/.test(text) && seconds >= 1 && seconds <= HEALTH_SECONDS_MAX) return seconds;
  throw new InvalidArgumentError(`Give whole seconds from 1 to ${HEALTH_SECONDS_MAX}.`);
}

async function push(names: readonly string[], options: PushOptions): Promise<void> {
  const { config, user = null, sshOption, remoteFile, program, runDir, timeout } = options;
  const text = await readChecked(config);
  const places = await placesOf(config, names);
  const id = randomBytes(4).toString('hex');
  const target = {
    file: remoteFile,
    text,
    digest: createHash('sha256').update(text).digest('hex'),
    waiting: `${remoteFile}.push-${id}`,
    program,
    runDir,
    healthLimitMs: timeout * 1000,
  };
  const reach = { user, sshOptions: sshOption };
  const nodes = places.map((place) => new PushNode(place, reach, target));
  const width = Math.max(...places.map(({ name }) => name.length));
  const stop = new AbortController();
  const onSignal = (): void => {
    complain(
      'evergate: stopping: the step under way is waited for, then all nodes get their old file\n',
    );
    stop.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
  const isDone = await rollOut(nodes, stop.signal, (name, said) => {
    print(`${name.padEnd(width)}  ${said}\n`);
  });
  if (isDone) {
    print(
      `OK: ${places.length === 1 ? 'the node goes' : `${places.length} nodes go`} by ${remoteFile}\n`,
    );
    return;
  }
  const why = stop.signal.aborted ? 'It was stopped' : 'A node failed';
  throw new OperationalError('push-failed', `${why}; the lines before say what each node has`);
}

/** What every node would refuse is not sent to one. */
async function readChecked(file: string): Promise<string> {
  const { diagnostics } = await load(file);
  complain(
    diagnostics
      .filter(isOfFile)
      .map((each) => `${formatDiagnostic(each)}\n`)
      .join(''),
  );
  if (hasErrors(diagnostics)) {
    throw new OperationalError('config-invalid', 'The file has errors; nothing is sent');
  }
  const read = readText(file, FILE_BYTES_MAX);
  if ('text' in read) return read.text;
  throw new OperationalError('config-invalid', `The file "${file}" ${read.problem}`);
}

/** Whoever pushes may be no node. */
function isOfFile({ code }: { readonly code: string }): boolean {
  return code !== 'unknown-node';
}

function load(file: string) {
  const native = { file, node: null, mustBeNode: false };
  return loadConfig({
    native,
    haproxy: null,
    keepalived: [],
    keepScripts: false,
    checkMachine: false,
  });
}

async function placesOf(file: string, wanted: readonly string[]): Promise<readonly Place[]> {
  const { config } = await load(file);
  const own = new Set(localAddresses().map(({ address }) => address));
  const all = (config.nodes ?? []).map(({ name, addresses }) => ({ name, addresses }));
  const unknown = wanted.find((name) => all.every((node) => node.name !== name));
  if (unknown !== undefined) {
    const names = all.map(({ name }) => name).join(', ');
    throw new OperationalError(
      'push-failed',
      `No node is called "${unknown}"; the nodes are ${names}`,
    );
  }
  return all
    .filter(({ name }) => wanted.length === 0 || wanted.includes(name))
    .map(({ name, addresses }) => {
      const [address] = addresses;
      if (address === undefined) {
        throw new OperationalError('push-failed', `The name of node "${name}" leads nowhere now`);
      }
      return { name, address, isHere: addresses.some((each) => own.has(each)) };
    });
}
