/** What a command of the runtime socket is. */

import type { StatsSocketConfig } from '../../config/model/process.ts';
import type { AdminContext } from './context.ts';

/** Text ends with a line end unless it is empty; empty means success. */
export type CommandReply = string | Promise<string> | { readonly kind: 'quit' };

/** One client's connection; commands change it. */
export type CommandSession = {
  level: StatsSocketConfig['level'];
  interactive: boolean;
  /** Idle time after which the client is dropped. */
  timeoutMs: number;
};

export type Command = {
  /** "show stat" as words; the rest of the line are arguments. */
  readonly words: readonly string[];
  readonly usage: string;
  readonly help: string;
  /** More are an error, never ignored; null: the command judges its arguments by itself. */
  readonly argsMax: number | null;
  /** The least level that may run it. */
  readonly level: StatsSocketConfig['level'];
  readonly run: (
    args: readonly string[],
    context: AdminContext,
    session: CommandSession,
  ) => CommandReply;
};

/** Formats of HAProxy's answers that we do not write. */
export const FORMATS: ReadonlySet<string> = new Set(['json', 'typed', 'desc', 'float']);

/** What to say of an argument that a command does not know, so that nobody takes its answer for another. */
export function surplusReply(argument: string, usage: string): string {
  return FORMATS.has(argument)
    ? `Format '${argument}' is not available; use '${usage}'.\n`
    : `Unexpected argument '${argument}'; use '${usage}'.\n`;
}
