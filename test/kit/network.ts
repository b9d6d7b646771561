/**
 * Little networks for tests: one namespace per node, joined by a bridge in a namespace of its own, so that
 * nothing touches the machine's own network. Every node has an interface named ens192.
 *
 * Names are `eg-t<pid>-<number>-<node>`; what a killed test left behind is swept by the next one.
 */

import {
  type ChildProcess,
  execFile,
  execFileSync,
  type SpawnOptions,
  spawn,
} from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { formatIpAddress } from '../../src/core/ip-address.ts';
import type { RouteSocket } from '../../src/linux/netlink-route.ts';
import { openRouteIn } from './namespace-route.ts';
import { findCommand } from './peers.ts';

export const NODE_INTERFACE = 'ens192';

const NAMESPACE_PATTERN = /^eg-t(\d+)-/;

export type CommandResult = {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
};

/** Why namespace tests cannot run here, for `t.skip`; null: they can. */
export function whyNoNamespaces(): string | null {
  if (process.getuid?.() !== 0) return 'Network namespaces need root';
  try {
    execFileSync('ip', ['-V'], { stdio: 'ignore' });
  } catch {
    return 'The program "ip" (Debian: iproute2) is missing';
  }
  const probe = `eg-t${process.pid}-probe`;
  try {
    execFileSync('ip', ['netns', 'add', probe], { stdio: 'ignore' });
    execFileSync('ip', ['netns', 'del', probe], { stdio: 'ignore' });
    return null;
  } catch {
    return 'This machine does not let us create network namespaces';
  }
}

/** Whether a program is on this machine, e.g. "keepalived". */
export function hasProgram(name: string): boolean {
  return findCommand(name) !== null;
}

/** One node: a namespace with lo and ens192 up, plugged into the network's bridge. */
export class NetworkNode {
  readonly name: string;
  readonly namespace: string;
  /** "10.99.0.1" */
  readonly address: string;
  readonly #port: string;
  readonly #switchNamespace: string;
  readonly #children = new Set<ChildProcess>();
  #route: RouteSocket | null = null;

  constructor(
    names: { name: string; namespace: string; port: string; sw: string },
    address: string,
  ) {
    this.name = names.name;
    this.namespace = names.namespace;
    this.address = address;
    this.#port = names.port;
    this.#switchNamespace = names.sw;
  }

  /** Runs a command in the node to its end; never throws because of its exit code. */
  run(command: string, args: readonly string[], timeoutMs = 60_000): Promise<CommandResult> {
    return new Promise((resolve) => {
      execFile(
        'ip',
        ['netns', 'exec', this.namespace, command, ...args],
        { timeout: timeoutMs, maxBuffer: 16 << 20 },
        (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
          resolve({ code, stdout, stderr });
        },
      );
    });
  }

  /** Runs `ip` in the node; throws with its complaint. Without ip-netns-exec(8), which costs twice as much. */
  ip(...args: readonly string[]): Promise<string> {
    return ip(['-n', this.namespace, ...args]);
  }

