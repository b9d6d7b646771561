/** evergate(8), written from the commands, and evergate.yaml(5), from the schema. */

import { type Block, keyBlocks } from '../docs/configuration-tables.ts';
import { type CommandEntry, flattened } from './command-tree.ts';
import { escaped, example, heading, item, paragraph, subheading, title } from './roff.ts';

export type PageFacts = {
  readonly version: string;
  /** yyyy-mm-dd */
  readonly date: string;
  /** A whole evergate.yaml. */
  readonly sample: string;
};

export function commandPage(commands: readonly CommandEntry[], facts: PageFacts): string {
  const lines = [
    title('EVERGATE', 8, facts.date, facts.version),
    heading('Name'),
    'evergate \\- TCP balancer and VRRP virtual IP of a Kubernetes control plane',
    heading('Synopsis'),
    ...commands.map((entry) => `.B ${escaped(usageOf(entry))}\n.br`),
    heading('Description'),
    paragraph(
      'On every control-plane node evergate does what HAProxy and keepalived do together: it balances TCP ' +
        'connections to the kube-apiservers, and it holds a virtual IP on a node that can balance. It reads an ' +
        'evergate.yaml, or the haproxy.cfg and keepalived.conf there are.',
    ),
    paragraph('As a service it is evergate.service, which runs with /etc/evergate/evergate.yaml.'),
    heading('Commands'),
    ...flattened(commands).flatMap(commandLines),
    heading('Signals'),
    item('SIGTERM', 'Gives the virtual IP to another node, lets connections finish, ends.'),
    item('SIGHUP', 'Reads the files again, as evergate reload does.'),
    item(
      'SIGUSR2',
      'Ends and leaves connections and the virtual IP to a process that is started now. systemctl restart sends it.',
    ),
    heading('Files'),
    item('/etc/evergate/evergate.yaml', 'The configuration: evergate.yaml(5).'),
    item('/run/evergate', 'Pid files and the sockets that the commands ask.'),
    item(
      '/usr/share/doc/evergate',
      'More of this: failover, security, migration, diagnostics; in how-to what to type for each task.',
    ),
    heading('See also'),
    'evergate.yaml(5), systemctl(1), journalctl(1), haproxy(1), keepalived(8)',
  ];
  return `${lines.join('\n')}\n`;
}

function usageOf({ path, options, arguments: terms, subcommands }: CommandEntry): string {
  const words = ['evergate', ...path];
  if (options.length > 0) words.push('[options]');
  if (subcommands.length > 0) words.push('[command]');
  return [...words, ...terms.map(({ term }) => term)].join(' ');
}

function commandLines(entry: CommandEntry): readonly string[] {
  const { purpose, notes, options, arguments: terms } = entry;
  return [
    subheading(usageOf(entry)),
    paragraph(`${purpose}.`),
    ...terms.map(({ term, purpose: text }) => item(term, text)),
    ...options.map(({ flags, purpose: text }) => item(flags, text)),
    ...notes
      .split(/\n\s*\n/)
      .filter((text) => text !== '')
      .flatMap(noteLines),
  ];
}

/** A block of the help: a table of terms and what they mean, or sentences. */
function noteLines(text: string): readonly string[] {
  const rows = text.split('\n').map((line) => /^\s*(\S+) {2,}(\S.*)$/.exec(line));
  if (rows.includes(null)) return [paragraph(text.replace(/\s*\n\s*/g, ' '))];
  return rows.map((row) => item(row?.[1] ?? '', row?.[2] ?? ''));
}

export function configurationPage(facts: PageFacts): string {
  const lines = [
    title('EVERGATE.YAML', 5, facts.date, facts.version),
    heading('Name'),
    'evergate.yaml \\- configuration of evergate(8)',
    heading('Description'),
    paragraph(
      'One file, the same on every node, in YAML. A whole one is short; what it leaves out has a default that is ' +
        'chosen for kube-apiservers:',
    ),
    example(facts.sample.trim()),
    paragraph(
      'evergate check says every error and warning with its line and column; evergate reload has a running node go ' +
        'on by a changed file. A duration is a number with ms, s, m, h or d.',
    ),
    heading('Keys'),
    ...keyBlocks().flatMap(blockLines),
    heading('Files'),
    item('/etc/evergate/evergate.yaml', 'The file of evergate.service.'),
    heading('See also'),
    'evergate(8)',
  ];
  return `${lines.join('\n')}\n`;
}

function blockLines({ name, rows }: Block): readonly string[] {
  return [
    subheading(name === 'top' ? 'At the top' : name),
    ...rows.map(({ key, kind, initial, meaning }) => {
      const facts = [
        kind,
        initial === '' || initial === 'required' ? initial : `default ${initial}`,
      ];
      const known = facts.filter((fact) => fact !== '').join('; ');
      return item(
        key,
        `${meaning === '' ? '' : `${meaning}. `}${known === '' ? '' : `(${known})`}`,
      );
    }),
  ];
}
