/** Which files a command reads: an evergate.yaml alone, or a haproxy.cfg, keepalived.conf files or both. */

import { Option } from 'commander';

export type InputFiles = {
  readonly config?: string | readonly string[];
  readonly haproxy?: string | readonly string[];
  readonly keepalived?: string | readonly string[];
  readonly hedge?: boolean;
  readonly leaveOut?: readonly string[];
};

/** What is wrong with the choice, for the command's error; null: nothing. `words`: those that belong to no option. */
export function inputProblem(
  { config, haproxy, keepalived, hedge, leaveOut = [] }: InputFiles,
  [word]: readonly string[],
): string | null {
  if (word !== undefined) {
    return `"${word}" belongs to no option: name a file by --config, --haproxy or --keepalived`;
  }
  const others = haproxy !== undefined || keepalived !== undefined;
  if (config === undefined && !others) {
    return 'Give --config FILE, such as /etc/evergate/evergate.yaml, or --haproxy FILE, --keepalived FILE or both';
  }
  if (hedge === true && haproxy === undefined) {
    return '--hedge goes with --haproxy FILE; evergate.yaml has the key "hedge"';
  }
  if (leaveOut.length > 0 && haproxy === undefined) {
    return '--leave-out goes with --haproxy FILE: it names a proxy of that file';
  }
  if (config === undefined || !others) return null;
  return 'Give either --config FILE or the files of HAProxy and keepalived, not both';
}

/** `--leave-out NAME`, as often as there are proxies to leave out. */
export function leaveOutOption(): Option {
  return new Option(
    '--leave-out <name>',
    'run without this proxy of the haproxy.cfg, e.g. one of HTTP; may be given several times',
  )
    .argParser((name: string, before: readonly string[]) => [...before, name])
    .default([], 'none');
}
