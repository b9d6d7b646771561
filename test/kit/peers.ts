/** The real programs that tests run against, and where Debian has them. */

import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';

/** Command -> Debian package. */
const PEERS: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  nft: 'nftables',
  haproxy: 'haproxy',
  keepalived: 'keepalived',
  kubectl: 'kubernetes-client',
  tshark: 'tshark',
  socat: 'socat',
  curl: 'curl',
  hatop: 'hatop',
  nginx: 'nginx-light',
  dnsmasq: 'dnsmasq-base',
  wrk: 'wrk',
  openssl: 'openssl',
  chromium: 'chromium',
  promtool: 'prometheus',
  faketime: 'faketime',
  'systemd-nspawn': 'systemd-container',
  iptables: 'iptables',
  conntrack: 'conntrack',
  'firewall-cmd': 'firewalld',
  sshd: 'openssh-server',
  ssh: 'openssh-client',
};

/** Debian keeps daemons where an ordinary PATH does not look. */
const SYSTEM_PATH = ['/usr/sbin', '/sbin', '/usr/local/sbin', '/usr/bin', '/bin', '/usr/local/bin'];

/** The absolute path of a command; null when the machine lacks it. */
export function findCommand(command: string): string | null {
  for (const folder of [...SYSTEM_PATH, ...(process.env.PATH ?? '').split(':')]) {
    const path = join(folder, command);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Look further.
    }
  }
  return null;
}

/** Installs what is missing where that is possible, and says what it does or leaves out. */
export function installPeers(): void {
  const missing = Object.entries(PEERS).filter(([command]) => findCommand(command) === null);
  if (missing.length === 0) return;
  const packages = missing.map(([, name]) => name);
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    process.stdout.write(
      `\n== Missing here: ${packages.join(', ')}. Tests that need them are SKIPPED; ` +
        'as root on Debian they are installed.\n',
    );
    return;
  }
  process.stdout.write(`\n== Installing Debian packages for the tests: ${packages.join(', ')}\n`);
  apt(['update']);
  // One by one: a package that conflicts with another on this machine must not cost the others.
  for (const name of packages) {
    const problem = apt(['install', '--yes', '--no-install-recommends', name]);
    if (problem !== null) process.stdout.write(`${name} cannot be installed:\n${problem}\n`);
  }
}

/** null when it went well, otherwise the end of what apt-get said. */
function apt(args: readonly string[]): string | null {
  const { status, stdout, stderr } = spawnSync('apt-get', ['-q', ...args], {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (status === 0) return null;
  return `${stdout}\n${stderr}`.trim().split('\n').slice(-8).join('\n');
}
