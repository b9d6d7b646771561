/**
 * Configuration files from disk to the one model: reads them and their includes, runs the front ends and
 * the lints, resolves host names, and holds the result against this machine. The only place where
 * configuration meets I/O. Each format's own code is loaded for a file of that format: a start waits for it.
 */

import type { Diagnostic } from '../config/diagnostics.ts';
import type { NameAddresses } from '../config/evergate-yaml/draft.ts';
import { withHedging } from '../config/hedging.ts';
import { lintNodes, type NodeFacts } from '../config/lint.ts';
import { lintLoops, type OwnAddress } from '../config/lint-loops.ts';
import type { BalancerConfig, Config } from '../config/model/config.ts';
import { usesForeignAddresses } from '../config/model/traffic.ts';
import type { VrrpConfig } from '../config/model/vrrp.ts';
import type { NativeInput } from './evergate-yaml.ts';
import { localAddresses } from './local-addresses.ts';
import { checkMachine } from './machine.ts';
import { readCheckFiles } from './read-check-files.ts';
import { readKeyFiles } from './read-key-files.ts';
import { lookupHost, resolveHosts } from './resolve-hosts.ts';
import { checkScriptSecurity } from './script-security.ts';
import {
  defaultConfigId,
  environment,
  readConfigFile,
  readInclude,
  readScript,
} from './sources.ts';

export type ConfigInputs = {
  /** An evergate.yaml, which stands alone: with it the other files are not read. Absent: none. */
  readonly native?: NativeInput;
  readonly haproxy: string | null;
  /** One for a run. A check takes one of each node and compares them. */
  readonly keepalived: readonly string[];
  /** Run scripts that watch haproxy as they are. */
  readonly keepScripts: boolean;
  /** Proxies of the haproxy.cfg that are not to run, by name; absent: none. */
  readonly leaveOut?: readonly string[];
  /** Race slow servers of the haproxy.cfg; absent: off. */
  readonly hedge?: boolean;
  /** Look whether interfaces and scripts exist here, and which addresses host names have. */
  readonly checkMachine: boolean;
};

export type LoadedConfig = {
  /** A part is null when its file is not given or has errors. `vrrp` is that of the first file. */
  readonly config: Config;
  /** In the order of files and lines. */
  readonly diagnostics: readonly Diagnostic[];
  /** The name an evergate.yaml gives this machine; null: none. */
  readonly node: string | null;
  /** The only error of an evergate.yaml is that addresses of this node are not here yet. Absent: it is not. */
  readonly awaits?: string;
  /** Where the names of an evergate.yaml's nodes lead; empty where nobody knows. Absent: it has none. */
  readonly names?: NameAddresses;
};

type LoadedBalancer = {
  readonly config: BalancerConfig | null;
  readonly notes: readonly string[];
};

async function loadHaproxy(
  file: string,
  inputs: ConfigInputs,
  diagnostics: Diagnostic[],
): Promise<LoadedBalancer> {
  const text = readConfigFile(file, diagnostics);
  if (text === null) return { config: null, notes: [] };
  const { parseHaproxy } = await import('../config/haproxy/index.ts');
  const parsed = parseHaproxy(file, text, environment(), inputs.leaveOut);
  const { notes } = parsed;
  diagnostics.push(...parsed.diagnostics);
  if (parsed.config === null) return { config: null, notes };
  const config = inputs.hedge === true ? withHedging(parsed.config) : parsed.config;
  if (!inputs.checkMachine) return { config, notes };
  const found = await lookUp(file, config, diagnostics);
  return { config: found.config, notes: [...notes, ...found.notes] };
}

/** Fills in what names and paths stand for on this machine. */
async function lookUp(
  file: string,
  config: BalancerConfig,
  diagnostics: Diagnostic[],
): Promise<LoadedBalancer & { readonly config: BalancerConfig }> {
  const resolved = await resolveHosts(file, config, lookupHost);
  const read = readCheckFiles(file, resolved.config);
  diagnostics.push(...resolved.diagnostics, ...read.diagnostics);
  return { config: read.config, notes: resolved.notes };
}

type LoadedNode = { readonly config: VrrpConfig | null; readonly facts: NodeFacts };

async function loadKeepalived(
  file: string,
  inputs: ConfigInputs,
  diagnostics: Diagnostic[],
): Promise<LoadedNode | null> {
  const text = readConfigFile(file, diagnostics);
  if (text === null) return null;
  const { parseKeepalived } = await import('../config/keepalived/index.ts');
  const parsed = parseKeepalived(file, text, {
    readInclude: (pattern, fromFile) => readInclude(pattern, fromFile, diagnostics),
    readScript,
    configId: defaultConfigId(),
    keepScripts: inputs.keepScripts,
    balancerHere: inputs.haproxy !== null,
  });
  diagnostics.push(...parsed.diagnostics);
  const { config, facts } = parsed;
  if (config === null || !inputs.checkMachine) return { config, facts };
  const read = readKeyFiles(file, config);
  const several = inputs.keepalived.length > 1;
  diagnostics.push(...read.diagnostics, ...checkScriptSecurity(file, config, facts, several));
  return { config: read.config, facts };
}

