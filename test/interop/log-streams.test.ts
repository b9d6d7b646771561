/**
 * Whoever reads the log may go, sleep or run out of space: the daemon logs on, serves on, and ends as it
 * should (docs/adr/0014). What was lost meanwhile it says when somebody reads again.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { exchangeWithGuardian } from '../../src/commands/admin-client.ts';
import { makeFifo } from '../../src/linux/files.ts';
import type { StatusReport } from '../../src/stats/status.ts';
import { freePort } from '../kit/free-port.ts';
import { hasProgram } from '../kit/network.ts';
import { askStatus, lookAtStatus } from '../kit/status.ts';
import { waitUntil } from '../kit/wait-until.ts';

const EVERGATE = resolve('bin/evergate');
const BOUND_MS = 60_000;
const TIMEOUT = { timeout: 300_000 };
/** More than a pipe and the guardian's queue hold together. */
const FLOOD_LINES = 10_000;
/** So many commands the runtime socket takes at one time. */
const COMMANDS_MAX = 60;
/** Of one file so many are told. */
const WARNINGS_MAX = 500;

type Stream = 'ignore' | 'pipe' | number;

type Streams = {
  readonly out?: Stream;
  readonly err?: Stream;
  /** What a shell does to them before it becomes the daemon. */
  readonly redirect?: string;
  /** Both are a terminal, whose other end nobody reads. */
  readonly terminal?: boolean;
};

function isBlocking(pid: number | 'self' | null, fd: number): boolean {
  const info = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
  const flags = /^flags:\s+(\d+)$/m.exec(info)?.[1] ?? '';
  return (Number.parseInt(flags, 8) & constants.O_NONBLOCK) === 0;
}

function spawnDaemon(command: readonly string[], streams: Streams): ChildProcess {
  const { out = 'ignore', err = 'ignore', redirect = '', terminal = false } = streams;
  if (terminal) {
    const quoted = command.map((word) => `'${word}'`).join(' ');
    const stdio: StdioOptions = ['ignore', 'pipe', 'ignore'];
    return spawn('script', ['-qec', `exec ${quoted}`, '/dev/null'], { stdio });
  }
  const stdio: StdioOptions = ['ignore', out, err];
  return spawn('sh', ['-c', `exec "$0" "$@" ${redirect}`, ...command], { stdio });
}

class Node {
  readonly child: ChildProcess;
  readonly port: number;
  /** The guardian's, once it is up. */
  pid: number | null = null;
  /** Of its balancer, until then: a start may be late. */
  #restarts = 0;
  readonly #runDir: string;
  readonly #file: string;
  readonly #socket: string;

  private constructor(child: ChildProcess, port: number, folder: string) {
    this.child = child;
    this.port = port;
    this.#runDir = join(folder, 'run');
    this.#file = join(folder, 'haproxy.cfg');
    this.#socket = join(folder, 'runtime.sock');
  }

