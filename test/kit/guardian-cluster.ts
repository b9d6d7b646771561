/**
 * Two nodes that balance and share a VIP, each with a whole guardian in a folder of its own, and a client beside
 * them: for tests and measurements of guardians that are killed or hang.
 */

import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { commandOf, hasEnded } from '../../src/guardian/process-table.ts';
import { AddressWatch } from './address-watch.ts';
import { Network, type NetworkNode, NODE_INTERFACE } from './network.ts';
import { waitUntil } from './wait-until.ts';

const EVERGATE = resolve('bin/evergate');
export const VIP = '192.168.1.94';

/**
 * Asks HOST:8443 every 10 ms, a new connection each, and keeps one open; a JSON line when told to stop, once the last one
 * is answered or lost: a machine that is late has lost nothing.
 */
const CLIENT = `
const net = require('node:net');
const host = process.argv[1];
let sent = 0, answered = 0, slowest = 0, longCut = false, longAnswers = 0, isLastOver = true;
const long = net.connect(8443, host);
long.on('error', () => {});
long.on('close', () => { longCut = true; });
long.on('data', () => { longAnswers++; });
const timer = setInterval(() => {
  const number = ++sent;
  isLastOver = false;
  if (sent % 10 === 0) long.write('x');
  const at = performance.now();
  const socket = net.connect(8443, host, () => socket.write('x'));
  socket.on('error', () => {});
  socket.on('close', () => { isLastOver ||= number === sent; });
  socket.on('data', () => {
    answered++; slowest = Math.max(slowest, Math.round(performance.now() - at)); socket.destroy();
  });
}, 10);
process.on('SIGTERM', () => {
  clearInterval(timer);
  longAnswers = 0;
  long.write('x');
  const stoppedAt = performance.now();
  const tell = () => {
    const isOver = isLastOver && (longCut || longAnswers > 0);
    if (!isOver && performance.now() - stoppedAt < 10000) return setTimeout(tell, 20);
    const longKept = !longCut && longAnswers > 0;
    console.log(JSON.stringify({ sent, failed: sent - answered, slowest, longKept }));
    process.exit();
  };
  setTimeout(tell, 1500);
});
console.log('up');
`;
const SERVER = `require('node:net').createServer((s) => s.on('error', () => {}).pipe(s)).listen(6443)`;

export type Seen = {
  readonly sent: number;
  readonly failed: number;
  readonly slowest: number;
  readonly longKept: boolean;
};

export const HAPROXY = `defaults
    mode tcp
    timeout connect 1s
    timeout client 1h
    timeout server 1h
listen kube-api
    bind 0.0.0.0:8443
    server apiserver 192.168.1.200:6443 check
`;

/** Whoever owns the VIP keeps it, whoever comes. */
export function keepalived(priority: number, version: 2 | 3): string {
  return `global_defs {
    vrrp_version ${version}
}
vrrp_instance VI_1 {
    state BACKUP
    interface ${NODE_INTERFACE}
    virtual_router_id 51
    priority ${priority}
    advert_int ${version === 2 ? 1 : 0.1}
    nopreempt
    virtual_ipaddress {
        ${VIP}/24
    }
}
`;
}

export type Launch = {
  /** Begins the command line, e.g. unshare(1) and its options. */
  readonly through?: readonly string[];
  /** Instead of HAPROXY. */
  readonly haproxy?: string;
};

export class Daemon {
  readonly node: NetworkNode;
  readonly #folder: string;
  readonly #files: readonly string[];
  readonly #through: readonly string[];

