/** Texts that the front ends of the old files ask for: configuration files, what they include, scripts that they name. */

import { globSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, isAbsolute, resolve } from 'node:path';
import type { Diagnostic } from '../config/diagnostics.ts';
import type { SourceFile } from '../config/keepalived/reader.ts';
import { readText } from './read-text.ts';

/** Larger files are no configuration; reading stops before. */
export const FILE_BYTES_MAX = 16 * 1024 * 1024;
const SCRIPT_BYTES_MAX = 1024 * 1024;

function unreadable(file: string, problem: string): Diagnostic {
  const text = `The file "${file}" ${problem}`;
  return { file, line: 0, column: 0, severity: 'error', text, code: 'unreadable-file' };
}

/** Null, with an error, when the file cannot be read. */
export function readConfigFile(file: string, diagnostics: Diagnostic[]): string | null {
  const read = readText(file, FILE_BYTES_MAX);
  if ('text' in read) return read.text;
  diagnostics.push(unreadable(file, read.problem));
  return null;
}

/** Files of a pattern, relative to the including file; unreadable ones are left out. */
export function readInclude(
  pattern: string,
  fromFile: string,
  diagnostics: Diagnostic[],
): readonly SourceFile[] {
  const absolute = isAbsolute(pattern) ? pattern : resolve(dirname(fromFile), pattern);
  return globSync(absolute)
    .sort()
    .flatMap((file) => {
      const read = readText(file, FILE_BYTES_MAX);
      if ('text' in read) return [{ file, text: read.text }];
      // Left out, but never in silence: what it would have said is missing.
      diagnostics.push(unreadable(file, read.problem));
      return [{ file, text: '' }];
    });
}

/** Only regular files: a path in a command line may also name a device or a pipe. */
export function readScript(path: string): string | null {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return null;
  const read = readText(path, SCRIPT_BYTES_MAX);
  return 'text' in read ? read.text : null;
}

/** keepalived compares `@id` with the host name up to its first dot unless told otherwise. */
export function defaultConfigId(): string {
  return hostname().split('.')[0] ?? '';
}

export function environment(): Readonly<Record<string, string>> {
  const entries = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return Object.fromEntries(entries);
}