  /** Starts a process in the node; its pid is the command's own. It is killed when the network closes. */
  spawn(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.namespace, command, ...args], options);
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  /** Addresses on ens192 now, "10.99.0.1/24", of both families. */
  async addresses(): Promise<readonly string[]> {
    this.#route ??= openRouteIn(this.namespace);
    const index = this.#route.links().find((link) => link.name === NODE_INTERFACE)?.index;
    return this.#route
      .addresses()
      .filter(({ interfaceIndex }) => interfaceIndex === index)
      .map(({ address, prefixLength }) => `${formatIpAddress(address)}/${prefixLength}`);
  }

  /** Whether the node holds `address` ("10.99.0.100", any prefix length). */
  async holds(address: string): Promise<boolean> {
    return (await this.addresses()).some((held) => held.split('/')[0] === address);
  }

  /** Takes the node off the bridge, or back on it, without the node seeing its carrier change. */
  async setConnected(connected: boolean): Promise<void> {
    const master = connected ? ['master', 'br0'] : ['nomaster'];
    await inNamespace(this.#switchNamespace, ['link', 'set', this.#port, ...master]);
  }

  /** Pulls the cable, or plugs it in: the node's carrier goes. */
  async setCarrier(up: boolean): Promise<void> {
    const flag = up ? 'up' : 'down';
    await inNamespace(this.#switchNamespace, ['link', 'set', this.#port, flag]);
  }

  /** Kills what spawn() started and is still alive. */
  close(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    this.#route?.close();
    this.#route = null;
  }
}

/** A bridge and its nodes. Call close() in an after hook; an exit of the process closes it too. */
export class Network {
  readonly nodes: NetworkNode[] = [];
  readonly #prefix: string;
  readonly #switchNamespace: string;
  readonly #onExit = () => this.#removeNow();
  static #count = 0;

  private constructor() {
    Network.#count += 1;
    this.#prefix = `eg-t${process.pid}-${Network.#count}-`;
    this.#switchNamespace = `${this.#prefix}switch`;
  }

  static async create(): Promise<Network> {
    sweep();
    const network = new Network();
    process.once('exit', network.#onExit);
    try {
      await ip(['netns', 'add', network.#switchNamespace]);
      await inNamespace(network.#switchNamespace, ['link', 'set', 'lo', 'up']);
      // Without spanning tree and snooping a port forwards at once, multicast too.
      await inNamespace(network.#switchNamespace, [
        ...['link', 'add', 'br0', 'up', 'type', 'bridge'],
        ...['stp_state', '0', 'forward_delay', '0', 'mcast_snooping', '0'],
      ]);
      return network;
    } catch (error) {
      network.close();
      throw error;
    }
  }

  /** A node with `prefix` ("10.99.0.1/24") on its ens192. */
  async addNode(name: string, prefix: string): Promise<NetworkNode> {
    const namespace = `${this.#prefix}${name}`;
    const port = `port${this.nodes.length}`;
    const sw = this.#switchNamespace;
    const node = new NetworkNode({ name, namespace, port, sw }, prefix.split('/')[0] ?? '');
    await ip(['netns', 'add', namespace]);
    await ip([
      ...['link', 'add', NODE_INTERFACE, 'netns', namespace, 'type', 'veth'],
      ...['peer', 'name', port, 'netns', sw],
    ]);
    await inNamespace(sw, ['link', 'set', port, 'master', 'br0', 'up']);
    await node.ip('link', 'set', 'lo', 'up');
    await node.ip('addr', 'add', prefix, 'brd', '+', 'dev', NODE_INTERFACE);
    await node.ip('link', 'set', NODE_INTERFACE, 'up');
    this.nodes.push(node);
    return node;
  }

  /** Names of the nodes that hold `address` now. */
  async owners(address: string): Promise<readonly string[]> {
    const held = await Promise.all(this.nodes.map((node) => node.holds(address)));
    return this.nodes.filter((_, index) => held[index]).map(({ name }) => name);
  }

  /** Kills every process started in the nodes and removes the namespaces. May be called twice. */
  close(): void {
    process.removeListener('exit', this.#onExit);
    this.#removeNow();
  }

  #removeNow(): void {
    for (const node of this.nodes) node.close();
    removeNamespaces((name) => name.startsWith(this.#prefix));
  }
}

function ip(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('ip', args, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`ip ${args.join(' ')}: ${stderr.trim()}`));
    });
  });
}

function inNamespace(namespace: string, args: readonly string[]): Promise<string> {
  return ip(['-n', namespace, ...args]);
}

/** Removes namespaces of test processes that are gone. */
function sweep(): void {
  removeNamespaces((name) => {
    const pid = NAMESPACE_PATTERN.exec(name)?.[1];
    return pid !== undefined && !existsSync(`/proc/${pid}`);
  });
}

function removeNamespaces(matches: (name: string) => boolean): void {
  if (!existsSync('/run/netns')) return;
  for (const name of readdirSync('/run/netns').filter(matches)) {
    try {
      execFileSync('ip', ['netns', 'del', name], { stdio: 'ignore' });
    } catch {
      // Another process swept it at the same time.
    }
  }
}
