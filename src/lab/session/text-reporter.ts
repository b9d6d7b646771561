/** The lab's events as lines for people: aligned, coloured where that is wanted. */

import { styleText } from 'node:util';
import type { Cluster } from '../cluster.ts';
import { renderVerdict } from '../fault-verdict.ts';
import { FAULT_NAMES, FAULTS, type FaultName } from '../faults.ts';
import { clientNamespace, namespaceOf } from '../network.ts';
import type { Reporter, Second } from './reporter.ts';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
export type Paint = (style: Style, text: string) => string;

export type TextOptions = {
  readonly write: (text: string) => void;
  readonly coloured: boolean;
  /** Keys work: say which. */
  readonly keys: boolean;
  /** Columns of the terminal. */
  readonly width: number;
};

const HEADER_EVERY = 20;

export function createTextReporter(options: TextOptions): Reporter {
  const paint: Paint = options.coloured
    ? (style, text) => styleText(style, text, { validateStream: false })
    : (_style, text) => text;
  const line = (text: string): void => options.write(`${text}\n`);
  /** Beside the times of the seconds, in as many lines as it takes. */
  const note = (style: Style | null, text: string): void => {
    for (const part of wrapped(text, options.width - TIME_WIDTH)) {
      const shown = `${' '.repeat(TIME_WIDTH)}${part}`;
      line(style === null ? shown : paint(style, shown));
    }
  };
  let layout: Layout = { names: [], vip: true };
  let seconds = 0;
  return {
    progress: (text) => line(paint('dim', text)),
    built: (cluster) => {
      layout = {
        names: cluster.nodes.map((node) => node.name),
        vip: cluster.parts.topology !== null,
      };
      for (const text of describeCluster(cluster, paint, options)) line(text);
    },
    second: (second) => {
      if (seconds % HEADER_EVERY === 0) line(paint('dim', secondHeader(layout)));
      seconds += 1;
      line(secondLine(layout, second, paint));
    },
    fault: (report) => {
      note('yellow', `${report.name} on ${report.node}: ${report.does}`);
      note(null, `Expected: ${report.expected.felt}`);
    },
    verdict: ({ name, node, felt, verdict }) => {
      const [figures, opinion] = renderVerdict(verdict, felt);
      note('bold', `${name} on ${node}: ${figures}`);
      note(verdict.asExpected ? 'green' : 'red', opinion);
    },
    problem: (text) => note('red', text),
    removed: ({ id, processes, namespaces, directory }) => {
      const spaces = namespaces.length === 0 ? '' : `, ${namespaces.length} namespaces`;
      line(`Removed lab ${id}: ${processes} processes${spaces}, ${directory}`);
    },
  };
}

/** Words in lines of at most so many characters, longer words aside. */
function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length >= width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

type Layout = { readonly names: readonly string[]; readonly vip: boolean };

/** The picture of what was built, and how to reach and to hurt it. */
function describeCluster(
  cluster: Cluster,
  paint: Paint,
  { keys, width: columns }: TextOptions,
): string[] {
  const { urls, kubeconfigFile, stack, topology } = cluster.parts;
  const kubectl = `kubectl --kubeconfig ${kubeconfigFile}`;
  const width = Math.max(...urls.map((url) => url.what.length));
  return [
    '',
    paint('bold', `Evergate lab ${cluster.id}: ${stack.title}`),
    '',
    ...picture(cluster, paint),
    '',
    ...describeNetwork(cluster, paint),
    paint('bold', 'From this machine'),
    ...urls.flatMap(({ what, url, login }) => [
      `  ${what.padEnd(width)}  ${paint('cyan', url)}`,
      ...(login === undefined
        ? []
        : [`  ${' '.repeat(width)}  user ${login.user}, password ${login.password}`]),
    ]),
    `  ${'kubectl'.padEnd(width)}  ${kubectl} get --raw /readyz`,
    '',
    ...(keys ? describeKeys : describeCommands)(topology === null, paint, columns),
    '',
  ];
}

function describeNetwork(cluster: Cluster, paint: Paint): string[] {
  const { topology } = cluster.parts;
  if (topology === null) return [];
  const [first] = topology.clientAddresses;
  const last = topology.clientAddresses.at(-1);
  const name = namespaceOf(cluster.id, 'NAME');
  return [
    `  Namespaces  ${name} (nodes, client, switch), interface ${topology.interface}`,
    `  Clients     ${first} to ${last}: TLS connections, some watches`,
    `  Look inside ${paint('dim', `ip netns exec ${clientNamespace(cluster.id)} bash`)}`,
    '',
  ];
}

/** Nodes side by side below what clients connect to. */
function picture(cluster: Cluster, paint: Paint): string[] {
  const { stack, topology, endpoint } = cluster.parts;
  const cells = cluster.nodes.map((node) => [
    paintable(node.name, 'bold'),
    paintable(node.parts.address, null),
    paintable(node.parts.daemon === null ? '' : stack.daemon, null),
    paintable(topology === null ? 'apiserver' : `apiserver :${topology.apiserverPort}`, null),
  ]);
  const width = Math.max(...cells.flat().map((cell) => cell.text.length)) + 4;
  const span = width * (cells.length - 1);
  const rows = [0, 1, 2, 3].map((row) =>
    cells
      .map((cell) => {
        const { text, style } = cell[row] ?? paintable('', null);
        const padded = centre(text, width);
        return style === null ? padded : padded.replace(text, paint(style, text));
      })
      .join(''),
  );
  const joints = cells.map((_cell, index) => {
    if (index === 0) return '┌';
    return index === cells.length - 1 ? '┐' : '┬';
  });
  const bar = joints.join('─'.repeat(width - 1));
  const margin = ' '.repeat(Math.floor(width / 2) + 2);
  const label = topology === null ? `Frontend ${endpoint}` : `VIP ${endpoint}`;
  const total = span + 1;
  return [
    `${margin}${centre(label, total).replace(label, paint('green', label))}`,
    `${margin}${centre('│', total)}`,
    `${margin}${cells.length % 2 === 1 ? replaceAt(bar, Math.floor(total / 2), '┼') : bar}`,
    ...rows.map((row) => `  ${row}`),
  ].map((row) => row.trimEnd());
}

