/** The article's files, on Evergate and on the daemons that they are for. */

import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EVERGATE } from '../build-node.ts';
import { LabError } from '../lab-error.ts';
import type { DaemonRole, Login, NodePaths, Stack } from './stack.ts';

const SUPERVISE = fileURLToPath(new URL('../../../examples/lab/supervise.sh', import.meta.url));
const SYSTEMCTL = fileURLToPath(new URL('../../../examples/lab/systemctl.sh', import.meta.url));

/** Whether the service manager starts again what has ended; the article's systemd does not. */
export type Restart = 'always' | 'never';

const UNITS: Readonly<Record<DaemonRole, string>> = { guardian: 'keepalived', balancer: 'haproxy' };
const PROGRAMS = ['/usr/sbin/haproxy', '/usr/sbin/keepalived', '/usr/bin/unshare'];

/** `files`: haproxy.cfg and a keepalived.<node>.conf for each node. */
export function evergateArticleStack(files: string): Stack {
  return {
    name: 'evergate-article',
    title: "Evergate with the article's files",
    daemon: 'evergate',
    login: loginOf(files),
    nodeCommand: ({ node, haproxy, keepalived, runDir }) => {
      const named = ['--haproxy', haproxy, '--keepalived', keepalived];
      return [EVERGATE, 'run', ...named, '--node', node.name, '--run-dir', runDir];
    },
    programs: null,
    startAgain: null,
  };
}

/** HAProxy and keepalived themselves, with the article's script; LabError where they are not installed. */
export function articleStack(files: string): Stack {
  const missing = missingPrograms();
  if (missing.length > 0) {
    const fix = 'sudo apt-get install --yes haproxy keepalived';
    throw new LabError(`The stack "article" needs ${missing.join(', ')} (${fix})`);
  }
  return {
    name: 'article',
    title: "HAProxy and keepalived with the article's files",
    daemon: 'haproxy, keepalived',
    login: loginOf(files),
    nodeCommand: (paths) => supervisedCommand(unitsOf(paths), paths, 'never'),
    programs: UNITS,
    startAgain: (paths, roles) => {
      for (const role of roles) {
        writeFileSync(join(unitsOf(paths), `${UNITS[role]}.start`), 'go\n', { flag: 'a' });
      }
    },
  };
}

/** Of what the article's stack consists of. */
export function missingPrograms(): readonly string[] {
  return PROGRAMS.filter((path) => !existsSync(path));
}

function unitsOf({ directory }: NodePaths): string {
  return join(directory, 'units');
}

/** A node's service manager with HAProxy and keepalived, whose units are written into `units`. */
export function supervisedCommand(units: string, paths: NodePaths, restart: Restart): string[] {
  writeUnits(units, paths);
  return [
    // Names of processes end at this border: the article's script ends keepalived by its name.
    ...['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'],
    ...[SUPERVISE, units, restart, 'haproxy', 'keepalived'],
  ];
}

function writeUnits(units: string, paths: NodePaths): void {
  const bin = join(units, 'bin');
  mkdirSync(bin, { recursive: true });
  copyFileSync(SYSTEMCTL, join(bin, 'systemctl'));
  // Pid files of their own: the article's names are one place for all nodes.
  const file = (name: string): string => join(units, name);
  const keepalived = [
    ...['keepalived', '--vrrp', '--dont-fork', '--log-console', '--use-file', paths.keepalived],
    ...['--pid', file('keepalived.pid'), '--vrrp_pid', file('vrrp.pid')],
  ];
  const environment = `export SUPERVISE_DIRECTORY=${units} PATH=${bin}:/usr/sbin:/usr/bin:/sbin:/bin`;
  const haproxy = `haproxy -Ws -f ${paths.haproxy} -p ${file('haproxy.pid')}`;
  writeUnit(file('haproxy.unit'), `${environment}\nexec ${haproxy}`);
  // Numbers are small and soon another's in a PID namespace: keepalived would find itself running.
  const forget = `rm -f ${file('keepalived.pid')} ${file('vrrp.pid')}`;
  writeUnit(file('keepalived.unit'), `${environment}\n${forget}\nexec ${keepalived.join(' ')}`);
}

export function writeUnit(file: string, text: string): void {
  writeFileSync(file, `#!/bin/bash\n${text}\n`, { mode: 0o755 });
}

/** The first that a haproxy.cfg names. */
function loginOf(files: string): Login | null {
  const text = readFileSync(join(files, 'haproxy.cfg'), 'utf8');
  const [, user, password] = /^\s*stats\s+auth\s+([^\s:]+):(\S+)/m.exec(text) ?? [];
  return user === undefined || password === undefined ? null : { user, password };
}
