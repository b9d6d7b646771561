/** `evergate check`: every error and warning of the configuration files, before they bite. */

import { Command } from 'commander';
import { type Diagnostic, formatDiagnostic, hasErrors } from '../config/diagnostics.ts';
import type { Config } from '../config/model/config.ts';
import { addressWithPort } from '../core/ip-address.ts';
import { loadNodes } from '../load-config/load-nodes.ts';
import { inputProblem, leaveOutOption } from './inputs.ts';
import { print } from './printing.ts';

type CheckOptions = {
  readonly config?: readonly string[];
  readonly node?: string;
  readonly haproxy?: readonly string[];
  readonly keepalived?: readonly string[];
  readonly keepScripts: boolean;
  readonly leaveOut: readonly string[];
  readonly json: boolean;
};

export function checkCommand(): Command {
  return new Command('check')
    .option('--config <file...>', 'the evergate.yaml; several, one of each node, are compared')
    .option('--node <name>', 'which node of the evergate.yaml this machine is')
    .option('--haproxy <file...>', 'the haproxy.cfg; several, one of each node, are compared')
    .option(
      '--keepalived <file...>',
      'the keepalived.conf; several, one of each node, are compared',
    )
    .option('--keep-scripts', 'take scripts that watch haproxy as they are', false)
    .addOption(leaveOutOption())
    .option('--json', 'print an array of diagnostics', false)
    .allowExcessArguments()
    .addHelpText(
      'after',
      '\nOne line each: file:line:column: severity: text [code]. "evergate explain CODE" says why, and what mends it.\n' +
        'Exit code 1 when there is an error, else 0.',
    )
    .action(check);
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function describe(config: Config, nodes: number): readonly string[] {
  const parts: string[] = [];
  if (config.balancer !== null) {
    const { frontends, httpFrontends, backends } = config.balancer;
    const servers = backends.flatMap((backend) => backend.servers);
    parts.push(counted(frontends.length, 'frontend'), counted(servers.length, 'server'));
    if (httpFrontends.length > 0) parts.push(counted(httpFrontends.length, 'HTTP frontend'));
  }
  for (const { address, port, toPort } of config.redirects ?? []) {
    parts.push(`${addressWithPort(address, port)} redirected to port ${toPort}`);
  }
  if (config.vrrp !== null) {
    parts.push(counted(config.vrrp.instances.length, 'VRRP instance'));
  }
  if (nodes > 1) parts.push(counted(nodes, 'node'));
  return parts;
}

function summary(config: Config, diagnostics: readonly Diagnostic[], nodes: number): string {
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length;
  const warnings = counted(diagnostics.length - errors, 'warning');
  if (errors > 0) return `${counted(errors, 'error')}, ${warnings}`;
  const found = [...describe(config, nodes), warnings].join(', ');
  const elsewhere = diagnostics.some(({ code }) => code === 'unknown-node');
  if (!elsewhere) return `OK: ${found}`;
  return `OK for the nodes of the file, but "evergate run" refuses on this machine, which is none of them: ${found}`;
}

/** The command that has more about these; nothing where there are none. */
function explanation(diagnostics: readonly Diagnostic[]): readonly string[] {
  const codes = [...new Set(diagnostics.map(({ code }) => code))];
  return codes.length === 0 ? [] : [`Reasons and fixes: evergate explain ${codes.join(' ')}`];
}

async function check(options: CheckOptions, command: Command): Promise<void> {
  const { haproxy = [], keepalived = [], keepScripts, leaveOut, json } = options;
  const problem = inputProblem(options, command.args);
  if (problem !== null) command.error(`error: ${problem}`, { exitCode: 1 });
  const { config: files = [], node = null } = options;
  const { config, diagnostics } = await loadNodes(
    { native: files, node, haproxy },
    { keepalived, keepScripts, leaveOut, checkMachine: true },
  );
  const nodes = Math.max(files.length, haproxy.length, keepalived.length);
  const lines = json
    ? [JSON.stringify(diagnostics, null, 2)]
    : [
        ...diagnostics.map(formatDiagnostic),
        summary(config, diagnostics, nodes),
        ...explanation(diagnostics),
      ];
  print(`${lines.join('\n')}\n`);
  process.exitCode = hasErrors(diagnostics) ? 1 : 0;
}
