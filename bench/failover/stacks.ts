/**
 * The stacks that bench/failover compares: what runs on a node of the article's cluster, how its processes
 * are told apart, and what its service manager would do.
 */

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EVERGATE } from '../../src/lab/build-node.ts';
import {
  missingPrograms,
  type Restart,
  supervisedCommand,
  writeUnit,
} from '../../src/lab/stacks/article.ts';
import type { NodePaths } from '../../src/lab/stacks/stack.ts';
import { ARTICLE_FILES } from '../../src/lab/start-cluster.ts';
import { ARTICLE } from '../../src/lab/topology.ts';
import type { NodeProcess } from './node-processes.ts';

/** The stacks in the order of the tables, with what they are called there. */
export const STACK_TITLES = {
  article: 'article',
  expert: 'expert',
  evergate: "Evergate, article's files",
  'evergate-native': 'Evergate, native',
} as const;

export type StackName = keyof typeof STACK_TITLES;

export type Stack = {
  readonly name: StackName;
  /** Programs and versions. */
  readonly version: string;
  /** The highest priority takes the VIP back: a repaired cluster is quiet only after that. */
  readonly preempts: boolean;
  /** Every server gets new connections at any time; with leastconn a server that came back gets all. */
  readonly spreads: boolean;
  readonly filesDirectory: string;
  readonly nodeCommand: (paths: NodePaths) => string[];
  /** supervise.sh's directory of a node, and its units there. */
  readonly unitsOf: (node: string) => string;
  readonly units: readonly string[];
  /** What an operator ends, one after the other, to take a node out of service. */
  readonly stopOrder: readonly IsProcess[];
  /** The one that carries connections. */
  readonly isBalancer: IsProcess;
  /** Any that carries connections, or could at once. */
  readonly isAnyBalancer: IsProcess;
  readonly isVrrp: IsProcess;
  /** The unit that no longer starts when the balancer cannot; null: a new balancer is no unit. */
  readonly balancerUnit: string | null;
  /** The eldest of these takes this signal to read its files again, which were changed before. */
  readonly reload: {
    readonly is: IsProcess;
    readonly signal: NodeJS.Signals;
    readonly change: (node: string) => void;
  };
};

export type IsProcess = (process: NodeProcess) => boolean;

const SUPERVISE = join(import.meta.dirname, '../../examples/lab/supervise.sh');
const EXPERT_FILES = join(import.meta.dirname, 'expert');

export type StackProblem = { readonly name: StackName; readonly why: string };

/** Makes a stack's files under `directory`; a problem when this machine cannot run it. */
export function makeStack(name: StackName, directory: string): Stack | StackProblem {
  mkdirSync(directory, { recursive: true });
  switch (name) {
    case 'article':
      return debianStack(name, ARTICLE_FILES, directory, 'never');
    case 'expert':
      return debianStack(name, expertFiles(directory), directory, 'always');
    case 'evergate':
      return evergateStack(name, directory, 'never', (paths, file) => {
        copyFileSync(paths.haproxy, file);
        return ['--haproxy', file, '--keepalived', paths.keepalived];
      });
    case 'evergate-native': {
      const help = spawnSync(EVERGATE, ['run', '--help'], { encoding: 'utf8' });
      if (!help.stdout.includes('--config')) {
        return { name, why: 'This Evergate has no "run --config" yet' };
      }
      return evergateStack(name, directory, 'always', (_, file) => {
        writeFileSync(file, nativeConfig());
        return ['--config', file];
      });
    }
  }
}

