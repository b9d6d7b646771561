/** The subcommands: what each is for, and where it is. The list of `evergate --help` loads none of them. */

import type { Command } from 'commander';

type Entry = {
  /** As the list writes it: name, options, arguments. */
  readonly term: string;
  readonly purpose: string;
  load(): Promise<Command>;
};

const stateCommands = () => import('./administrative-state.ts');

const COMMANDS = {
  init: {
    term: 'init [options]',
    purpose: 'Write the first evergate.yaml, from what this machine knows and what is asked',
    load: async () => (await import('./init.ts')).initCommand(),
  },
  run: {
    term: 'run [options]',
    purpose: 'Run this node: balance connections, hold the virtual IP',
    load: async () => (await import('./run.ts')).runCommand(),
  },
  check: {
    term: 'check [options]',
    purpose: 'Say every error and warning of the configuration files',
    load: async () => (await import('./check.ts')).checkCommand(),
  },
  explain: {
    term: 'explain [code...]',
    purpose: 'Say why a code matters that a line ends with, and what mends it',
    load: async () => (await import('./explain/explain.ts')).explainCommand(),
  },
  import: {
    term: 'import [options]',
    purpose: 'Make one evergate.yaml of a haproxy.cfg and the keepalived.conf of all nodes',
    load: async () => (await import('./import.ts')).importCommand(),
  },
  manifest: {
    term: 'manifest [options]',
    purpose: 'Print a static pod that runs an evergate.yaml on its nodes',
    load: async () => (await import('./manifest.ts')).manifestCommand(),
  },
  schema: {
    term: 'schema',
    purpose: 'Print the JSON Schema of evergate.yaml, for editors',
    load: async () => (await import('./schema.ts')).schemaCommand(),
  },
  key: {
    term: 'key [file]',
    purpose: 'Make a key that signs VRRP advertisements, in a file that is not there yet',
    load: async () => (await import('./key.ts')).keyCommand(),
  },
  status: {
    term: 'status [options]',
    purpose:
      'Show what this node does; exit code 0 healthy, 1 degraded, 2 down or not running, 3 no right to ask',
    load: async () => (await import('./status.ts')).statusCommand(),
  },
  events: {
    term: 'events [options]',
    purpose: 'Show what happened on this node: moves of the VIP, checks, drains, reloads, restarts',
    load: async () => (await import('./events.ts')).eventsCommand(),
  },
  why: {
    term: 'why [options] [vip]',
    purpose: 'Say why a VIP came to this node, or left it',
    load: async () => (await import('./why.ts')).whyCommand(),
  },
  doctor: {
    term: 'doctor [options]',
    purpose:
      'Look for what is wrong on this node, change nothing, and say what mends it; exit code 0 all well, 1 warnings, 2 errors',
    load: async () => (await import('./doctor.ts')).doctorCommand(),
  },
  reload: {
    term: 'reload [options]',
    purpose: 'Have this node read its configuration again and go on by it',
    load: async () => (await import('./reload.ts')).reloadCommand(),
  },
  push: {
    term: 'push [options] [node...]',
    purpose:
      'Give all nodes one evergate.yaml over ssh, each checked and healthy, or all as they were',
    load: async () => (await import('./push.ts')).pushCommand(),
  },
  drain: {
    term: 'drain [options] <server>',
    purpose:
      'Give a server no new connections, those it has go on; or this node no VIP that another can have',
    load: async () => (await stateCommands()).serverStateCommand('drain'),
  },
  ready: {
    term: 'ready [options] <server>',
    purpose: 'Let a server take connections again, or this node the VIP',
    load: async () => (await stateCommands()).serverStateCommand('ready'),
  },
  maint: {
    term: 'maint [options] <server>',
    purpose: 'Take a server out of use and do not check it',
    load: async () => (await stateCommands()).serverStateCommand('maint'),
  },
  lab: {
    term: 'lab [options]',
    purpose: 'Build a cluster of three nodes in network namespaces and break it',
    load: async () => (await import('./lab.ts')).labCommand(),
  },
} as const satisfies Readonly<Record<string, Entry>>;

export type CommandName = keyof typeof COMMANDS;

export const COMMAND_NAMES = Object.keys(COMMANDS) as readonly CommandName[];

/** Of all that is listed, also of the command that commander adds. */
export function listTerm(name: string): string {
  const terms: Readonly<Record<string, Pick<Entry, 'term'>>> = COMMANDS;
  return terms[name]?.term ?? 'help [command]';
}

export function purposeOf(name: CommandName): string {
  return COMMANDS[name].purpose;
}

/** With its options, its arguments, and what it does. */
export async function loadCommand(name: CommandName): Promise<Command> {
  return (await COMMANDS[name].load()).description(COMMANDS[name].purpose);
}
