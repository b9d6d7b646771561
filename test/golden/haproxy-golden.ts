/** Where the golden files of the haproxy.cfg front end are and how they are cut up. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';

export const SEPARATOR = '----------';

const FOLDER = join(import.meta.dirname, 'haproxy');

/** Environment the golden files are read in. */
export const GOLDEN_ENV: Readonly<Record<string, string>> = {
  EG_API_PORT: '6443',
  EG_SERVERS: 'one two',
  EG_EMPTY: '',
};

export type GoldenFile = { readonly name: string; readonly path: string };

export function goldenFiles(): readonly GoldenFile[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.txt'))
    .toSorted()
    .map((name) => ({ name: name.slice(0, -'.txt'.length), path: join(FOLDER, name) }));
}

/** What `--leave-out` names: a first line `# leave-out: NAME ...`. */
export function leaveOutOf(input: string): readonly string[] {
  return /^# leave-out: (.*)\n/.exec(input)?.[1]?.split(' ') ?? [];
}

export type Golden = {
  readonly input: string;
  readonly diagnostics: readonly string[];
  /** Whether the configuration converts. */
  readonly valid: boolean;
};

/** A new file needs no expectation yet: the input alone will do. */
export function splitGolden(text: string): Golden {
  const [input = '', said = '', json] = text.split(`${SEPARATOR}\n`);
  const diagnostics = said.split('\n').filter((line) => line !== '');
  return { input, diagnostics, valid: json !== undefined };
}
