/** Entry of the command. Only the subcommand that is asked for is loaded: it starts faster, and stays smaller. */

import { Command, CommanderError } from 'commander';
import { COMMAND_NAMES, listTerm, loadCommand, purposeOf } from './commands/commands.ts';
import { complain, errorLine, print } from './commands/printing.ts';
import { OperationalError } from './core/errors.ts';
import { VERSION } from './version.ts';

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
  .showHelpAfterError('(see "evergate --help")')
  .configureHelp({ subcommandTerm: (command) => listTerm(command.name()) });

const words = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const asked = words[0] === 'help' ? words[1] : words[0];
for (const name of COMMAND_NAMES) {
  const listed = () => new Command(name).description(purposeOf(name));
  program.addCommand(name === asked ? await loadCommand(name) : listed());
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
