/** Entry of the command: one thin file per subcommand; only the one asked for is loaded. */

import { Command } from 'commander';
import { OperationalError } from './core/errors.ts';
import { VERSION } from './version.ts';

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import('./commands/run.ts')).runCommand(),
  check: async () => (await import('./commands/check.ts')).checkCommand(),
  schema: async () => (await import('./commands/schema.ts')).schemaCommand(),
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

/** Makes complaints about arguments begin as all other errors do, also those of subcommands. */
function nameErrors(command: Command): void {
  for (const subcommand of command.commands) nameErrors(subcommand);
  command.configureOutput({
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
nameErrors(program);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof OperationalError)) throw error;
  process.stderr.write(`evergate: error: ${error.message} [${error.code}]\n`);
  process.exitCode = 1;
}
