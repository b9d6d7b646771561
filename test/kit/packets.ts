/** Records advertisements in a node of a test network, and sends packets there as fast as it is told. */

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { formatIpv4, parseIpv4 } from '../../src/core/ip.ts';
import { type NetworkNode, NODE_INTERFACE } from './network.ts';
import { waitUntil } from './wait-until.ts';

const MAIN = new URL('./packets-main.ts', import.meta.url).pathname;

export type PacketsCommand =
  | {
      readonly kind: 'capture' | 'capture-frames';
      readonly interface: string;
      readonly count: number;
    }
  | { readonly kind: 'watch'; readonly interface: string; readonly ms: number }
  | { readonly kind: 'watch-claims'; readonly interface: string; readonly ms: number }
  | {
      readonly kind: 'spoof';
      readonly interface: string;
      /** Whose address is claimed, as a number. */
      readonly address: number;
      readonly how: Spoofing;
      readonly ms: number;
    }
  | {
      readonly kind: 'flood';
      readonly interface: string;
      /** IP packets, in hexadecimal digits; sent in turn, from any source. */
      readonly packets: readonly string[];
      readonly perSecond: number;
      readonly ms: number;
    };

/**
 * announces: gratuitous ARP, requests and replies in turn, every SPOOF_GAP_MS; answers: to everybody who asks for the
 * address, and to him alone.
 */
type Spoofing = 'announces' | 'answers';

export const SPOOF_GAP_MS = 300;

export type Flood = {
  readonly packets: readonly Uint8Array[];
  /** Infinity: as many as the machine sends. */
  readonly perSecond: number;
  readonly ms: number;
};

/** Guards against hanging. */
const CAPTURE_MS_MAX = 60_000;
const WATCH_MS_MAX = 60_000;

/** The next advertisements on the interface, from their IP header on. */
export async function captureAdverts(
  node: NetworkNode,
  interfaceName: string,
  count: number,
): Promise<readonly Uint8Array[]> {
  const lines = await run(node, { kind: 'capture', interface: interfaceName, count });
  assert.equal(lines.length, count, `${count} advertisements are captured`);
  return lines.map((line) => Buffer.from(line, 'hex'));
}

/** The next advertisements on the interface, of either family, from their Ethernet header on. */
export async function captureFrames(
  node: NetworkNode,
  interfaceName: string,
  count: number,
): Promise<readonly Buffer[]> {
  const lines = await run(node, { kind: 'capture-frames', interface: interfaceName, count });
  assert.equal(lines.length, count, `${count} frames are captured`);
  return lines.map((line) => Buffer.from(line, 'hex'));
}

/** Sends for a while; returns how many packets went out. */
export async function floodAdverts(node: NetworkNode, flood: Flood): Promise<number> {
  const [sent = '0'] = await run(node, floodCommand(flood));
  return Number(sent);
}

/** Sends until the network closes, or for `ms`. */
export function startFlood(node: NetworkNode, flood: Flood): ChildProcess {
  const args = [MAIN, JSON.stringify(floodCommand(flood))];
  return node.spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

function floodCommand(flood: Flood): PacketsCommand {
  const packets = flood.packets.map((packet) => Buffer.from(packet).toString('hex'));
  const perSecond = Math.min(flood.perSecond, 1e9);
  return { ...flood, kind: 'flood', interface: NODE_INTERFACE, packets, perSecond };
}

/** `at`: when it was read, by linux/clock.ts, which is one for all processes. */
export type HeardAdvert = { readonly source: string; readonly at: number };

/** Hears the advertisements of everybody until it is closed. */
export class AdvertWatch {
  readonly heard: HeardAdvert[] = [];
  readonly #child: ChildProcess;

  private constructor(node: NetworkNode) {
    const command = { kind: 'watch' as const, interface: NODE_INTERFACE, ms: WATCH_MS_MAX };
    this.#child = node.spawn(process.execPath, [MAIN, JSON.stringify(command)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    assert.ok(this.#child.stdout);
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const [at, source] = line.split(' ');
      this.heard.push({ source: formatIpv4(Number(source)), at: Number(at) });
    });
  }

  /** Somebody must be advertising. */
  static async start(node: NetworkNode): Promise<AdvertWatch> {
    const watch = new AdvertWatch(node);
    await watch.more(1);
    return watch;
  }

  /** Waits until `count` more were heard, of `source` or anybody. */
  async more(count: number, source: string | null = null): Promise<void> {
    const from = this.heard.length;
    const matching = () =>
      this.heard.slice(from).filter((advert) => source === null || advert.source === source);
    await waitUntil('advertisements', () => matching().length >= count);
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }
}

/** Who says that an address is his, and how: gratuitous ARP, or an advertisement with a priority. */
export type Claim = {
  /** When it was read, by linux/clock.ts. */
  readonly at: number;
  readonly kind: 'garp' | 'advert';
  /** The address that is announced, or the source of the advertisement. */
  readonly address: string;
  readonly mac: string;
  /** null: of gratuitous ARP. */
  readonly priority: number | null;
};

/** Hears advertisements and gratuitous ARP, in the order on the wire, until it is closed. */
export class ClaimWatch {
  readonly heard: Claim[] = [];
  readonly #child: ChildProcess;
  #listening = false;

  private constructor(node: NetworkNode) {
    const command = { kind: 'watch-claims' as const, interface: NODE_INTERFACE, ms: WATCH_MS_MAX };
    this.#child = node.spawn(process.execPath, [MAIN, JSON.stringify(command)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    assert.ok(this.#child.stdout);
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#take(line));
  }

  static async start(node: NetworkNode): Promise<ClaimWatch> {
    const watch = new ClaimWatch(node);
    await waitUntil('the watch listens', () => watch.#listening);
    return watch;
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }

  #take(line: string): void {
    if (line === 'listening') {
      this.#listening = true;
      return;
    }
    const [at, kind, address, mac = '', priority] = line.split(' ');
    this.heard.push({
      at: Number(at),
      kind: kind === 'garp' ? 'garp' : 'advert',
      address: formatIpv4(Number(address)),
      mac,
      priority: priority === '-' ? null : Number(priority),
    });
  }
}

/** Says by ARP that an address is the node's own, though its kernel has never heard of it, until it is closed. */
export class Spoofer {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Resolves once it is at work. */
  static async start(node: NetworkNode, address: string, how: Spoofing): Promise<Spoofer> {
    const number = parseIpv4(address);
    assert.ok(number.ok, address);
    const common = { kind: 'spoof' as const, interface: NODE_INTERFACE, ms: WATCH_MS_MAX };
    const command: PacketsCommand = { ...common, address: number.value, how };
    const child = node.spawn(process.execPath, [MAIN, JSON.stringify(command)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let ready = false;
    child.stdout?.once('data', () => {
      ready = true;
    });
    await waitUntil('the spoofer is at work', () => ready);
    return new Spoofer(child);
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}

async function run(node: NetworkNode, command: PacketsCommand): Promise<readonly string[]> {
  const bound = CAPTURE_MS_MAX + ('ms' in command ? command.ms : 0);
  const args = [MAIN, JSON.stringify(command)];
  const { code, stdout, stderr } = await node.run(process.execPath, args, bound);
  assert.equal(code, 0, stderr);
  return stdout.split('\n').filter((line) => line !== '');
}