function paintable(text: string, style: Style | null): { text: string; style: Style | null } {
  return { text, style };
}

function describeKeys(single: boolean, paint: Paint, columns: number): string[] {
  const faults = FAULT_NAMES.filter((name) => !single || FAULTS[name].single);
  return [
    paint('bold', 'Keys'),
    ...faults.flatMap((name) =>
      describeFault(name, single, columns - 3).map(
        (line, index) => `  ${index === 0 ? paint('cyan', FAULTS[name].key) : ' '}${line}`,
      ),
    ),
    `  ${paint('cyan', '1-3')} the node that the next fault is for, ${paint('cyan', '0')} the usual one`,
    `  ${paint('cyan', '?')}  these keys    ${paint('cyan', 'q')}  end and remove everything`,
  ];
}

function describeCommands(single: boolean, paint: Paint, columns: number): string[] {
  const faults = FAULT_NAMES.filter((name) => !single || FAULTS[name].single);
  return [
    paint('bold', 'From another terminal: evergate lab fault NAME [--node NODE]'),
    ...faults.flatMap((name) => describeFault(name, single, columns)),
    '  evergate lab status, evergate lab logs NODE',
    'Ctrl-C ends and removes everything',
  ];
}

const FAULT_WIDTH = 18;

/** In as many lines as it takes, beside its name. */
function describeFault(name: FaultName, single: boolean, columns: number): readonly string[] {
  return wrapped(does(name, single), columns - FAULT_WIDTH).map((part, index) => {
    return `${(index === 0 ? `  ${name}` : '').padEnd(FAULT_WIDTH)}${part}`;
  });
}

function does(name: FaultName, single: boolean): string {
  const where = { owner: 'owner of the VIP', apiserver: 'first alive', broken: 'first broken' };
  const { target } = FAULTS[name];
  return single && target === 'owner'
    ? FAULTS[name].does
    : `${FAULTS[name].does} (${where[target]})`;
}

/** Together less than 80 columns with the nodes of the article: a line of the table is a line of any terminal. */
const TIME_WIDTH = 9;
const FIGURES = [
  ['answered', 9],
  ['failed', 7],
  ['gap ms', 7],
  ['watches', 8],
] as const;

/** Names without what all begin with, up to a hyphen: "k8s-master" is "master" beside "k8s-node1". */
export function shortNames(names: readonly string[]): readonly string[] {
  const [first = '', ...others] = names;
  const prefix = first.slice(0, first.indexOf('-') + 1);
  const isCommon = others.length > 0 && others.every((name) => name.startsWith(prefix));
  return isCommon ? names.map((name) => name.slice(prefix.length)) : names;
}

/** Room for two owners, so that what must never be moves no column. */
function ownerWidth({ names, vip }: Layout): number {
  const [longest = 0, second = 0] = shortNames(names)
    .map((name) => name.length)
    .toSorted((one, other) => other - one);
  return vip ? longest + 1 + second + 1 : 0;
}

function secondHeader(layout: Layout): string {
  return [
    'time'.padEnd(TIME_WIDTH),
    (layout.vip ? 'VIP on' : '').padEnd(ownerWidth(layout)),
    ...FIGURES.map(([name, width]) => name.padStart(width)),
    ...shortNames(layout.names).map((name) => name.padStart(name.length + 2)),
  ].join('');
}

export function secondLine(layout: Layout, second: Second, paint: Paint): string {
  const { owners, total } = second;
  const short = shortNames(layout.names);
  const shortOf = (name: string): string => short[layout.names.indexOf(name)] ?? name;
  const owner = owners.length === 0 ? 'nobody' : owners.map(shortOf).join('+');
  const ownerText = layout.vip ? owner.padEnd(ownerWidth(layout)) : '';
  const values = [second.ok, second.failed, total.sinceMark.longestGapMs, total.watches.open];
  const figures = FIGURES.map(([name, width], index) => {
    const text = String(values[index]).padStart(width);
    return name === 'failed' && second.failed > 0 ? paint('red', text) : text;
  });
  const answered = layout.names.map((name, index) =>
    String(second.nodes[name] ?? 0).padStart((short[index] ?? name).length + 2),
  );
  return [
    clock(second.at).padEnd(TIME_WIDTH),
    paint(owners.length === 1 ? 'green' : 'red', ownerText),
    ...figures,
    ...answered,
  ].join('');
}

function clock(at: Date): string {
  return at.toTimeString().slice(0, 8);
}

function centre(text: string, width: number): string {
  const left = Math.floor((width - text.length) / 2);
  return `${' '.repeat(Math.max(0, left))}${text}`.padEnd(width);
}

function replaceAt(text: string, index: number, character: string): string {
  return `${text.slice(0, index)}${character}${text.slice(index + 1)}`;
}