const NO_CONFIG: Config = { balancer: null, vrrp: null };

async function loadNative(input: NativeInput, lookAround: boolean): Promise<LoadedConfig> {
  const diagnostics: Diagnostic[] = [];
  const text = readConfigFile(input.file, diagnostics);
  if (text === null) return { config: NO_CONFIG, diagnostics, node: null };
  const { readNative } = await import('./evergate-yaml.ts');
  const parsed = await readNative(input, text);
  diagnostics.push(...parsed.diagnostics);
  const { config, node, here, awaits, names } = parsed;
  if (awaits !== null) return { config: NO_CONFIG, diagnostics, node, awaits, names };
  // The files of another node's checks are not looked for on this machine.
  if (config === null || !lookAround || !here) {
    return { config: config ?? NO_CONFIG, diagnostics, node, names };
  }
  const { file } = input;
  const found = config.balancer === null ? null : await lookUp(file, config.balancer, diagnostics);
  const balancer = found?.config ?? null;
  const notes = [...(config.notes ?? []), ...(found?.notes ?? []), ...notesOfRights(balancer)];
  const read = config.vrrp === null ? null : readKeyFiles(file, config.vrrp);
  diagnostics.push(...(read?.diagnostics ?? []));
  if (config.vrrp !== null) {
    diagnostics.push(...checkScriptSecurity(file, config.vrrp, { scripts: [] }, false));
  }
  const secret = read?.config.instances[0]?.signature?.keys[0]?.secret ?? null;
  const peers = config.peers === undefined ? {} : { peers: { ...config.peers, secret } };
  const ordered = inReadingOrder(diagnostics);
  return {
    config: { ...config, ...peers, balancer, vrrp: read?.config ?? null, notes },
    diagnostics: ordered,
    node,
    names,
  };
}

/** What leads to this node: its VIPs, and the machine's addresses where it is looked at. */
function ownAddresses({ vrrp }: Config, lookAround: boolean): readonly OwnAddress[] {
  const instances = vrrp?.instances ?? [];
  const vips = instances.flatMap(({ addresses, excludedAddresses }) => [
    ...addresses,
    ...excludedAddresses,
  ]);
  const local = lookAround ? localAddresses() : [];
  return [
    ...vips.map(({ address }) => ({ address, what: 'the VIP' as const })),
    ...local.map(({ address }) => ({ address, what: 'an address of this machine' as const })),
  ];
}

/** What the balancer may that balancers otherwise may not. */
function notesOfRights(balancer: BalancerConfig | null): readonly string[] {
  if (balancer === null || !usesForeignAddresses(balancer.backends)) return [];
  return [
    'Servers see addresses that are not of this machine: relay threads keep CAP_NET_RAW for it, and answers must come ' +
      'back through here (docs/transparent-source.md)',
  ];
}

/** By file in order of appearance, then line and column; a file as a whole comes first. */
export function inReadingOrder(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const files = [...new Set(diagnostics.map(({ file }) => file))];
  const rank = new Map(files.map((file, index) => [file, index]));
  return diagnostics.toSorted(
    (a, b) =>
      (rank.get(a.file) ?? 0) - (rank.get(b.file) ?? 0) || a.line - b.line || a.column - b.column,
  );
}

/**
 * Never rejects over what a file holds or whether it is there: that is told by the diagnostics. The
 * configuration may be used only when none of them is an error.
 */
export async function loadConfig(inputs: ConfigInputs): Promise<LoadedConfig> {
  if (inputs.native !== undefined) return loadNative(inputs.native, inputs.checkMachine);
  const diagnostics: Diagnostic[] = [];
  const { haproxy } = inputs;
  const loaded = haproxy === null ? null : await loadHaproxy(haproxy, inputs, diagnostics);
  const balancer = loaded?.config ?? null;
  const nodes: LoadedNode[] = [];
  for (const file of inputs.keepalived) {
    const node = await loadKeepalived(file, inputs, diagnostics);
    if (node !== null) nodes.push(node);
  }
  const facts = nodes.map((node) => node.facts);
  diagnostics.push(...lintNodes(facts));
  if (inputs.checkMachine) {
    const several = inputs.keepalived.length > 1;
    for (const node of facts) diagnostics.push(...checkMachine(node, several));
  }
  const notes = [...(loaded?.notes ?? []), ...notesOfRights(balancer)];
  const vrrp = nodes[0]?.config ?? null;
  const config: Config = { balancer, vrrp, ...(notes.length === 0 ? {} : { notes }) };
  if (haproxy !== null && balancer !== null) {
    diagnostics.push(...lintLoops(haproxy, balancer, ownAddresses(config, inputs.checkMachine)));
  }
  return { config, diagnostics: inReadingOrder(diagnostics), node: null };
}
