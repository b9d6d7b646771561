/**
 * haproxy.cfg and keepalived.conf of all nodes to one evergate.yaml. The front ends read them; here their models are
 * put into the words of evergate.yaml, with a remark for whatever it has no words for.
 */

import { type Diagnostic, hasErrors } from '../diagnostics.ts';
import { familyOf } from '../evergate-yaml/networks.ts';
import { parseHaproxy } from '../haproxy/index.ts';
import { type KeepalivedOptions, parseKeepalived } from '../keepalived/index.ts';
import type { SourceFile } from '../keepalived/reader.ts';
import { lintNodes } from '../lint.ts';
import type { BalancerConfig } from '../model/config.ts';
import { writeClients } from './clients.ts';
import { findMachines, type Machine, type OldNode } from './cluster.ts';
import { render } from './document.ts';
import { type Block, ImportDraft } from './draft.ts';
import { HaproxyLines } from './haproxy-lines.ts';
import { KeepalivedLines } from './keepalived-lines.ts';
import { listHaproxy, listKeepalived, listTold } from './list-left-out.ts';
import { listens } from './listen.ts';
import { writeProcess } from './process.ts';
import type { Remark } from './remarks.ts';
import { listRules } from './rules.ts';
import {
  allServices,
  findServices,
  likelyNodes,
  remarkServers,
  writeMain,
  writeOthers,
} from './services.ts';
import { writeSettings } from './settings.ts';
import { writeNodes, writeVrrp } from './vrrp.ts';

export type ImportSources = {
  /** null: none was given. */
  readonly haproxy:
    | (SourceFile & {
        readonly env: Readonly<Record<string, string>>;
        /** Proxies that nothing is read of. */
        readonly leaveOut: readonly string[];
      })
    | null;
  readonly keepalived: readonly SourceFile[];
  readonly options: Omit<KeepalivedOptions, 'balancerHere' | 'keepScripts'>;
  /** The machine that it is run on; null: nobody knows. */
  readonly here: { readonly name: string; readonly address: string } | null;
  /** The defaults of evergate.yaml for timers, algorithm and priorities. */
  readonly modern: boolean;
};

export type Imported = {
  /** null exactly where a diagnostic is an error. */
  readonly text: string | null;
  readonly remarks: readonly Remark[];
  readonly diagnostics: readonly Diagnostic[];
};

type Read = {
  readonly balancer: BalancerConfig | null;
  readonly nodes: readonly OldNode[];
  readonly diagnostics: readonly Diagnostic[];
};

function read({ haproxy, keepalived, options }: ImportSources): Read {
  const parsed =
    haproxy === null
      ? null
      : parseHaproxy(haproxy.file, haproxy.text, haproxy.env, haproxy.leaveOut);
  const diagnostics = [...(parsed?.diagnostics ?? [])];
  const all = { ...options, keepScripts: false, balancerHere: haproxy !== null };
  const nodes: OldNode[] = [];
  const facts = [];
  for (const source of keepalived) {
    const result = parseKeepalived(source.file, source.text, all);
    diagnostics.push(...result.diagnostics);
    facts.push(result.facts);
    if (result.config === null) continue;
    nodes.push({
      file: source.file,
      config: result.config,
      lines: new KeepalivedLines(source, all),
    });
  }
  diagnostics.push(...lintNodes(facts));
  return { balancer: parsed?.config ?? null, nodes, diagnostics };
}

/** Two cannot listen on one port: where a frontend has that of a server on every address, the server is on another machine. */
function serversAreElsewhere({ frontends, backends }: BalancerConfig): boolean {
  const ports = backends.flatMap(({ servers }) => servers.map(({ port }) => port));
  return frontends.some(({ binds }) =>
    binds.some(
      ({ address }) =>
        address.kind !== 'unix' &&
        ['0.0.0.0', '::'].includes(address.host) &&
        ports.includes(address.port),
    ),
  );
}

function nothing(file: string, text: string): Diagnostic {
  return { file, line: 0, column: 0, severity: 'error', text, code: 'nothing-to-run' };
}

