/**
 * The keepalived.conf front end: text in, VRRP configuration and diagnoses out, no I/O
 * (keepalived.conf(5), checked against Debian's keepalived 2.2.7).
 *
 * lexer -> reader (definitions, conditions, includes) -> parser -> directives table -> conversion.
 * Blocks may stand in any order: keepalived ignores a vrrp_script that comes after the instance.
 */

import { type Diagnostic, hasErrors } from '../diagnostics.ts';
import type { InstanceFacts, NodeFacts, WeightFacts } from '../lint.ts';
import type { WireFacts } from '../lint-split-brain.ts';
import type { TrackConfig } from '../model/election.ts';
import type { VrrpConfig, VrrpInstanceConfig } from '../model/vrrp.ts';
import { type Blocks, sortBlocks, uniqueBlocks } from './blocks.ts';
import { convertGlobalDefs, defaultGlobalDefs, type GlobalDefs } from './global-defs.ts';
import { finishInstance, isPriorityRefused } from './instance.ts';
import { type InstanceDraft, readInstance } from './instance-draft.ts';
import type { Word } from './lexer.ts';
import { finishFifo } from './notify.ts';
import { parseStatements, type Statement } from './parser.ts';
import { type ReadOptions, readLines } from './reader.ts';
import { Report } from './report.ts';
import type { PlacedScript } from './script.ts';
import { guardCommands } from './script-security.ts';
import {
  finishSyncGroups,
  joinSyncGroup,
  readSyncGroup,
  type SyncGroupDraft,
} from './sync-group.ts';
import { convertTrackFile, convertTrackProcess, type Defined } from './track-process.ts';
import {
  convertScripts,
  findWatches,
  reportUntracked,
  resolveScripts,
  type Scripts,
  type ScriptTrack,
  type Watches,
  type WatchOptions,
} from './tracked-scripts.ts';
import { resolveTracks, type Definitions as TrackDefinitions } from './tracks.ts';
import { firstValue } from './values.ts';
import { reportSharedVirtualMacs } from './wire-features.ts';

export type KeepalivedOptions = ReadOptions & WatchOptions;

export type KeepalivedResult = {
  /** null when there are errors. */
  readonly config: VrrpConfig | null;
  readonly diagnostics: readonly Diagnostic[];
  /** For lintNodes(), which adds what depends on other nodes, and for checks of the machine. */
  readonly facts: NodeFacts;
};

type Converted = { readonly config: VrrpInstanceConfig; readonly facts: InstanceFacts };

/** What one instance tracks, with names looked up. */
type Resolved = {
  readonly draft: InstanceDraft;
  readonly scripts: readonly ScriptTrack[];
  readonly processes: readonly TrackConfig[];
  readonly files: readonly TrackConfig[];
};

function convertInstance(
  { draft, scripts, processes, files }: Resolved,
  watches: Watches,
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
    facts: {
      name,
      virtualRouterId,
      priority,
      priorityPlace: draft.priority ?? draft.name,
      addresses,
      interface: placedInterface(draft),
      nopreempt,
      weights,
      wire: wireFacts(draft, instance),
      better: betterAlike(instance),
    },
  };
}

/** Version 3 tells its interval to backups, version 2 has them drop what another interval sent. */
function wireFacts(draft: InstanceDraft, instance: VrrpInstanceConfig): WireFacts {
  const { version, virtualRouterId, advertIntervalMs, password, transport } = instance;
  const type = password === null ? 'none' : instance.authenticationHeader ? 'AH' : 'PASS';
  const alike = new Map([
    ['virtual_router_id', String(virtualRouterId)],
    ['version', String(version)],
    ['transport', transport.kind],
    ['auth_type', type],
  ]);
  if (version === 2) alike.set('advert_int', String(advertIntervalMs / 1_000));
  if (password !== null) alike.set('auth_pass', password);
  if (transport.kind === 'multicast') alike.set('multicast group', transport.group);
  return {
    place: draft.virtualRouterId ?? draft.name,
    alike,
    source: draft.sourceAddress,
    peers: transport.kind === 'unicast' ? transport.peers : null,
  };
}

/** What may differ from node to node, and should not. */
function betterAlike({
  version,
  advertIntervalMs,
  preempt,
  preemptDelayMs,
  excludedAddresses,
}: VrrpInstanceConfig): ReadonlyMap<string, string> {
  const excluded = excludedAddresses.map(({ address }) => address).toSorted();
  const better = new Map([
    ['preemption', preempt ? 'on' : 'off (nopreempt)'],
    ['virtual_ipaddress_excluded', excluded.join(', ') || '(none)'],
  ]);
  // Of version 2 it must be alike: wireFacts().
  if (version === 3) better.set('advert_int', String(advertIntervalMs / 1_000));
  if (preempt) better.set('preempt_delay', String(preemptDelayMs / 1_000));
  return better;
}

function placedInterface({ interface: name, interfaceWord, name: word }: InstanceDraft) {
  if (name === null) return null;
  const { file, line, column } = interfaceWord ?? word;
  return { name, file, line, column };
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

/** What the blocks before the instances define. */
type Definitions = {
  readonly globals: GlobalDefs;
  readonly scripts: Scripts;
  readonly processes: TrackDefinitions<unknown>;
  readonly files: TrackDefinitions<unknown>;
  readonly groups: readonly SyncGroupDraft[];
};

function resolveInstance(
  block: Statement,
  blocks: Blocks,
  { globals, scripts, processes, files, groups }: Definitions,
  report: Report,
): Resolved {
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
}

function nodeFacts(
  { routerId }: GlobalDefs,
  converted: readonly Converted[],
  running: readonly PlacedScript[],
  drafts: readonly InstanceDraft[],
): NodeFacts {
  return {
    routerId,
    instances: converted.map((instance) => instance.facts),
    scripts: running.map(({ config: { name, argv, user, group }, command }) => ({
      name,
      argv,
      user,
      group,
      place: command,
    })),
    interfaces: findInterfaces(drafts),
    peers: drafts.flatMap(({ peers, sourceAddress }) =>
      (peers ?? []).filter(({ address }) => address !== sourceAddress),
    ),
  };
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
  const definitions = { globals, scripts, processes, files, groups };
  const instances = uniqueBlocks(blocks.instances, report).map((block) =>
    resolveInstance(block, blocks, definitions, report),
  );
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
    ...(globals.awaitsInterfaces && { awaitsInterfaces: true as const }),
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
  const facts = nodeFacts(globals, converted, running, drafts);
  const { diagnostics } = report;
  const guarded = globals.scriptSecurity ? guardCommands(config) : config;
  return { config: hasErrors(diagnostics) ? null : guarded, diagnostics, facts };
}