function debianStack(
  name: 'article' | 'expert',
  filesDirectory: string,
  directory: string,
  restart: Restart,
): Stack | StackProblem {
  const missing = missingPrograms();
  if (missing.length > 0) {
    return { name, why: `${missing.join(', ')} missing; apt-get install haproxy keepalived` };
  }
  const isHaproxy: IsProcess = ({ command }) => command === 'haproxy';
  const isKeepalived: IsProcess = ({ command }) => command === 'keepalived';
  const unitsOf = (node: string): string => join(directory, node);
  return {
    name,
    version: `HAProxy ${versionOf('haproxy', '-v')}, keepalived ${versionOf('keepalived', '-v')}`,
    preempts: name === 'article',
    spreads: name === 'article',
    filesDirectory,
    nodeCommand: (paths) => {
      return supervisedCommand(unitsOf(paths.node.name), paths, restart);
    },
    unitsOf,
    units: ['haproxy', 'keepalived'],
    stopOrder: [isKeepalived, isHaproxy],
    isBalancer: isHaproxy,
    isAnyBalancer: isHaproxy,
    isVrrp: isKeepalived,
    balancerUnit: 'haproxy',
    // The master starts a new process by whatever the files say.
    reload: { is: isHaproxy, signal: 'SIGUSR2', change: () => {} },
  };
}

function evergateStack(
  name: 'evergate' | 'evergate-native',
  directory: string,
  restart: Restart,
  input: (paths: NodePaths, file: string) => readonly string[],
): Stack {
  const titled =
    (...titles: readonly string[]): IsProcess =>
    ({ title }) =>
      titles.some((one) => title.startsWith(`evergate: ${one}`));
  const isGuardian = titled('guardian');
  const configOf = (node: string): string => join(directory, `${node}.config`);
  const unitsOf = (node: string): string => join(directory, node);
  return {
    name,
    version: `Evergate ${versionOf(EVERGATE, '--version')}`,
    preempts: name === 'evergate',
    spreads: name === 'evergate',
    filesDirectory: ARTICLE_FILES,
    nodeCommand: (paths) => {
      const units = unitsOf(paths.node.name);
      mkdirSync(units, { recursive: true });
      const files = input(paths, configOf(paths.node.name));
      const run = [EVERGATE, 'run', ...files, '--node', paths.node.name];
      const command = [...run, '--run-dir', paths.runDir].join(' ');
      writeUnit(join(units, 'evergate.unit'), `exec ${command}`);
      return [SUPERVISE, units, restart, 'evergate'];
    },
    unitsOf,
    units: ['evergate'],
    stopOrder: [isGuardian],
    isBalancer: titled('balancer'),
    isAnyBalancer: titled('balancer', 'spare'),
    isVrrp: isGuardian,
    balancerUnit: null,
    reload: { is: isGuardian, signal: 'SIGHUP', change: (node) => changeFile(configOf(node)) },
  };
}

function expertFiles(directory: string): string {
  const files = join(directory, 'files');
  mkdirSync(files, { recursive: true });
  for (const file of ['haproxy.cfg', 'check_haproxy.sh']) {
    copyFileSync(join(EXPERT_FILES, file), join(files, file));
  }
  const text = readFileSync(join(EXPERT_FILES, 'keepalived.conf'), 'utf8');
  for (const [index, { name }] of ARTICLE.nodes.entries()) {
    const priority = String(100 - 10 * index);
    const own = text.replace('priority PRIORITY', `priority ${priority}`);
    writeFileSync(join(files, `keepalived.${name}.conf`), own);
  }
  return files;
}

function nativeConfig(): string {
  const nodes = ARTICLE.nodes.map(({ name, address }) => `  ${name}: ${address}\n`);
  const vip = `${ARTICLE.vip}/${ARTICLE.prefixLength}`;
  const settings = `vip: ${vip}\nlisten: ${ARTICLE.vipPort}\ntimeouts:\n  idle: 240m\n`;
  return `${settings}nodes:\n${nodes.join('')}`;
}

/** One minute more for idle clients: a change that no connection need notice. */
function changeFile(file: string): void {
  const text = readFileSync(file, 'utf8');
  const more = (_: string, key: string, minutes: string) => `${key}${Number(minutes) + 1}m`;
  writeFileSync(file, text.replace(/((?:timeout client|idle:) +)(\d+)m$/m, more));
}

function versionOf(command: string, flag: string): string {
  const { stdout, stderr } = spawnSync(command, [flag], { encoding: 'utf8' });
  return /\d+\.\d+\.\d+/.exec(`${stdout}${stderr}`)?.[0] ?? 'unknown';
}
