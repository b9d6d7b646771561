/**
 * The keepalived.conf front end: text in, VRRP configuration and diagnoses out, no I/O
 * (keepalived.conf(5), checked against Debian's keepalived 2.2.7).
 *
 * lexer -> reader (definitions, conditions, includes) -> parser -> directives table -> conversion.
 * Blocks may stand in any order: keepalived ignores a vrrp_script that comes after the instance.
 */

import { type Diagnostic, hasErrors } from '../diagnostics.ts';
import type { InstanceFacts, NodeFacts, WeightFacts } from '../lint.ts';
import type { TrackConfig, VrrpConfig, VrrpInstanceConfig } from '../model/election.ts';
import { didYouMean } from '../suggest.ts';
import { TOP_LEVEL } from './directives.ts';
import { convertGlobalDefs, defaultGlobalDefs, type GlobalDefs } from './global-defs.ts';
import { scriptFiles, watchesHaproxy } from './haproxy-watch.ts';
import { finishInstance, isPriorityRefused } from './instance.ts';
import { type InstanceDraft, readInstance } from './instance-draft.ts';
import type { Word } from './lexer.ts';
import { finishFifo } from './notify.ts';
import { parseStatements, type Statement } from './parser.ts';
import { type ReadOptions, readLines } from './reader.ts';
import { Report } from './report.ts';
import { convertScript, type PlacedScript } from './script.ts';
import { finishSyncGroups, joinSyncGroup, readSyncGroup } from './sync-group.ts';
import { convertTrackFile, convertTrackProcess, type Defined } from './track-process.ts';
import { resolveTracks } from './tracks.ts';
import { firstValue } from './values.ts';
import { walk } from './walk.ts';
import { reportSharedVirtualMacs } from './wire-features.ts';

export type KeepalivedOptions = ReadOptions & {
  /** Text of a script file, to see what it does; null when it cannot be read. */
  readonly readScript: (path: string) => string | null;
  /** Run scripts that watch haproxy as they are. */
  readonly keepScripts: boolean;
  /** Whether Evergate balances on this node too, so that there is no haproxy to watch. */
  readonly balancerHere: boolean;
};

export type KeepalivedResult = {
  /** null when there are errors. */
  readonly config: VrrpConfig | null;
  readonly diagnostics: readonly Diagnostic[];
  /** For lintNodes(), which adds what depends on other nodes, and for checks of the machine. */
  readonly facts: NodeFacts;
};

type Blocks = {
  readonly globals: Statement[];
  readonly scripts: Statement[];
  readonly processes: Statement[];
  readonly files: Statement[];
  readonly groups: Statement[];
  readonly instances: Statement[];
  /** How many scripts stand before each instance. */
  readonly scriptsBefore: Map<Statement, number>;
};

/** Scripts, and instances, of one configuration at most. */
const BLOCKS_MAX = 256;

function sortBlocks(statements: readonly Statement[], report: Report): Blocks {
  const blocks: Blocks = {
    globals: [],
    scripts: [],
    processes: [],
    files: [],
    groups: [],
    instances: [],
    scriptsBefore: new Map(),
  };
  const into = (list: Statement[]) => (statement: Statement) => {
    list.push(statement);
  };
  const handlers = {
    vrrp_track_process: into(blocks.processes),
    track_process: into(blocks.processes),
    vrrp_track_file: into(blocks.files),
    track_file: into(blocks.files),
    vrrp_sync_group: into(blocks.groups),
    global_defs: into(blocks.globals),
    vrrp_script: into(blocks.scripts),
    vrrp_instance: (statement: Statement) => {
      blocks.scriptsBefore.set(statement, blocks.scripts.length);
      blocks.instances.push(statement);
    },
  };
  walk(statements, TOP_LEVEL, 'the file', handlers, report);
  return blocks;
}

/** Drops blocks whose name is taken and those above BLOCKS_MAX, with an error. */
function uniqueBlocks(blocks: readonly Statement[], report: Report): readonly Statement[] {
  const names = new Set<string>();
  const excess = blocks[BLOCKS_MAX];
  if (excess !== undefined) {
    const text = `More than ${BLOCKS_MAX} blocks of "${excess.name.text}"; the rest is left out`;
    report.error(excess.name, 'syntax-error', text);
  }
  return blocks.slice(0, BLOCKS_MAX).filter((block) => {
    const name = firstValue(block);
    const fresh = !names.has(name.text);
    names.add(name.text);
    if (!fresh) {
      const text = `The ${block.name.text} "${name.text}" is defined twice; rename one`;
      report.error(name, 'duplicate-name', text);
    }
    return fresh;
  });
}

