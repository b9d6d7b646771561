/** A VRRP speaker in a node of a test network: started, asked, and read. */

import { type ChildProcess, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { VrrpConfig, VrrpInstanceConfig } from '../../src/config/model/vrrp.ts';
import {
  ADDRESS_DEFAULTS,
  VRRP_DEFAULTS,
  VRRP_INSTANCE_DEFAULTS,
} from '../../src/config/vrrp-defaults.ts';
import type { VrrpStatus } from '../../src/stats/status.ts';
import { type NetworkNode, NODE_INTERFACE } from './network.ts';
import type { SpeakerCommand } from './speaker-main.ts';
import { waitUntil } from './wait-until.ts';

export const VIP = '10.99.0.100';
export const INSTANCE = 'VI_1';
const MAIN = new URL('./speaker-main.ts', import.meta.url).pathname;

/** A speaker that is killed leaves its file behind; this process does not. */
const folder = mkdtempSync(join(tmpdir(), 'evergate-speaker-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
let started = 0;

export type SpeakerLine =
  | { readonly kind: 'started' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'refused'; readonly code: string; readonly text: string }
  | {
      readonly kind: 'transition';
      readonly from: string;
      readonly to: string;
      readonly why: string;
    }
  | { readonly kind: 'group'; readonly group: string; readonly to: string }
  | { readonly kind: 'warning'; readonly text: string }
  | { readonly kind: 'failed'; readonly text: string }
  | { readonly kind: 'drain-settled'; readonly refusal: string | null }
  | { readonly kind: 'status'; readonly instances: readonly VrrpStatus[] };

/** VRRPv3, 100 ms, multicast; what a test wants otherwise goes into `changes`. */
export function fastInstance(
  priority: number,
  changes: Partial<VrrpInstanceConfig> = {},
): VrrpInstanceConfig {
  return {
    ...VRRP_INSTANCE_DEFAULTS,
    name: INSTANCE,
    interface: NODE_INTERFACE,
    virtualRouterId: 51,
    priority,
    advertIntervalMs: 100,
    addresses: [{ ...ADDRESS_DEFAULTS, address: VIP, prefixLength: 24 }],
    ...changes,
  };
}

/** The article's instance: VRRPv2, 1 s, password 1111. */
export function articleInstance(priority: number): VrrpInstanceConfig {
  return fastInstance(priority, { version: 2, advertIntervalMs: 1000, password: '1111' });
}

export class SpeakerProcess {
  readonly lines: SpeakerLine[] = [];
  readonly #child: ChildProcess;
  #exitCode: number | null | undefined;

  constructor(
    node: NetworkNode,
    config: VrrpInstanceConfig | VrrpConfig,
    wrapper: readonly string[] = [],
  ) {
    const whole = 'instances' in config ? config : { ...VRRP_DEFAULTS, instances: [config] };
    const file = join(folder, `mastership-${started++}`);
    const words = [process.execPath, MAIN, JSON.stringify(whole), file];
    const [command = '', ...args] = [...wrapper, ...words];
    this.#child = node.spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.once('exit', (code) => {
      this.#exitCode = code;
    });
    const { stdout } = this.#child;
    if (stdout === null) throw new Error('The speaker has no output');
    createInterface({ input: stdout }).on('line', (line) => this.lines.push(JSON.parse(line)));
  }

  /** Starts it and waits until it takes part. */
  static async start(
    node: NetworkNode,
    config: VrrpInstanceConfig | VrrpConfig,
  ): Promise<SpeakerProcess> {
    const speaker = new SpeakerProcess(node, config);
    await speaker.line('started');
    return speaker;
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('The speaker did not start');
    return this.#child.pid;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Its exit code once it ended; null: by a signal. */
  async ended(): Promise<number | null> {
    await waitUntil('the speaker ends', () => this.#exitCode !== undefined);
    return this.#exitCode ?? null;
  }

  send(command: SpeakerCommand): void {
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  /** The next line of that kind after the first `skip` lines. */
  line<Kind extends SpeakerLine['kind']>(
    kind: Kind,
    skip = 0,
  ): Promise<Extract<SpeakerLine, { kind: Kind }>> {
    const isOfKind = (line: SpeakerLine): line is Extract<SpeakerLine, { kind: Kind }> =>
      line.kind === kind;
    return waitUntil(
      `the speaker prints "${kind}"`,
      () => this.lines.slice(skip).find(isOfKind) ?? null,
      5,
    );
  }

  /** null: done; otherwise why the node is not drained. */
  async setDrained(drained: boolean): Promise<string | null> {
    const skip = this.lines.length;
    this.send({ kind: 'drain', drained });
    return (await this.line('drain-settled', skip)).refusal;
  }

  /** Of the first instance, or of the one with that name. */
  async status(name: string | null = null): Promise<VrrpStatus> {
    const skip = this.lines.length;
    this.send({ kind: 'status' });
    const { instances } = await this.line('status', skip);
    const instance = instances.find((each) => name === null || each.name === name);
    if (instance === undefined) throw new Error('The speaker has no instance');
    return instance;
  }

  /** Waits until the instance is in that state. */
  async reaches(state: VrrpStatus['state']): Promise<void> {
    await waitUntil(`state ${state}`, async () => (await this.status()).state === state);
  }
}

/** Why a speaker cannot be started without some capability here; null: it can. */
export function whyNoSetpriv(): string | null {
  try {
    execFileSync('setpriv', ['--version'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'The program "setpriv" (Debian: util-linux) is missing';
  }
}