/** Why there is nothing that a file could be made of; null: there is. */
function obstacle(
  { balancer, nodes }: Read,
  machines: readonly Machine[],
  file: string,
): Diagnostic | null {
  const hasVips = nodes.some(({ config }) =>
    config.instances.some(({ addresses }) => addresses.length > 0),
  );
  if (!hasVips && (balancer?.frontends.length ?? 0) === 0) {
    return nothing(
      file,
      'There is neither a virtual address nor a frontend in mode tcp, and so nothing that evergate.yaml could say',
    );
  }
  if (machines.length > 0) return null;
  const text =
    'No address of a node can be found, which evergate.yaml needs: give --haproxy FILE, whose servers are the nodes, or name each one by "unicast_src_ip"';
  return nothing(file, text);
}

function writeBalancer(
  draft: ImportDraft,
  balancer: BalancerConfig,
  machines: readonly Machine[],
  source: NonNullable<ImportSources['haproxy']>,
  {
    vips,
    diagnostics,
  }: { readonly vips: readonly string[]; readonly diagnostics: readonly Diagnostic[] },
): ReadonlyMap<string, Block> {
  const { file, text, env, leaveOut } = source;
  const lines = new HaproxyLines(file, text, env);
  const addresses = [...vips, ...machines.flatMap((machine) => machine.addresses)];
  const bareIsIpv4 = addresses.every((address) => familyOf(address) === 'ipv4');
  const context = { lines, file, bareIsIpv4 };
  const services = findServices(balancer);
  const all = allServices(services);
  let servers: ReadonlyMap<string, Block> = new Map();
  if (services.main !== null) {
    const { frontend } = services.main;
    draft.set(['listen'], listens(draft, frontend.binds, { ...context, key: 'listen' }));
    servers = writeMain(draft, services.main, machines, lines);
  }
  writeOthers(draft, services, context);
  const own = machines.flatMap((machine) => machine.addresses);
  const hosts = all.flatMap(({ backend }) => backend.servers.map(({ host }) => host));
  if (serversAreElsewhere(balancer) && hosts.some((host) => own.includes(host))) {
    const why =
      'Where a server has the port on the node itself, that of the VIP leads to a port 2000 above, on which Evergate listens (docs/configuration.md)';
    draft.remark('changed', 'listen', null, why);
  }
  if (all.length > 0) {
    writeSettings(draft, all, lines);
    remarkServers(draft, all);
    const areClientsCarried = writeClients(draft, all, lines);
    listRules(draft, services.frontends, { lines, diagnostics, areClientsCarried });
    writeProcess(draft, balancer, context);
  }
  listHaproxy(draft, lines, new Set(leaveOut));
  return servers;
}

/** Pure: the same files give the same text. */
export function importFiles(sources: ImportSources): Imported {
  const found = read(sources);
  const { balancer, nodes, diagnostics } = found;
  if (hasErrors(diagnostics)) return { text: null, remarks: [], diagnostics };
  const draft = new ImportDraft(sources.modern);
  const services = balancer === null ? null : findServices(balancer);
  const machines = findMachines(draft, nodes, {
    servers: services === null ? [] : likelyNodes(services),
    areElsewhere: balancer !== null && serversAreElsewhere(balancer),
    here: sources.here,
  });
  const files = [sources.haproxy?.file, ...sources.keepalived.map(({ file }) => file)].filter(
    (file) => file !== undefined,
  );
  const problem = obstacle(found, machines, files[0] ?? '');
  if (problem !== null) return { text: null, remarks: [], diagnostics: [...diagnostics, problem] };
  const vips = writeVrrp(draft, nodes);
  const servers =
    balancer === null || sources.haproxy === null
      ? new Map<string, Block>()
      : writeBalancer(draft, balancer, machines, sources.haproxy, { vips, diagnostics });
  writeNodes(draft, nodes, machines, servers);
  for (const { lines, config } of nodes) listKeepalived(draft, lines, config.scripts);
  listTold(draft, diagnostics);
  return { text: render(draft, files), remarks: draft.remarks, diagnostics };
}
