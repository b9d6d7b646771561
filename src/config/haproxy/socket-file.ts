/** Keywords of `bind` and `stats socket` lines about the file of a unix socket (manual section 5.1). */

import type { SocketFileConfig } from '../model/process.ts';
import type { Word } from './lexer.ts';
import type { Report } from './report.ts';
import { parseInteger, parseMode } from './values.ts';

/** 2^32 - 1 would mean "leave as it is" to chown(2). */
export const ID_MAX = 2 ** 32 - 2;

export type SocketFileDraft = { -readonly [Key in keyof SocketFileConfig]: SocketFileConfig[Key] };

export function newSocketFile(): SocketFileDraft {
  return { mode: null, user: null, group: null };
}

/** By keyword: what each does to `file`. */
export function socketFileKeywords(
  report: Report,
  file: SocketFileDraft,
): Readonly<Record<'mode' | 'user' | 'group' | 'uid' | 'gid', (value: Word) => void>> {
  const id = (name: string, value: Word): string | null => {
    const parsed = parseInteger(value.text, 0, ID_MAX);
    if (parsed.ok) return value.text;
    report.error(value, 'bad-value', `"${name}": ${parsed.reason}`);
    return null;
  };
  return {
    mode: (value) => {
      const parsed = parseMode(value.text);
      if (parsed.ok) file.mode = parsed.value;
      else report.error(value, 'bad-value', parsed.reason);
    },
    user: (value) => {
      file.user = value.text;
    },
    group: (value) => {
      file.group = value.text;
    },
    uid: (value) => {
      file.user = id('uid', value) ?? file.user;
    },
    gid: (value) => {
      file.group = id('gid', value) ?? file.group;
    },
  };
}
