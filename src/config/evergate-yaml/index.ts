/**
 * evergate.yaml to the configuration model: text to a tree with places (tree.ts), the tree to checked
 * values along the schema (schema.ts, read-file.ts), the values to the model (balancer.ts, vrrp.ts).
 */

import './check-once.ts';
import { formatIpAddress, numericAddress } from '../../core/ip-address.ts';
import type { Diagnostic } from '../diagnostics.ts';
import { createReport, type Report, WHOLE_FILE } from '../haproxy/report.ts';
import type { Config, NodeConfig } from '../model/config.ts';
import { scanTemplates, scanVariables } from '../templates.ts';
import { scanInvisible, withoutInvisible } from '../text.ts';
import { buildBalancer } from './balancer.ts';
import { NODES_MAX } from './defaults.ts';
import { Draft, type NativeContext } from './draft.ts';
import { awaitedNode, type FoundNode, findNode } from './find-node.ts';
import { familyOf } from './networks.ts';
import { nodeNames, placeNodes } from './node-names.ts';
import { judgeNotify } from './notify.ts';
import { otherFormat } from './other-format.ts';
import { readFile } from './read-file.ts';
import { parseTree } from './tree.ts';
import { buildVrrp, checkVrrp } from './vrrp.ts';
import { warnOfOpenElection } from './warnings.ts';

export type NativeResult = {
  /**
   * null exactly when `diagnostics` holds an error. `vrrp` is null too where the machine is no node of the
   * file, and need not be.
   */
  readonly config: Config | null;
  /** Name of this node in the file; null: unknown. */
  readonly node: string | null;
  /** Whether this machine is that node, and the files the configuration names are to be found here. */
  readonly here: boolean;
  /** The only error is that this node's addresses are not there yet (find-node.ts); null: it is not. */
  readonly awaits: string | null;
  /** In the order of the file. */
  readonly diagnostics: readonly Diagnostic[];
};

function checkNodes(draft: Draft): void {
  const { report, file } = draft;
  const count = Object.keys(file.nodes).length;
  if (count === 0 || count > NODES_MAX) {
    const text = `"nodes" names ${count} nodes; give 1 to ${NODES_MAX}`;
    report.error(draft.keyPlace(['nodes']), 'missing-value', text);
  }
  if (file.vip === undefined && file.listen === undefined && file.services === undefined) {
    const text = 'The file has neither "vip" nor "listen": there is nothing to do; add one or both';
    report.error(WHOLE_FILE, 'nothing-to-run', text);
  }
  const owners = new Map<string, string>();
  for (const [name, { address }] of Object.entries(file.nodes)) {
    for (const each of address) {
      const owner = owners.get(each);
      owners.set(each, owner ?? name);
      if (owner === undefined) continue;
      const text = `Nodes "${owner}" and "${name}" have the same address ${each}; correct one`;
      report.error(draft.place(['nodes', name]), 'duplicate-name', text);
    }
    if (new Set(address.map(familyOf)).size === address.length) continue;
    const text = `Node "${name}" has two addresses of one family; give one, or one of each`;
    report.error(draft.place(['nodes', name]), 'bad-value', text);
  }
}

function parse(
  text: string,
  report: Report,
  context: NativeContext,
): Omit<NativeResult, 'diagnostics'> {
  const nothing = { config: null, node: null, here: false, awaits: null };
  const other = otherFormat(text);
  if (other !== null) {
    report.error(other.place, 'syntax-error', other.text);
    return nothing;
  }
  const unrendered = [
    ...scanTemplates(report.file, text, '#'),
    ...scanVariables(report.file, text, '#'),
  ];
  report.add(unrendered);
  if (unrendered.length > 0) return nothing;
  const invisible = scanInvisible(report.file, text, '#');
  report.add(invisible);
  const clean = invisible.length > 0 ? withoutInvisible(text) : text;
  const tree = parseTree(clean, report);
  if (tree === null) return nothing;
  if (tree.kind === 'scalar' && tree.value === null) {
    report.error(
      WHOLE_FILE,
      'nothing-to-run',
      'The file is empty; begin with "vip", "listen" and "nodes"',
    );
    return nothing;
  }
  const said = readFile(report, tree, clean);
  if (said === null) return nothing;
  const file = placeNodes(said, tree, report, context);
  const draft = new Draft(file, tree, report, context);
  checkNodes(draft);
  checkVrrp(draft);
  judgeNotify(draft);
  const note = warnOfOpenElection(draft);
  const node = findNode(draft);
  const balancer = buildBalancer(draft, node);
  const vrrp = node === null ? null : buildVrrp(draft, node);
  const group = statusGroup(draft, node);
  if (report.failed()) {
    const errors = report.diagnostics().filter(({ severity }) => severity === 'error');
    const isAlone = errors.every(({ code }) => code === 'unknown-node');
    return { ...nothing, awaits: isAlone ? awaitedNode(draft) : null };
  }
  const notes = [...(balancer?.notes ?? []), ...(vrrp === null || note === null ? [] : [note])];
  const redirects = balancer?.redirects ?? [];
  const config = {
    balancer: balancer?.config ?? null,
    vrrp,
    ...(redirects.length === 0 ? {} : { redirects }),
    notes,
    nodes: toNodes(draft),
    ...toPeers(draft),
    ...(group === undefined ? {} : { statusGroup: group }),
  };
  return { config, node: node?.name ?? null, here: node?.here ?? false, awaits: null };
}

/** A group is looked for where the socket will be. */
function statusGroup(draft: Draft, node: FoundNode | null): string | undefined {
  const { report, file, context } = draft;
  const group = file['status-group'];
  if (group !== undefined && node?.here === true && !context.groupExists(group)) {
    const text = `There is no group "${group}" on this machine; create it, or correct "status-group"`;
    report.error(draft.place(['status-group']), 'unknown-name', text);
  }
  return group;
}

/** Orders need a key, and lists of clients somebody who has some. */
function toPeers({ file }: Draft): Pick<Config, 'peers'> {
  const { nodes, vip, vrrp, listen, services, 'peer-port': port } = file;
  const isSilent = vrrp.key === undefined && listen === undefined && services === undefined;
  if (vip === undefined || isSilent || Object.keys(nodes).length < 2) return {};
  return { peers: { port, toleranceMs: vrrp['clock-tolerance'], secret: null } };
}

function toNodes({ file }: Draft): readonly NodeConfig[] {
  return Object.entries(file.nodes).map(([name, { address }]) => {
    const addresses = address.map((each) => formatIpAddress(numericAddress(each)));
    return { name, addresses };
  });
}

/** The names that nodes of an evergate.yaml are given by, to be looked up before it is read; none of a wrong one. */
export function namesOfNodes(file: string, text: string): readonly string[] {
  const report = createReport(file);
  const clean = withoutInvisible(text);
  const tree = parseTree(clean, report);
  const said = tree === null ? null : readFile(report, tree, clean);
  return said === null ? [] : nodeNames(said);
}

/** Reads a whole evergate.yaml. Pure and bounded; `file` is only for messages. */
export function parseNative(file: string, text: string, context: NativeContext): NativeResult {
  const report = createReport(file);
  const result = parse(text, report, context);
  return { ...result, diagnostics: report.diagnostics() };
}
