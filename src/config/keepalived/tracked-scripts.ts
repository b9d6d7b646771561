/** The scripts of a keepalived.conf: who tracks them, and which of them Evergate's own tracking replaces. */

import { didYouMean } from '../suggest.ts';
import { type Blocks, uniqueBlocks } from './blocks.ts';
import type { GlobalDefs } from './global-defs.ts';
import { scriptFiles, watchesHaproxy } from './haproxy-watch.ts';
import type { InstanceDraft } from './instance-draft.ts';
import type { Word } from './lexer.ts';
import type { Report } from './report.ts';
import { convertScript, type PlacedScript } from './script.ts';
import { firstValue } from './values.ts';

/** By name; null: its definition runs nothing, which is told. */
export type Scripts = ReadonlyMap<string, PlacedScript | null>;

export function convertScripts(blocks: Blocks, globals: GlobalDefs, report: Report): Scripts {
  const scripts = new Map<string, PlacedScript | null>();
  for (const block of uniqueBlocks(blocks.scripts, report)) {
    scripts.set(firstValue(block).text, convertScript(block, globals, report));
  }
  return scripts;
}

/** The script an instance tracks; null: there is none, which is told. */
function findScript(
  name: Word,
  scripts: Scripts,
  before: ReadonlySet<string>,
  report: Report,
): PlacedScript | null {
  const script = scripts.get(name.text);
  if (script === undefined) {
    const hint = didYouMean(name.text, scripts.keys());
    const text = `No vrrp_script is called "${name.text}", which is ignored, as in keepalived${hint}`;
    report.warning(name, 'unknown-name', text);
    return null;
  }
  if (!before.has(name.text)) {
    const text = `The vrrp_script "${name.text}" stands behind the instance: it runs here, but keepalived ignores it; move it up`;
    report.warning(name, 'unknown-name', text);
  }
  return script;
}

/** Why each of these scripts is not needed, by name. */
export type Watches = ReadonlyMap<string, { readonly why: string }>;

export type WatchOptions = {
  /** Text of a script file, to see what it does; null when it cannot be read. */
  readonly readScript: (path: string) => string | null;
  /** Run scripts that watch haproxy as they are. */
  readonly keepScripts: boolean;
  /** Whether Evergate balances on this node too, so that there is no haproxy to watch. */
  readonly balancerHere: boolean;
};

/** Scripts that the tracking of our own balancer replaces, by name. */
export function findWatches(
  scripts: Scripts,
  tracked: ReadonlySet<string>,
  options: WatchOptions,
  report: Report,
): Watches {
  const watches = new Map<string, { readonly why: string }>();
  if (!options.balancerHere || options.keepScripts) return watches;
  for (const [name, script] of scripts) {
    if (script === null || !tracked.has(name)) continue;
    const { argv } = script.config;
    const texts = scriptFiles(argv).map((path) => options.readScript(path));
    const why = watchesHaproxy(argv, texts.find((text) => text !== null) ?? null);
    if (why === null) continue;
    watches.set(name, { why });
    const text = `Script "${name}" ${why}; the built-in tracking of the balancer replaces it (--keep-scripts runs it as it is)`;
    report.warning(script.command, 'replaced-script', text);
  }
  return watches;
}

/** A script that an instance tracks, and where its weight stands. */
export type ScriptTrack = {
  readonly script: PlacedScript;
  readonly weight: number;
  readonly place: Word;
};

export function resolveScripts(
  draft: InstanceDraft,
  scripts: Scripts,
  before: ReadonlySet<string>,
  report: Report,
): readonly ScriptTrack[] {
  return draft.tracks.scripts.flatMap((track) => {
    const script = findScript(track.name, scripts, before, report);
    if (script === null) return [];
    const place = track.weight === null ? (script.weight ?? track.name) : track.name;
    return [{ script, weight: track.weight ?? script.config.weight, place }];
  });
}

export function reportUntracked(
  scripts: Scripts,
  tracked: ReadonlySet<string>,
  report: Report,
): void {
  for (const [name, script] of scripts) {
    if (script === null || tracked.has(name)) continue;
    const text = `Script "${name}" does not run: no instance tracks it in a "track_script" block`;
    report.warning(script.name, 'ignored-directive', text);
  }
}