  constructor(node: NetworkNode, folder: string, vrrp: string | null, launch: Launch) {
    const { through = [], haproxy = HAPROXY } = launch;
    this.node = node;
    this.#through = through;
    this.#folder = join(folder, node.name);
    // Another attempt begins anew.
    rmSync(this.#folder, { recursive: true, force: true });
    mkdirSync(this.#folder);
    const files = [['--haproxy', haproxy]];
    if (vrrp !== null) files.push(['--keepalived', vrrp]);
    this.#files = files.flatMap(([option = '', text = '']) => {
      const path = join(this.#folder, option.slice(2));
      writeFileSync(path, text);
      return [option, path];
    });
  }

  get runDir(): string {
    return join(this.#folder, 'run');
  }

  start(): void {
    const log = openSync(join(this.#folder, 'log'), 'a');
    const run = [EVERGATE, 'run', ...this.#files, '--run-dir', this.runDir];
    const [command = '', ...args] = [...this.#through, ...run];
    this.node.spawn(command, args, { stdio: ['ignore', 'ignore', log] });
    closeSync(log);
  }

  /** Waits until that many starts are complete. */
  async up(times = 1): Promise<void> {
    const count = () => this.log().match(/ is up; /g)?.length ?? 0;
    await waitUntil(`${this.node.name} is up`, () => count() >= times).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.log()}`);
    });
  }

  /** As a service manager does it: 100 ms after the end. */
  async killAndRestart(): Promise<void> {
    this.kill('guardian');
    await new Promise((done) => setTimeout(done, 100));
    this.start();
  }

  /** As the unit of the package has systemd do it. */
  async handOverAndRestart(): Promise<void> {
    const pid = this.pid('guardian');
    process.kill(pid, 'SIGUSR2');
    await waitUntil(`${this.node.name} has handed over`, () => hasEnded(pid));
    this.start();
  }

  kill(...roles: readonly string[]): void {
    const pids = roles.map((role) => this.pid(role));
    for (const pid of pids) process.kill(pid, 'SIGKILL');
  }

  /** SIGSTOP or SIGCONT. */
  signal(role: string, signal: 'SIGSTOP' | 'SIGCONT'): void {
    process.kill(this.pid(role), signal);
  }

  pid(role: string): number {
    return Number(readFileSync(join(this.runDir, `${role}.pid`), 'utf8'));
  }

  /** Processes that its guardian has started and whose command line says that they are such, e.g. "balancer". */
  children(kind: string): readonly number[] {
    return childrenOf(this.pid('guardian'), kind);
  }

  has(role: string): boolean {
    return existsSync(join(this.runDir, `${role}.pid`));
  }

  log(): string {
    const path = join(this.#folder, 'log');
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  /** Its processes outlive the test's kills of what it started. */
  async stop(): Promise<void> {
    const pids = ['guardian', 'reaper', 'balancer', 'spare', 'retired']
      .filter((role) => this.has(role))
      .map((role) => this.pid(role));
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
  }
}

export class GuardianCluster {
  readonly a: NetworkNode;
  readonly b: NetworkNode;
  readonly #client: NetworkNode;
  readonly #network: Network;
  #folder: string;
  #daemons: Daemon[] = [];
  #watches: AddressWatch[] = [];

  private constructor(network: Network, client: NetworkNode, a: NetworkNode, b: NetworkNode) {
    this.#network = network;
    this.#client = client;
    this.a = a;
    this.b = b;
    this.#folder = newFolder();
  }

  /** Call close() in an after hook. */
  static async create(): Promise<GuardianCluster> {
    const network = await Network.create();
    const client = await network.addNode('client', '192.168.1.200/24');
    const a = await network.addNode('a', '192.168.1.92/24');
    const b = await network.addNode('b', '192.168.1.93/24');
    client.spawn(process.execPath, ['-e', SERVER]);
    return new GuardianCluster(network, client, a, b);
  }

  async close(): Promise<void> {
    await this.settled();
    this.#network.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Ends what an earlier attempt or test has left. */
  async settled(): Promise<void> {
    for (const one of this.#daemons) await one.stop();
    for (const watch of this.#watches) watch.close();
    this.#daemons = [];
    this.#watches = [];
    await waitUntil('no VIP is left', async () => (await this.#network.owners(VIP)).length === 0);
    rmSync(this.#folder, { recursive: true, force: true });
    this.#folder = newFolder();
  }

  /** Resolves when it is up. `vrrp`: a keepalived.conf; null: none. */
  async daemon(
    node: NetworkNode,
    vrrp: string | null = null,
    launch: Launch = {},
  ): Promise<Daemon> {
    const one = new Daemon(node, this.#folder, vrrp, launch);
    this.#daemons.push(one);
    one.start();
    await one.up();
    return one;
  }

  /** The first of the two owns the VIP. */
  async pair(
    version: 2 | 3,
    [one, other]: readonly Launch[] = [],
  ): Promise<readonly [Daemon, Daemon, AddressWatch]> {
    const first = await this.daemon(this.a, keepalived(100, version), one);
    await waitUntil('a owns the VIP', () => this.a.holds(VIP));
    const second = await this.daemon(this.b, keepalived(90, version), other);
    return [first, second, await this.watch(this.a, this.b)];
  }

  /** Closed by settled(). */
  async watch(...nodes: readonly NetworkNode[]): Promise<AddressWatch> {
    const watch = await AddressWatch.start(nodes, VIP);
    this.#watches.push(watch);
    return watch;
  }

  /** A client of `host` that has begun; the function returned ends it. */
  async load(host: string): Promise<() => Promise<Seen>> {
    const child = this.#client.spawn(process.execPath, ['-e', CLIENT, host], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const said: string[] = [];
    child.stdout?.setEncoding('utf8').on('data', (text: string) => said.push(text));
    await waitUntil('the client runs', () => said.length > 0);
    await new Promise((done) => setTimeout(done, 300));
    return async () => {
      child.kill('SIGTERM');
      const line = await waitUntil('it reports', () => /\{.*\}/.exec(said.join(''))?.[0]);
      return JSON.parse(line);
    };
  }
}

/** Processes that `pid` has started from its main thread and whose command line has this word. */
export function childrenOf(pid: number, word: string): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return children.map(Number).filter((child) => commandOf(child)?.includes(word) === true);
}

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'evergate-guardians-'));
}
