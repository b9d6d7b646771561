/**
 * The network managers of real hosts, systemd-networkd and NetworkManager, in a node of a test network: in mount and
 * process namespaces of their own, with a /run, a system bus and configuration that nobody else sees, and a /sys that is
 * read-only, by which both know that no udev is to be waited for.
 */

import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type NetworkNode, NODE_INTERFACE } from './network.ts';
import { findCommand } from './peers.ts';
import { waitUntil } from './wait-until.ts';

export type ManagerKind = 'systemd-networkd' | 'NetworkManager';

/** How the node gets its address: always the same, or by DHCP. */
export type Addressing =
  | { readonly kind: 'static'; readonly prefix: string }
  | { readonly kind: 'dhcp' };

const DAEMONS: Readonly<Record<ManagerKind, string>> = {
  'systemd-networkd': '/lib/systemd/systemd-networkd',
  NetworkManager: '/usr/sbin/NetworkManager',
};
const QUESTIONS: Readonly<Record<ManagerKind, string>> = {
  'systemd-networkd': 'networkctl list',
  NetworkManager: 'nmcli connection show',
};

/** Why it cannot run here, for `t.skip`; null: it can. */
export function whyNoManager(kind: ManagerKind): string | null {
  if (!existsSync(DAEMONS[kind])) return `${kind} is missing`;
  return findCommand('dbus-daemon') === null ? 'dbus-daemon is missing' : null;
}

/** `more`: lines for the [Network] section. */
function networkdFile(addressing: Addressing, more: string): string {
  const lines = addressing.kind === 'dhcp' ? 'DHCP=ipv4' : `Address=${addressing.prefix}`;
  return `[Match]\nName=${NODE_INTERFACE}\n[Network]\n${lines}\n${more}\n`;
}

function connectionFile(addressing: Addressing): string {
  const ipv4 =
    addressing.kind === 'dhcp' ? 'method=auto' : `method=manual\naddress1=${addressing.prefix}`;
  return `[connection]\nid=lan\ntype=ethernet\ninterface-name=${NODE_INTERFACE}\n[ipv4]\n${ipv4}\n[ipv6]\nmethod=link-local\n`;
}

/** Each line of its input is a command; it says what the command said, and then its exit code behind a tab. */
const SHELL = `
mount --make-rprivate /
mount -t tmpfs none /run
mount -t tmpfs none /var/lib
mount -o remount,ro,bind /sys
mkdir -p /run/dbus /run/systemd/network /run/systemd/netif/links /run/systemd/netif/leases /run/nm/connections /run/nm/conf
chown -R systemd-network:systemd-network /run/systemd/netif 2>/dev/null
dbus-daemon --system --nopidfile --fork
while read -r line; do
  eval "$line" </dev/null 2>&1
  printf '\\t%d\\n' $?
done
`;

export class ManagerProcess {
  readonly kind: ManagerKind;
  readonly #shell: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(node: NetworkNode, kind: ManagerKind) {
    this.kind = kind;
    const words = ['-m', '-p', '-f', '--mount-proc', '--kill-child', 'sh', '-c', SHELL];
    this.#shell = node.spawn('unshare', words, { stdio: ['pipe', 'pipe', 'inherit'] });
    const { stdout } = this.#shell;
    if (stdout === null) throw new Error('The shell of a manager has no output');
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  /** Starts it; the node's address comes a moment later. */
  static async start(
    node: NetworkNode,
    kind: ManagerKind,
    addressing: Addressing,
    more = '',
  ): Promise<ManagerProcess> {
    const manager = new ManagerProcess(node, kind);
    await manager.#write('/run/systemd/network/10-lan.network', networkdFile(addressing, more));
    await manager.#write('/run/nm/connections/lan.nmconnection', connectionFile(addressing));
    await manager.run('chmod 600 /run/nm/connections/*');
    await manager.#write(
      '/run/nm/nm.conf',
      `[main]\nplugins=keyfile\ndns=none\n[keyfile]\npath=/run/nm/connections\nunmanaged-devices=except:interface-name:${NODE_INTERFACE}\n`,
    );
    await manager.#begin();
    return manager;
  }

  /** Runs a shell command beside it; throws with what it said when it fails. */
  async run(command: string): Promise<string> {
    this.#shell.stdin?.write(`${command}\n`);
    const said: string[] = [];
    for (;;) {
      const { value } = await this.#lines.next();
      if (typeof value !== 'string') throw new Error(`The shell of ${this.kind} has ended`);
      if (!value.startsWith('\t')) said.push(value);
      else if (value === '\t0') return said.join('\n');
      else throw new Error(`${command}: ${said.join('\n')}`);
    }
  }

  /** As a package upgrade does it. */
  async restart(): Promise<void> {
    await this.run('kill $daemon; wait $daemon; true');
    await this.#begin();
  }

  async #begin(): Promise<void> {
    const words =
      this.kind === 'NetworkManager'
        ? '--no-daemon --config /run/nm/nm.conf --config-dir /run/nm/conf'
        : '';
    await this.run(`${DAEMONS[this.kind]} ${words} >>/run/log 2>&1 & daemon=$!`);
    // Its name is on the bus before what can be asked there.
    const isAsked = () =>
      this.run(QUESTIONS[this.kind]).then(
        () => true,
        () => false,
      );
    await waitUntil(`${this.kind} can be asked`, isAsked, 50);
  }

  async #write(path: string, text: string): Promise<void> {
    await this.run(`printf '%b' '${text.replaceAll('\n', '\\n')}' >${path}`);
  }
}
