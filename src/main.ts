/** Entry of the command: one thin file per subcommand; only the one asked for is loaded. */

import { Command, CommanderError } from 'commander';
import { complain, errorLine, print } from './commands/printing.ts';
import { OperationalError } from './core/errors.ts';
import { VERSION } from './version.ts';

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import('./commands/run.ts')).runCommand(),
  check: async () => (await import('./commands/check.ts')).checkCommand(),
  schema: async () => (await import('./commands/schema.ts')).schemaCommand(),
  key: async () => (await import('./commands/key.ts')).keyCommand(),
  status: async () => (await import('./commands/status.ts')).statusCommand(),
  reload: async () => (await import('./commands/reload.ts')).reloadCommand(),
  drain: async () =>
    (await import('./commands/administrative-state.ts')).serverStateCommand('drain'),
  ready: async () =>
    (await import('./commands/administrative-state.ts')).serverStateCommand('ready'),
  maint: async () =>
    (await import('./commands/administrative-state.ts')).serverStateCommand('maint'),
  lab: async () => (await import('./commands/lab.ts')).labCommand(),
};

/**
 * Makes complaints about arguments begin as all other errors do, and lets what is printed get out before the
 * end; also those of subcommands.
 */
function tame(command: Command): void {
  for (const subcommand of command.commands) tame(subcommand);
  command.exitOverride().configureOutput({
    writeOut: print,
    writeErr: complain,
    outputError: (text, write) => write(text.replace(/^error: /, 'evergate: error: ')),
  });
}

const program = new Command('evergate')
  .description('Keeps a Kubernetes control plane reachable: TCP balancer and VRRP virtual IP')
  .version(VERSION)
  .showHelpAfterError('(see "evergate --help")');

// The guardian stays small: what the lab needs is not in its memory.
const asked = COMMANDS[process.argv[2] ?? ''];
for (const load of asked === undefined ? Object.values(COMMANDS) : [asked]) {
  program.addCommand(await load());
}
tame(program);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode;
  } else {
    if (!(error instanceof OperationalError)) throw error;
    complain(errorLine(error));
    process.exitCode = 1;
  }
}
