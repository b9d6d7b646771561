/**
 * keepalived.conf: the blocks track_script, track_interface, track_process and track_file of an instance or
 * a sync group: names, each with a weight of its own or without.
 */

import { didYouMean } from '../suggest.ts';
import type { Word } from './lexer.ts';
import type { Statement } from './parser.ts';
import type { Report } from './report.ts';
import { parseWeight, WEIGHT_RANGE, type WeightRange } from './script.ts';
import { parseInterface } from './values.ts';
import { type Handlers, listEntries } from './walk.ts';

export type Track = {
  readonly name: Word;
  /** null: that of the thing tracked. */
  readonly weight: number | null;
};

/** What one block tracks, by kind. */
export type Tracks = {
  scripts: readonly Track[];
  interfaces: readonly Track[];
  processes: readonly Track[];
  files: readonly Track[];
};

export const PROCESS_WEIGHT_RANGE = { min: -254, max: 254 } as const;
export const FILE_WEIGHT_RANGE = { min: -2_147_483_647, max: 2_147_483_647 } as const;

const TRACKS_MAX = 64;

export function noTracks(): Tracks {
  return { scripts: [], interfaces: [], processes: [], files: [] };
}

/** `earlier`: from another block of the same kind. */
function convertTracks(
  block: Statement,
  earlier: readonly Track[],
  { noun, range }: { readonly noun: string; readonly range: WeightRange },
  report: Report,
): readonly Track[] {
  const tracks: Track[] = [...earlier];
  for (const { name, args } of listEntries(block, report)) {
    const [keyword, ...rest] = args;
    let weight: number | null = null;
    if (keyword?.text === 'weight') {
      weight = parseWeight(rest, range, report);
      if (rest.length === 0) {
        const text = '"weight" without a value is ignored, as in keepalived';
        report.warning(keyword, 'missing-value', text);
      }
    } else if (keyword !== undefined) {
      const text = `"${keyword.text}" behind "${name.text}" is not understood and left out; only "weight N" may follow`;
      report.warning(keyword, 'bad-value', text);
    }
    if (tracks.some((track) => track.name.text === name.text)) {
      report.warning(name, 'duplicate-name', `The ${noun} "${name.text}" is tracked twice`);
    } else if (tracks.length < TRACKS_MAX) {
      tracks.push({ name, weight });
    } else {
      report.error(name, 'bad-value', `At most ${TRACKS_MAX} of each kind are tracked`);
    }
  }
  return tracks;
}

/** Handlers that gather into `tracks`. */
export function trackHandlers(tracks: Tracks, report: Report): Handlers {
  return {
    track_script: (statement) => {
      const what = { noun: 'script', range: WEIGHT_RANGE };
      tracks.scripts = convertTracks(statement, tracks.scripts, what, report);
    },
    track_interface: (statement) => {
      const what = { noun: 'interface', range: WEIGHT_RANGE };
      const interfaces = convertTracks(statement, tracks.interfaces, what, report);
      tracks.interfaces = interfaces.filter(({ name }) => parseInterface(name, report) !== null);
    },
    track_process: (statement) => {
      const what = { noun: 'process', range: PROCESS_WEIGHT_RANGE };
      tracks.processes = convertTracks(statement, tracks.processes, what, report);
    },
    track_file: (statement) => {
      const what = { noun: 'file', range: FILE_WEIGHT_RANGE };
      tracks.files = convertTracks(statement, tracks.files, what, report);
    },
  };
}

/** Something defined in a block of its own, by name; null: its block has errors. */
export type Definitions<Config> = ReadonlyMap<
  string,
  { readonly config: Config; readonly weight: number } | null
>;

/** Names with their weights in force; an unknown one is left out with a warning. */
export function resolveTracks<Config>(
  tracks: readonly Track[],
  definitions: Definitions<Config>,
  block: string,
  report: Report,
): readonly { readonly name: string; readonly weight: number }[] {
  return tracks.flatMap(({ name, weight }) => {
    const found = definitions.get(name.text);
    if (found === undefined) {
      const hint = didYouMean(name.text, definitions.keys());
      const text = `No ${block} is called "${name.text}", which is ignored, as in keepalived${hint}`;
      report.warning(name, 'unknown-name', text);
    }
    return found ? [{ name: name.text, weight: weight ?? found.weight }] : [];
  });
}
