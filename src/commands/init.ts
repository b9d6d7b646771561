/** `evergate init`: the first evergate.yaml of a cluster, from what this machine knows and what is asked. */

import { statSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { type Diagnostic, formatDiagnostic, hasErrors } from '../config/diagnostics.ts';
import { DEFAULT_CONFIG } from '../contracts/run-directory.ts';
import { OperationalError } from '../core/errors.ts';
import { nftCommand } from '../linux/nftables.ts';
import { loadConfig } from '../load-config/load.ts';
import { localAddresses } from '../load-config/local-addresses.ts';
import { readKubernetes } from '../setup/kubernetes-files.ts';
import {
  composeFile,
  type Plan,
  parseNode,
  type Surroundings,
  vipProblem,
} from '../setup/proposal.ts';
import {
  describeSurroundings,
  doubtsAboutVip,
  nodesProblem,
  planCluster,
  portProblem,
} from '../setup/set-up.ts';
import { Terminal } from '../setup/terminal.ts';
import { refuseFilledIn, writeConfig } from '../setup/write-config.ts';
import { complain, print } from './printing.ts';

const KEY_PATH = '/etc/evergate/vrrp.key';
const UNITS = ['/usr/lib/systemd/system/evergate.service', '/etc/systemd/system/evergate.service'];

type InitOptions = {
  readonly vip?: string;
  readonly node: readonly string[];
  readonly listen?: string;
  readonly output: string;
  readonly yes: boolean;
  readonly force: boolean;
};

export function initCommand(): Command {
  return new Command('init')
    .option('--vip <address>', 'the address that clients ask, such as 192.168.1.94/24')
    .addOption(
      new Option(
        '--node <name=address>',
        'a control-plane node; once for each, the preferred first',
      )
        .argParser((text: string, before: readonly string[]) => [...before, text])
        .default([], 'those that files of kubeadm, k3s or RKE2 name'),
    )
    .option('--listen <port>', 'the port that clients ask (default: 8443, or that of today)')
    .option('--output <file>', 'where to', DEFAULT_CONFIG)
    .option('--yes', 'write without asking whether it is right', false)
    .option('--force', 'write over a file that is filled in', false)
    .addHelpText(
      'after',
      '\nOn a terminal it asks for what is not given and no file tells; elsewhere that is an error, and nothing is written.\n' +
        'Exit code 1 when nothing is written, or the file has an error, else 0.',
    )
    .action(init);
}

async function init(options: InitOptions, command: Command): Promise<void> {
  const { vip = null, node, listen = null, yes, force } = options;
  const output = resolve(options.output);
  const problem =
    (vip === null ? null : vipProblem(vip)) ??
    (listen === null ? null : portProblem(listen)) ??
    nodesProblem(node);
  if (problem !== null) command.error(`error: ${problem}`, { exitCode: 1 });
  if (!force) refuseFilledIn(output);
  const around = lookAround();
  const terminal = process.stdin.isTTY && process.stdout.isTTY ? new Terminal() : null;
  try {
    print(`${describeSurroundings(around).join('\n')}\n\n`);
    const nodes = node.length === 0 ? null : node.flatMap((text) => parseNode(text) ?? []);
    const wishes = { vip, nodes, listen: listen === null ? null : Number(listen) };
    const ask = terminal === null ? null : terminal.ask.bind(terminal);
    const planned = await planCluster(around, wishes, ask);
    if ('missing' in planned) throw new OperationalError('not-answered', planned.missing);
    await propose(planned.plan, around, output, yes ? null : terminal);
  } finally {
    terminal?.close();
  }
}

function lookAround(): Surroundings {
  const hasKey = statSync(KEY_PATH, { throwIfNoEntry: false })?.isFile() === true;
  return {
    hostName: hostname().split('.')[0] ?? 'node',
    local: localAddresses(),
    kubernetes: readKubernetes(''),
    key: hasKey ? KEY_PATH : null,
    canRedirect: nftCommand() !== null,
  };
}

/** Shows the file, and writes it where `terminal` is null or its user agrees. */
async function propose(
  plan: Plan,
  around: Surroundings,
  output: string,
  terminal: Terminal | null,
): Promise<void> {
  const text = composeFile(plan, around);
  const doubts = await doubtsAboutVip(around, plan);
  print(`${output}:\n\n${text.replaceAll(/^(?=.)/gm, '  ')}\n`);
  complain(doubts.map((doubt) => `warning: ${doubt}\n`).join(''));
  // Judged before it is there: a file with an error is not written.
  const judged = await judge(output, text);
  if (hasErrors(judged)) {
    complain(judged.map((each) => `${formatDiagnostic(each)}\n`).join(''));
    throw new OperationalError('config-invalid', 'The file would not run here; nothing is written');
  }
  const agreed = await terminal?.ask('Write it (yes, no)', 'yes', (answer) =>
    /^(y|yes|n|no)$/i.test(answer) ? null : 'Say yes or no',
  );
  if (terminal !== null && !/^y/i.test(agreed ?? '')) {
    throw new OperationalError('not-answered', 'Not agreed to; nothing is written');
  }
  writeConfig(output, text);
  const native = { file: output, node: null, mustBeNode: false };
  const { diagnostics } = await loadConfig({
    native,
    haproxy: null,
    keepalived: [],
    keepScripts: false,
    checkMachine: true,
  });
  print(
    `${diagnostics.map((each) => `${formatDiagnostic(each)}\n`).join('')}${nextSteps(output, plan, around)}`,
  );
  process.exitCode = hasErrors(diagnostics) ? 1 : 0;
}

async function judge(file: string, text: string): Promise<readonly Diagnostic[]> {
  const { readNative } = await import('../load-config/evergate-yaml.ts');
  return (await readNative({ file, node: null, mustBeNode: false }, text)).diagnostics;
}

function nextSteps(output: string, { nodes }: Plan, { key }: Surroundings): string {
  const hasUnit = UNITS.some((path) => statSync(path, { throwIfNoEntry: false }) !== undefined);
  const start =
    hasUnit && output === DEFAULT_CONFIG
      ? 'systemctl enable --now evergate'
      : `evergate run --config ${output}`;
  const steps = [
    ...(nodes.length > 1 && key === null
      ? ['evergate key                # then name it as "vrrp.key", and copy it to the other nodes']
      : []),
    `evergate check --config ${output}`,
    ...(nodes.length > 1
      ? [`evergate push --config ${output}    # the same file to every node`]
      : []),
    `${start}    # on every node`,
  ];
  return `${output} is written. Next:\n\n${steps.map((step) => `  ${step}\n`).join('')}`;
}