  static async start(t: TestContext, streams: Streams): Promise<Node> {
    const folder = mkdtempSync(join(tmpdir(), 'eg-streams-'));
    const server = createServer((socket) => socket.on('error', () => {}).end('hi'));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    const serverPort = typeof address === 'object' ? address?.port : 0;
    const port = await freePort();
    const file = join(folder, 'haproxy.cfg');
    writeFileSync(
      file,
      `global
  stats socket ${join(folder, 'runtime.sock')} mode 600 level admin
  log stdout format raw local0
defaults
  mode tcp
  log global
  option tcplog
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen kube-api
  bind 127.0.0.1:${port}
  server s1 127.0.0.1:${serverPort}
`,
    );
    const args = ['run', '--haproxy', file, '--run-dir', join(folder, 'run')];
    const child = spawnDaemon([EVERGATE, ...args], streams);
    const node = new Node(child, port, folder);
    t.after(async () => {
      server.close();
      // Not the terminal's program: its end would only be a hang-up to the daemon.
      if (node.pid !== null && child.exitCode === null) process.kill(node.pid, 'SIGKILL');
      if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit');
      rmSync(folder, { recursive: true, force: true });
    });
    const up = () => lookAtStatus(node.#runDir);
    const { pid, balancer } = await waitUntil('the node is up', up);
    node.pid = pid;
    node.#restarts = balancer?.restarts ?? 0;
    return node;
  }

  async #status(): Promise<StatusReport> {
    return askStatus(this.#runDir);
  }

  /** Has it log about so many lines; resolves when it has. */
  async log(lines: number): Promise<void> {
    const states = ['drain', 'ready'].map((state) => `set server kube-api/s1 state ${state}`);
    const commands = Array.from({ length: COMMANDS_MAX }, (_, index) => states[index % 2]).join(
      ';',
    );
    for (let logged = 0; logged < lines; logged += COMMANDS_MAX) {
      const client = connect(this.#socket);
      client.end(`${commands}\n`);
      await text(client);
    }
    // The balancer's answer comes behind its lines.
    await this.#status();
  }

  /**
   * Has the guardian itself log so many lines, each another one: what repeats is counted, and what a balancer has
   * to say is bounded, long before a queue is full.
   */
  async warn(lines: number): Promise<void> {
    const before = readFileSync(this.#file, 'utf8');
    const warnings = '  description x\n'.repeat(WARNINGS_MAX);
    for (let at = 0; at < lines; at += WARNINGS_MAX) {
      writeFileSync(this.#file, before + '\n'.repeat(at) + warnings);
      await exchangeWithGuardian(this.#runDir, 'POST', '/v1/reload', BOUND_MS);
    }
    writeFileSync(this.#file, before);
  }

  /** It answers, and its first balancer is still the one. */
  async assertServes(): Promise<void> {
    const client = connect(this.port, '127.0.0.1');
    assert.equal(await text(client), 'hi');
    const { balancer } = await this.#status();
    assert.equal(balancer?.state, 'serving');
    assert.equal(balancer?.restarts, this.#restarts);
  }

  /** SIGTERM: it ends in time and well, and leaves nothing. */
  async assertStops(): Promise<void> {
    const ended = once(this.child, 'exit');
    assert.ok(this.pid !== null);
    process.kill(this.pid, 'SIGTERM');
    // That the terminal's program can end: it passes on what it has.
    this.child.stdout?.resume();
    const late = setTimeout(() => this.child.kill('SIGKILL'), BOUND_MS);
    const [code] = await ended;
    clearTimeout(late);
    assert.equal(code, 0, 'it ends with exit code 0, and in time');
    assert.equal(existsSync(this.#runDir), false);
    const successor = createServer();
    await once(successor.listen(this.port, '127.0.0.1'), 'listening');
    successor.close();
  }
}

/** A named pipe of 64 KiB; what is read of it is ours to say. */
class Fifo {
  readonly #folder = mkdtempSync(join(tmpdir(), 'eg-fifo-'));
  readonly #path = join(this.#folder, 'log');
  #reader: number | null = null;
  /** What was read so far. */
  text = '';

  constructor(t: TestContext) {
    makeFifo(this.#path, 0o600);
    this.open();
    t.after(() => {
      this.close();
      rmSync(this.#folder, { recursive: true });
    });
  }

  open(): void {
    this.#reader = openSync(this.#path, constants.O_RDONLY | constants.O_NONBLOCK);
  }

  close(): void {
    if (this.#reader !== null) closeSync(this.#reader);
    this.#reader = null;
  }

  /** For a child, as a shell opens it. */
  async give<Result>(use: (fd: number) => Promise<Result>): Promise<Result> {
    const fd = openSync(this.#path, 'w');
    try {
      return await use(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** Reads on until there is such a text, and at least so many lines. */
  async readUntil(pattern: RegExp, lines = 0): Promise<void> {
    const chunk = Buffer.alloc(65_536);
    await waitUntil(
      `${pattern} is read`,
      () => {
        try {
          const length = readSync(this.#reader ?? -1, chunk);
          this.text += chunk.toString('utf8', 0, length);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        }
        return pattern.test(this.text) && this.text.split('\n').length > lines;
      },
      2,
    );
  }
}

test('a reader of the log that leaves after a line, as head does', TIMEOUT, async (t) => {
  const fifo = new Fifo(t);
  const node = await fifo.give((fd) => Node.start(t, { err: fd }));
  await fifo.readUntil(/serves\n/);
  fifo.close();
  await node.log(100);
  await node.assertServes();
  await node.assertStops();
});

for (const kind of ['pipe', 'socket'] as const) {
  test(`a ${kind} that nobody reads, full of thousands of lines`, TIMEOUT, async (t) => {
    const fifo = new Fifo(t);
    const start = (err: Stream) => Node.start(t, { err });
    const node = kind === 'pipe' ? await fifo.give(start) : await start('pipe');
    await node.warn(FLOOD_LINES);
    await node.assertServes();
    if (kind === 'pipe') {
      await fifo.readUntil(/ \d+ log lines were lost: they were not read in time\n/);
      await node.warn(FLOOD_LINES);
    }
    await node.assertStops();
  });
}

test('a terminal that is stopped, as by Ctrl-S', TIMEOUT, async (t) => {
  if (!hasProgram('script')) return t.skip('The program "script" (Debian: bsdutils) is missing');
  const node = await Node.start(t, { terminal: true });
  await node.warn(FLOOD_LINES);
  await node.log(FLOOD_LINES);
  await node.assertServes();
  await node.assertStops();
});

test('a standard error that is closed', TIMEOUT, async (t) => {
  const node = await Node.start(t, { redirect: '2>&-' });
  await node.log(100);
  await node.assertServes();
  await node.assertStops();
});

test('a log file on a full disk', TIMEOUT, async (t) => {
  const node = await Node.start(t, { redirect: '>/dev/full 2>/dev/full' });
  await node.log(100);
  await node.assertServes();
  await node.assertStops();
});

test(
  'the next reader of the log hears how much was lost, then the newest lines',
  TIMEOUT,
  async (t) => {
    const fifo = new Fifo(t);
    const node = await fifo.give((fd) => Node.start(t, { err: fd }));
    await fifo.readUntil(/ is up; /);
    fifo.close();
    await node.warn(FLOOD_LINES);
    fifo.text = '';
    fifo.open();
    await fifo.readUntil(/ \d+ log lines were lost: broken pipe \(EPIPE\)\n/);
    await node.assertServes();
    const stopped = node.assertStops();
    await fifo.readUntil(/SIGTERM: stopping\n.* Stopped\n$/);
    await stopped;
    const [, lost = '0'] = /(\d+) log lines were lost/.exec(fifo.text) ?? [];
    const read = fifo.text.match(/"description" is ignored/g)?.length ?? 0;
    assert.ok(Number(lost) + read >= FLOOD_LINES, `${lost} lost, ${read} read`);
  },
);

test(
  'the lines of "log stdout" come out there, whole, also those of the end',
  TIMEOUT,
  async (t) => {
    const fifo = new Fifo(t);
    const node = await fifo.give((fd) => Node.start(t, { out: fd }));
    await node.log(FLOOD_LINES / 10);
    // Three lines for two commands. Nothing is left that would keep it from ending.
    await fifo.readUntil(/\n$/, 1.5 * (FLOOD_LINES / 10));
    // Its session goes on until the daemon stops.
    const held = connect({ port: node.port, host: '127.0.0.1', allowHalfOpen: true });
    t.after(() => held.destroy());
    await once(held.resume(), 'end');
    const last = fifo.readUntil(/ kube-api kube-api\/s1 .* KD .*\n$/);
    await Promise.all([node.assertStops(), last]);
    const lines = fifo.text.trimEnd().split('\n');
    const whole = /^(Server kube-api\/s1 .*\.|proxy kube-api .*!|127\.0\.0\.1:\d+ .* \d+\/\d+)$/;
    assert.deepEqual(
      lines.filter((line) => !whole.test(line)),
      [],
    );
    assert.ok(lines.length > FLOOD_LINES / 10, `${lines.length} lines`);
  },
);

test('a standard output that nobody reads, full of thousands of lines', TIMEOUT, async (t) => {
  const fifo = new Fifo(t);
  const node = await fifo.give((fd) => Node.start(t, { out: fd }));
  await node.log(3 * FLOOD_LINES);
  await node.assertServes();
  await node.assertStops();
});

test('a pipe that others share goes on to block, for them', TIMEOUT, async (t) => {
  const fifo = new Fifo(t);
  await fifo.give(async (fd) => {
    const node = await Node.start(t, { out: fd, err: fd });
    assert.ok(isBlocking('self', fd));
    // What V8 itself prints when it dies cannot stop the daemon either.
    for (const own of [1, 2]) assert.ok(!isBlocking(node.pid, own));
    await node.assertStops();
  });
});
