/**
 * Completions for bash, zsh and fish, written from the commands. They hold all words themselves: a shell that starts
 * a program at each TAB waits for it.
 */

import {
  type ArgumentEntry,
  type CommandEntry,
  flattened,
  type OptionEntry,
  type ValueKind,
} from './command-tree.ts';

const HEAD = "# Written from evergate's own commands.";
const GLOBAL = ['--help', '--version'];

export function bashCompletion(commands: readonly CommandEntry[]): string {
  const all = flattened(commands);
  const names = (entries: readonly CommandEntry[]) => entries.map(({ path }) => path.at(-1));
  const words = (entry: CommandEntry) =>
    [
      ...names(entry.subcommands),
      ...(entry.arguments[0]?.words ?? []),
      ...entry.options.map(({ long }) => long),
      '--help',
    ].join(' ');
  const values = all.flatMap(({ path, options }) =>
    options.flatMap(({ long, value, words: known }) =>
      value === null
        ? []
        : [`        '/${path.join('/')} ${long}') ${bashAction(value, known)} ;;`],
    ),
  );
  const files = all.flatMap(({ path, arguments: [first] }) =>
    first?.kind === 'file' ? [`/${path.join('/')}`] : [],
  );
  return `# bash completion for evergate(8)
${HEAD}
_evergate() {
    local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} path= words= at
    COMPREPLY=()
    for ((at = 1; at < COMP_CWORD; at++)); do
        case "$path/\${COMP_WORDS[at]}" in
        ${all.map(({ path }) => `/${path.join('/')}`).join('|')})
            path="$path/\${COMP_WORDS[at]}" ;;
        esac
    done
    case "$path $before" in
${values.join('\n')}
    esac
    case "$path" in
        '') words='${[...names(commands), 'help', ...GLOBAL].join(' ')}' ;;
${all.map((entry) => `        /${entry.path.join('/')}) words='${words(entry)}' ;;`).join('\n')}
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    case "$path" in ${files.join('|')}) [[ $current == -* ]] || { ${BASH_ACTIONS.file}; } ;; esac
}
complete -F _evergate evergate
`;
}

const BASH_ACTIONS: Readonly<Record<ValueKind, string>> = {
  file: 'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return',
  directory: 'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$current"); return',
  text: 'return',
};

function bashAction(kind: ValueKind, words: readonly string[]): string {
  if (words.length === 0) return BASH_ACTIONS[kind];
  return `mapfile -t COMPREPLY < <(compgen -W '${words.join(' ')}' -- "$current"); return`;
}

export function zshCompletion(commands: readonly CommandEntry[]): string {
  const functions = flattened(commands).map(
    (entry) => `${zshName(entry.path)}() {\n${zshBody(entry)}}\n`,
  );
  return `#compdef evergate
${HEAD}
_evergate() {
${zshDispatch([], commands, ["'(- *)--help[show help]'", "'(- *)--version[show the version]'"])}}

${functions.join('\n')}
_evergate "$@"
`;
}

function zshName(path: readonly string[]): string {
  return ['_evergate', ...path].join('_');
}

function zshBody({ path, subcommands, options, arguments: terms }: CommandEntry): string {
  const specs = ["'(- *)--help[show help]'", ...options.map(zshOption)];
  if (subcommands.length > 0) return zshDispatch(path, subcommands, specs);
  return zshArguments([...specs, ...terms.map(zshArgument)], '_arguments');
}

function zshDispatch(
  path: readonly string[],
  subcommands: readonly CommandEntry[],
  specs: readonly string[],
): string {
  const described = subcommands.map(
    (entry) => `        ${quoted(`${entry.path.at(-1)}:${entry.purpose.replaceAll(':', '\\:')}`)}`,
  );
  const name = zshName(path);
  return `    local state line
    local -a commands=(
${described.join('\n')}
    )
${zshArguments([...specs, "'1: :->command'", "'*::argument:->rest'"], '_arguments -C')}    case $state in
        command) _describe command commands ;;
        rest) (( $+functions[${name}_$line[1]] )) && ${name}_$line[1] ;;
    esac
`;
}

function zshArguments(specs: readonly string[], call: string): string {
  return `    ${[call, ...specs.map((spec) => `    ${spec}`)].join(' \\\n    ')}\n`;
}

const ZSH_ACTIONS: Readonly<Record<ValueKind, string>> = {
  file: ':file:_files',
  directory: ':directory:_files -/',
  text: ':value: ',
};

function zshOption({ long, purpose, value, words }: OptionEntry): string {
  const text = purpose.replace(/([[\]:])/g, '\\$1');
  const known = words.length === 0 ? null : `:value:(${words.join(' ')})`;
  return quoted(`*${long}[${text}]${value === null ? '' : (known ?? ZSH_ACTIONS[value])}`);
}

function zshArgument({ term, kind, words }: ArgumentEntry): string {
  const optional = term.startsWith('[') ? ':' : '';
  const known = words.length === 0 ? ' ' : `(${words.join(' ')})`;
  const action = kind === 'file' ? '_files' : known;
  return quoted(`:${optional}${term.replace(/[<>[\]]/g, '')}:${action}`);
}

export function fishCompletion(commands: readonly CommandEntry[]): string {
  const lines = [
    HEAD,
    'complete -c evergate -f',
    "complete -c evergate -n __fish_use_subcommand -l help -d 'show help'",
    "complete -c evergate -n __fish_use_subcommand -l version -d 'show the version'",
    ...commands.map((entry) => fishCommand(entry, '__fish_use_subcommand')),
    ...flattened(commands).flatMap(fishEntry),
  ];
  return `${lines.join('\n')}\n`;
}

function fishEntry({ path, subcommands, options, arguments: [first] }: CommandEntry): string[] {
  const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
  const below = subcommands.map((entry) => entry.path.at(-1)).join(' ');
  const none = `${seen}; and not __fish_seen_subcommand_from ${below}`;
  return [
    ...subcommands.map((entry) => fishCommand(entry, none)),
    ...options.map((option) => `complete -c evergate -n ${quoted(seen)} ${fishOption(option)}`),
    ...(first?.kind === 'file' ? [`complete -c evergate -n ${quoted(seen)} -F`] : []),
    ...(first?.words ?? []).map((word) => `complete -c evergate -n ${quoted(seen)} -a ${word}`),
  ];
}

function fishCommand({ path, purpose }: CommandEntry, when: string): string {
  return `complete -c evergate -n ${quoted(when)} -a ${path.at(-1)} -d ${quoted(purpose)}`;
}

const FISH_ACTIONS: Readonly<Record<ValueKind, string>> = {
  file: ' -r -F',
  directory: " -x -a '(__fish_complete_directories)'",
  text: ' -x',
};

function fishOption({ long, purpose, value, words }: OptionEntry): string {
  const known = words.length === 0 ? null : ` -x -a ${quoted(words.join(' '))}`;
  const action = value === null ? '' : (known ?? FISH_ACTIONS[value]);
  return `-l ${long.replace(/^--/, '')}${action} -d ${quoted(purpose)}`;
}

/** All three shells disagree on how a quote is written within quotes, so it becomes another sign. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", '’')}'`;
}
