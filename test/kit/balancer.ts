/** Runs the real balancer process for tests, the way the guardian does, on loopback. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { BalancerConfig } from '../../src/config/model/config.ts';
import type { InheritedListener } from '../../src/contracts/listeners.ts';
import {
  type BalancerToGuardian,
  GUARDIAN_FD,
  type GuardianToBalancer,
} from '../../src/contracts/protocol.ts';
import { parseFromBalancer } from '../../src/contracts/protocol-table.ts';
import { BEAT_PAGE_BYTES } from '../../src/core/beats.ts';
import { LineReader } from '../../src/core/line-reader.ts';
import { chooseAccounts } from '../../src/guardian/service-account.ts';
import type { ServerStateRecord } from '../../src/health/server-state.ts';
import { openDescriptorChannel, sendDescriptors } from '../../src/linux/descriptor-channel.ts';
import { closeFd, createSharedMemory, mapSharedMemory } from '../../src/linux/files.ts';
import { openListener } from '../../src/linux/sockets.ts';
import { lastAddress, localAddress } from '../../src/linux/stream-calls.ts';
import { waitUntil } from './wait-until.ts';

const ENTRY = fileURLToPath(new URL('../../src/balancer/main.ts', import.meta.url));
const FIRST_FD = GUARDIAN_FD + 1;
const LINE_BYTES_MAX = 64 << 20;

export type RunningBalancer = {
  readonly child: ChildProcess;
  readonly pid: number;
  /** By frontend name. */
  readonly ports: Readonly<Record<string, number>>;
  /** By level. */
  readonly sockets: Readonly<Record<string, string>>;
  readonly folder: string;
  readonly messages: BalancerToGuardian[];
  readonly beats: Uint32Array;
  readonly ended: Promise<{ code: number | null; signal: string | null }>;
  send(message: GuardianToBalancer): void;
  /** As if the guardian were gone. */
  abandon(): void;
  /** The newest message of a kind, waited for. */
  message<Kind extends BalancerToGuardian['kind']>(
    kind: Kind,
  ): Promise<Extract<BalancerToGuardian, { kind: Kind }>>;
};

export type BalancerOptions = {
  readonly servers?: readonly ServerStateRecord[];
  readonly wait?: boolean;
  /** RLIMIT_NOFILE, soft and hard; needs the program "prlimit". */
  readonly filesMax?: number;
};

/** Starts a balancer and waits until it serves. Everything is gone after the test. */
export async function startBalancer(
  t: TestContext,
  config: BalancerConfig,
  options: BalancerOptions = {},
): Promise<RunningBalancer> {
  const folder = mkdtempSync(join(tmpdir(), 'eg-bal-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { listeners, ports, sockets } = openListeners(config, folder);
  const beatFd = createSharedMemory('eg-test-beats', BEAT_PAGE_BYTES);
  const beats = new Uint32Array(mapSharedMemory(beatFd, BEAT_PAGE_BYTES));
  const channel = openDescriptorChannel();
  const sent = listeners.map(({ fd }) => fd);
  sendDescriptors(channel.near, sent);
  const bounded = options.filesMax === undefined ? [] : limitFiles(options.filesMax);
  const [command = '', ...args] = [...bounded, process.execPath, ENTRY];
  const child = spawn(command, args, {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe', beatFd, channel.far],
  });
  for (const fd of [beatFd, channel.far, ...sent]) closeFd(fd);
  t.after(() => {
    child.kill('SIGKILL');
    closeFd(channel.near);
  });
  const running = { ...listenTo(child), ports, sockets, folder, beats };
  running.send({
    kind: 'start',
    config,
    grant: { relays: 1, beatFd: FIRST_FD },
    beatFd: FIRST_FD,
    standby: false,
    channelFd: FIRST_FD + 1,
    listeners: listeners.map(({ id, purpose }) => ({ id, purpose })),
    servers: options.servers ?? [],
    orphanMs: 5000,
    identity: chooseAccounts(config.process, folder).balancer,
  });
  if (options.wait !== false) await running.message('serving');
  return running;
}

type Listeners = Pick<RunningBalancer, 'ports' | 'sockets'> & {
  readonly listeners: readonly InheritedListener[];
};

/** What the guardian would bind for this configuration; the caller owns the descriptors. */
function openListeners(config: BalancerConfig, folder: string): Listeners {
  const listeners: InheritedListener[] = [];
  const ports: Record<string, number> = {};
  const sockets: Record<string, string> = {};
  const tcp = (name: string, purpose: InheritedListener['purpose']): void => {
    const address = { kind: 'ipv4', host: '127.0.0.1', port: 0 } as const;
    const fd = openListener(address, { v6only: false, reusePort: false });
    assert.equal(localAddress(fd), 0);
    ports[name] = ((lastAddress[2] ?? 0) << 8) | (lastAddress[3] ?? 0);
    listeners.push({ id: listeners.length, fd, purpose });
  };
  for (const { name } of config.frontends)
    tcp(name, { kind: 'frontend', frontend: name, socket: 0 });
  for (const { name } of config.httpFrontends) tcp(name, { kind: 'http', frontend: name });
  for (const { level } of config.process.statsSockets) {
    const path = join(folder, `${level}.sock`);
    const fd = openListener({ kind: 'unix', path }, { v6only: false, reusePort: false });
    sockets[level] = path;
    const purpose = { kind: 'stats-socket', path, level } as const;
    listeners.push({ id: listeners.length, fd, purpose });
  }
  return { listeners, ports, sockets };
}

function listenTo(
  child: ChildProcess,
): Pick<RunningBalancer, 'child' | 'pid' | 'messages' | 'ended' | 'send' | 'abandon' | 'message'> {
  const messages: BalancerToGuardian[] = [];
  const channel = child.stdio[GUARDIAN_FD];
  assert.ok(channel instanceof Socket);
  const lines = new LineReader(LINE_BYTES_MAX);
  channel.on('error', () => {});
  channel.on('data', (chunk: Buffer) => {
    for (const line of lines.read(chunk) ?? []) {
      const message = parseFromBalancer(line);
      assert.ok(message.ok, `the balancer broke the protocol: ${line.slice(0, 200)}`);
      messages.push(message.value);
    }
  });
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  assert.ok(child.pid !== undefined);
  return {
    child,
    pid: child.pid,
    messages,
    ended,
    send: (message) => {
      channel.write(`${JSON.stringify(message)}\n`);
    },
    abandon: () => {
      channel.destroy();
    },
    message: (kind) =>
      waitUntil(
        `a message of kind "${kind}"`,
        () => messages.findLast((one) => one.kind === kind) as never,
      ),
  };
}

/** prlimit(1) becomes the command behind it: same pid, same descriptors. */
function limitFiles(most: number): readonly string[] {
  return ['prlimit', `--nofile=${most}:${most}`];
}
