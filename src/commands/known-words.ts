/** Words that shells offer for an argument, which takes others, too. */

import type { Argument, Command } from 'commander';

const KNOWN = new WeakMap<Argument, readonly string[]>();

/** Of the command's last argument. */
export function knownWords(command: Command, words: readonly string[]): Command {
  const argument = command.registeredArguments.at(-1);
  if (argument !== undefined) KNOWN.set(argument, words);
  return command;
}

/** Empty: nobody knows them before they are typed. */
export function wordsKnownFor(argument: Argument): readonly string[] {
  return argument.argChoices ?? KNOWN.get(argument) ?? [];
}
