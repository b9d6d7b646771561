/** What the command can be asked, from commander's own definitions: man page and completions are written from it. */

import type { Command, Option } from 'commander';
import { COMMAND_NAMES, loadCommand } from '../../src/commands/commands.ts';
import { wordsKnownFor } from '../../src/commands/known-words.ts';

/** What stands after an option or for an argument. */
export type ValueKind = 'file' | 'directory' | 'text';

export type OptionEntry = {
  /** With its dashes: "--config". */
  readonly long: string;
  /** As the help writes it: "--config <file>". */
  readonly flags: string;
  readonly purpose: string;
  /** null: it takes no value. */
  readonly value: ValueKind | null;
  /** The values it may have; empty: any. */
  readonly words: readonly string[];
};

export type ArgumentEntry = {
  /** As the help writes it: "<server>", "[file]". */
  readonly term: string;
  readonly purpose: string;
  readonly kind: ValueKind;
  /** What it may be, as far as that is known before it is typed. */
  readonly words: readonly string[];
};

export type CommandEntry = {
  /** Words after "evergate": ["lab", "fault"]. */
  readonly path: readonly string[];
  readonly purpose: string;
  readonly arguments: readonly ArgumentEntry[];
  readonly options: readonly OptionEntry[];
  /** What its help says below the options; empty: nothing. */
  readonly notes: string;
  readonly subcommands: readonly CommandEntry[];
};

/** All subcommands of evergate, in the order of `evergate --help`. */
export async function commandTree(): Promise<readonly CommandEntry[]> {
  const commands = await Promise.all(COMMAND_NAMES.map(loadCommand));
  return commands.map((command) => entryOf(command, []));
}

/** With those below it, each before its own. */
export function flattened(entries: readonly CommandEntry[]): readonly CommandEntry[] {
  return entries.flatMap((entry) => [entry, ...flattened(entry.subcommands)]);
}

function entryOf(command: Command, parents: readonly string[]): CommandEntry {
  const path = [...parents, command.name()];
  return {
    path,
    purpose: command.description(),
    arguments: command.registeredArguments.map((argument) => ({
      term: argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
      purpose: argument.description,
      kind: kindOf(argument.name()),
      words: wordsKnownFor(argument),
    })),
    options: command.options.filter(({ hidden }) => !hidden).map(optionOf),
    notes: notesOf(command),
    subcommands: command.commands.map((each) => entryOf(each, path)),
  };
}

function optionOf(option: Option): OptionEntry {
  const value = /[<[]([\w-]+)/.exec(option.flags)?.[1];
  const { defaultValue: initial, defaultValueDescription: described } = option;
  const shown = described ?? (typeof initial === 'boolean' ? undefined : initial);
  const tail = shown === undefined ? '' : ` (default: ${shown})`;
  return {
    long: option.long ?? option.flags,
    flags: option.flags,
    purpose: `${option.description}${tail}`,
    value: value === undefined ? null : kindOf(value),
    words: option.argChoices ?? [],
  };
}

function kindOf(name: string): ValueKind {
  if (/file/.test(name)) return 'file';
  return /dir/.test(name) ? 'directory' : 'text';
}

function notesOf(command: Command): string {
  let whole = '';
  command.configureOutput({
    writeOut: (text) => {
      whole += text;
    },
  });
  command.outputHelp();
  return whole.slice(command.helpInformation().length).trim();
}