type Scripts = ReadonlyMap<string, PlacedScript | null>;

function convertScripts(blocks: Blocks, globals: GlobalDefs, report: Report): Scripts {
  const scripts = new Map<string, PlacedScript | null>();
  for (const block of uniqueBlocks(blocks.scripts, report)) {
    scripts.set(firstValue(block).text, convertScript(block, globals, report));
  }
  return scripts;
}

/** The script an instance tracks; null after an error about it. */
function resolve(
  name: Word,
  scripts: Scripts,
  before: ReadonlySet<string>,
  report: Report,
): PlacedScript | null {
  const script = scripts.get(name.text);
  if (script === undefined) {
    const hint = didYouMean(name.text, scripts.keys());
    report.error(name, 'unknown-name', `No vrrp_script is called "${name.text}"${hint}`);
    return null;
  }
  if (!before.has(name.text)) {
    const text = `The vrrp_script "${name.text}" stands behind the instance: it runs here, but keepalived ignores it; move it up`;
    report.warning(name, 'unknown-name', text);
  }
  return script;
}

type Watch = { readonly why: string };

/** Scripts that the tracking of our own balancer replaces, by name. */
function findWatches(
  scripts: Scripts,
  tracked: ReadonlySet<string>,
  options: KeepalivedOptions,
  report: Report,
): ReadonlyMap<string, Watch> {
  const watches = new Map<string, Watch>();
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

type Converted = { readonly config: VrrpInstanceConfig; readonly facts: InstanceFacts };

type ScriptTrack = {
  readonly script: PlacedScript;
  readonly weight: number;
  readonly place: Word;
};

/** What one instance tracks, with names looked up. */
type Resolved = {
  readonly draft: InstanceDraft;
  readonly scripts: readonly ScriptTrack[];
  readonly processes: readonly TrackConfig[];
  readonly files: readonly TrackConfig[];
};

function convertInstance(
  { draft, scripts, processes, files }: Resolved,
  watches: ReadonlyMap<string, Watch>,
  balancerHere: boolean,
  report: Report,
): Converted | null {
  const instance = finishInstance(draft, report);
  if (instance === null) return null;
  const kept = scripts.filter(({ script }) => !watches.has(script.config.name));
  const trackScripts = kept.map(({ script, weight }) => ({ name: script.config.name, weight }));
  const weights: WeightFacts[] = scripts
    .filter(({ weight }) => weight !== 0)
    .map(({ script, weight, place }) => ({ script: script.config.name, weight, place }));
  const { name, virtualRouterId } = instance;
  const priority = isPriorityRefused(draft) ? null : instance.priority;
  const addresses = instance.addresses.map(({ address }) => address);
  const nopreempt = instance.preempt ? null : draft.nopreempt;
  return {
    config: {
      ...instance,
      trackScripts,
      trackProcesses: processes,
      trackFiles: files,
      trackBalancer: balancerHere ? { weight: 0 } : null,
    },
    facts: { name, virtualRouterId, priority, addresses, nopreempt, weights },
  };
}

/** Two instances on one interface cannot share a virtual router id (RFC 5798 section 5.2.3). */
function reportSharedIds(drafts: readonly InstanceDraft[], report: Report): void {
  const owners = new Map<string, string>();
  for (const { name, interface: on, virtualRouterId, virtualRouterIdValue: id } of drafts) {
    if (on === null || virtualRouterId === null || id === null) continue;
    const owner = owners.get(`${on} ${id}`);
    owners.set(`${on} ${id}`, owner ?? name.text);
    if (owner === undefined) continue;
    const text = `The virtual_router_id ${id} on "${on}" is already that of "${owner}"; choose another`;
    report.error(virtualRouterId, 'duplicate-name', text);
  }
}

function reportUntracked(scripts: Scripts, tracked: ReadonlySet<string>, report: Report): void {
  for (const [name, script] of scripts) {
    if (script === null || tracked.has(name)) continue;
    const text = `Script "${name}" does not run: no instance tracks it in a "track_script" block`;
    report.warning(script.name, 'ignored-directive', text);
  }
}

function findInterfaces(drafts: readonly InstanceDraft[]): NodeFacts['interfaces'] {
  const interfaces = new Map<string, Word>();
  for (const draft of drafts) {
    const place = draft.interfaceWord ?? draft.name;
    const others = draft.addresses.map((address) => address.interface);
    for (const name of [draft.interface, ...others]) {
      if (name !== null && !interfaces.has(name)) interfaces.set(name, place);
    }
  }
  return [...interfaces].map(([name, place]) => ({ name, place }));
}

/** Blocks that define something to track, by name. */
function convertDefinitions<Config>(
  blocks: readonly Statement[],
  convert: (block: Statement, report: Report) => Defined<Config> | null,
  report: Report,
): ReadonlyMap<string, Defined<Config> | null> {
  const unique = uniqueBlocks(blocks, report);
  return new Map(unique.map((block) => [firstValue(block).text, convert(block, report)]));
}

/** Definitions that some instance tracks; others cost nothing. */
function inUse<Config extends { readonly name: string }>(
  definitions: ReadonlyMap<string, Defined<Config> | null>,
  tracked: readonly TrackConfig[],
): readonly Config[] {
  const names = new Set(tracked.map(({ name }) => name));
  return [...definitions.values()]
    .filter((defined) => defined !== null)
    .map(({ config }) => config)
    .filter(({ name }) => names.has(name));
}

function resolveScripts(
  draft: InstanceDraft,
  scripts: Scripts,
  before: ReadonlySet<string>,
  report: Report,
): readonly ScriptTrack[] {
  return draft.tracks.scripts.flatMap((track) => {
    const script = resolve(track.name, scripts, before, report);
    if (script === null) return [];
    const place = track.weight === null ? (script.weight ?? track.name) : track.name;
    return [{ script, weight: track.weight ?? script.config.weight, place }];
  });
}

/** Total: whatever the text holds, the result says what it is or what is wrong with it. */
export function parseKeepalived(
  file: string,
  text: string,
  options: KeepalivedOptions,
): KeepalivedResult {
  const report = new Report();
  const statements = parseStatements(readLines({ file, text }, options, report), report);
  const blocks = sortBlocks(statements, report);
  const globals = defaultGlobalDefs();
  for (const block of blocks.globals) convertGlobalDefs(block, globals, report);
  const scripts = convertScripts(blocks, globals, report);
  const processes = convertDefinitions(blocks.processes, convertTrackProcess, report);
  const files = convertDefinitions(blocks.files, convertTrackFile, report);
  const groups = uniqueBlocks(blocks.groups, report).map((block) =>
    readSyncGroup(block, globals, report),
  );
  const instances = uniqueBlocks(blocks.instances, report).map((block): Resolved => {
    const draft = readInstance(block, globals, report);
    const count = blocks.scriptsBefore.get(block) ?? 0;
    const before = new Set(blocks.scripts.slice(0, count).map((script) => firstValue(script).text));
    joinSyncGroup(draft, groups, report);
    const { tracks } = draft;
    return {
      draft,
      scripts: resolveScripts(draft, scripts, before, report),
      processes: resolveTracks(tracks.processes, processes, 'vrrp_track_process', report),
      files: resolveTracks(tracks.files, files, 'track_file', report),
    };
  });
  const drafts = instances.map(({ draft }) => draft);
  const tracked = new Set(
    drafts.flatMap((draft) => draft.tracks.scripts.map(({ name }) => name.text)),
  );
  reportSharedIds(drafts, report);
  reportSharedVirtualMacs(drafts, report);
  reportUntracked(scripts, tracked, report);
  if (blocks.instances.length === 0 && !hasErrors(report.diagnostics)) {
    const nothing = 'The file has no vrrp_instance; add one, or leave out --keepalived';
    report.error({ file, line: 0, column: 0 }, 'nothing-to-run', nothing);
  }
  const watches = findWatches(scripts, tracked, options, report);
  const converted = instances
    .map((instance) => convertInstance(instance, watches, options.balancerHere, report))
    .filter((instance) => instance !== null);
  const running = [...scripts.values()]
    .filter((script) => script !== null)
    .filter(({ config: { name } }) => tracked.has(name) && !watches.has(name));
  const names = drafts.map(({ name }) => name.text);
  const config: VrrpConfig = {
    routerId: globals.routerId?.value ?? null,
    scripts: running.map((script) => script.config),
    processes: inUse(
      processes,
      instances.flatMap((instance) => instance.processes),
    ),
    files: inUse(
      files,
      instances.flatMap((instance) => instance.files),
    ),
    syncGroups: finishSyncGroups(groups, names, report),
    notifyFifos: globals.fifos
      .map((fifo) => finishFifo(fifo, globals.scriptAccount, report))
      .filter((fifo) => fifo !== null),
    instances: converted.map((instance) => instance.config),
  };
  const facts: NodeFacts = {
    routerId: globals.routerId,
    instances: converted.map((instance) => instance.facts),
    scripts: running.map(({ config: { name, argv, user, group }, command }) => ({
      name,
      argv,
      user,
      group,
      place: command,
    })),
    interfaces: findInterfaces(drafts),
  };
  const { diagnostics } = report;
  return { config: hasErrors(diagnostics) ? null : config, diagnostics, facts };
}
