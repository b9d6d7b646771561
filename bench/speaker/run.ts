/**
 * bench/speaker: how punctual VRRP advertisements are while all processors are busy, and what the speaker's
 * thread allocates for them.
 *
 *   node bench/speaker/run.ts [--seconds N] [--interval MS] [--smoke]
 *
 * One speaker, master with version 3, in a namespace; its advertisements are taken by tshark in another, by the
 * kernel's time stamps. Two endless loops for each processor keep the machine busy, for so long and no
 * longer. Prints a table and writes bench/results/speaker.json; --smoke proves in two seconds that it runs,
 * and writes nothing. Needs root and Debian's tshark.
 */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { VRRP_DEFAULTS } from '../../src/config/vrrp-defaults.ts';
import { VERSION } from '../../src/version.ts';
import {
  hasProgram,
  Network,
  type NetworkNode,
  NODE_INTERFACE,
  whyNoNamespaces,
} from '../../test/kit/network.ts';
import { fastInstance } from '../../test/kit/speaker-process.ts';
import { waitUntil } from '../../test/kit/wait-until.ts';
import type { SubjectLine } from './subject.ts';

const RESULTS = join(import.meta.dirname, '../results/speaker.json');
const SUBJECT = join(import.meta.dirname, 'subject.ts');
const LOOPS_PER_PROCESSOR = 2;
/** sched(7), and its place in /proc/PID/task/TID/stat behind the name in brackets (proc_pid_stat(5)). */
const SCHED_FIFO = 1;
const POLICY_FIELD = 38;

type Heap = Extract<SubjectLine, { kind: 'heap' }>;

type Measured = {
  readonly adverts: number;
  /** How far gaps between advertisements are from the interval. */
  readonly deviationUs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly realTime: boolean;
  /** Of the speaker's thread, while it was measured. */
  readonly collections: number;
  /** From what is on the heap, and what each collection freed. */
  readonly allocatedBytesPerAdvert: number;
  readonly heapGrowthBytes: number;
};

/** As --trace-gc has them: "[pid:heap] ... Scavenge 5.2 (6.4) -> 4.4 (6.6) MB". */
const COLLECTION = /^\[\d+:(0x[0-9a-f]+)\].* (\d+\.\d) \(\d+\.\d\) -> (\d+\.\d) /;

type Collection = { readonly heap: string; readonly freedBytes: number };

class Subject {
  readonly #child: ChildProcess;
  readonly #heaps: Heap[] = [];
  readonly #collections: Collection[] = [];
  #mainHeap = '';
  #isReady = false;

  constructor(node: NetworkNode, intervalMs: number, file: string) {
    const instances = [fastInstance(200, { advertIntervalMs: intervalMs })];
    const config = JSON.stringify({ ...VRRP_DEFAULTS, instances });
    const args = ['--trace-gc', '--expose-gc', SUBJECT, config, file];
    this.#child = node.spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    assert.ok(this.#child.stdout);
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#onLine(line));
  }

  #onLine(line: string): void {
    const [, heap, before, after] = COLLECTION.exec(line) ?? [];
    if (heap !== undefined) {
      const freedBytes = (Number(before) - Number(after)) * 2 ** 20;
      this.#collections.push({ heap, freedBytes });
      if (line.includes('testing')) this.#mainHeap = heap;
      return;
    }
    const message: SubjectLine = JSON.parse(line);
    if (message.kind === 'ready') this.#isReady = true;
    if (message.kind === 'heap') this.#heaps.push(message);
  }

  async ready(): Promise<void> {
    await waitUntil('the speaker takes part', () => this.#isReady);
  }

  /** Collections of threads other than the main one: there is only the speaker's. */
  get collections(): readonly Collection[] {
    assert.notEqual(this.#mainHeap, '', 'the collection that was asked for is seen');
    return this.#collections.filter(({ heap }) => heap !== this.#mainHeap);
  }

  async heap(): Promise<Heap> {
    const before = this.#heaps.length;
    this.#child.stdin?.write('\n');
    await waitUntil('the heap is known', () => this.#heaps.length > before);
    const heap = this.#heaps.at(-1);
    assert.ok(heap);
    return heap;
  }

  get isRealTime(): boolean {
    const tasks = `/proc/${this.#child.pid}/task`;
    return readdirSync(tasks).some((task) => {
      const stat = readFileSync(join(tasks, task, 'stat'), 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(fields[POLICY_FIELD]) === SCHED_FIFO;
    });
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await ended;
  }
}

/** Moments of advertisements, in us, for so long; resolves `begun` when it listens. */
function listen(node: NetworkNode, seconds: number) {
  const child = node.spawn(
    'tshark',
    [
      ...['-l', '-n', '-i', NODE_INTERFACE, '-f', 'ip proto 112', '-a', `duration:${seconds}`],
      ...['-T', 'fields', '-e', 'frame.time_epoch'],
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  assert.ok(child.stdout);
  const moments: number[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => moments.push(Number(line) * 1e6));
  const begun = waitUntil('tshark listens', () => moments.length > 0);
  const moment = once(child, 'close').then(() => moments);
  return { begun, moments: moment };
}

/** Keeps all processors busy; the loops end by themselves. */
function makeBusy(seconds: number): readonly ChildProcess[] {
  const loop = `const end = performance.now() + ${seconds * 1000}; while (performance.now() < end);`;
  return Array.from({ length: availableParallelism() * LOOPS_PER_PROCESSOR }, () =>
    spawn(process.execPath, ['-e', loop], { stdio: 'ignore' }),
  );
}

async function measure(seconds: number, intervalMs: number): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'evergate-speaker-'));
  const network = await Network.create();
  let loops: readonly ChildProcess[] = [];
  try {
    const node = await network.addNode('speaker', '10.99.0.1/24');
    const listener = await network.addNode('listener', '10.99.0.2/24');
    const subject = new Subject(node, intervalMs, join(folder, 'mastership'));
    await subject.ready();
    const capture = listen(listener, seconds);
    await capture.begun;
    loops = makeBusy(seconds);
    const before = { heap: await subject.heap(), collections: subject.collections.length };
    const moments = await capture.moments;
    const heap = await subject.heap();
    const collections = subject.collections.slice(before.collections);
    const freedBytes = collections.reduce((sum, each) => sum + each.freedBytes, 0);
    const heapGrowthBytes = heap.usedBytes - before.heap.usedBytes;
    const realTime = subject.isRealTime;
    await subject.stop();
    const gaps = moments.slice(1).map((moment, index) => moment - (moments[index] ?? 0));
    const deviations = gaps.map((gap) => Math.abs(gap - intervalMs * 1000)).sort((a, b) => a - b);
    const at = (share: number) =>
      Math.round(deviations[Math.ceil(share * deviations.length) - 1] ?? Number.NaN);
    return {
      adverts: moments.length,
      deviationUs: { p50: at(0.5), p99: at(0.99), max: at(1) },
      realTime,
      collections: collections.length,
      allocatedBytesPerAdvert: Math.round((heapGrowthBytes + freedBytes) / moments.length),
      heapGrowthBytes,
    };
  } finally {
    for (const loop of loops) loop.kill('SIGKILL');
    network.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function textOf(intervalMs: number, measured: Measured): string {
  const { deviationUs, realTime, collections, adverts } = measured;
  const { p50, p99, max } = deviationUs;
  return [
    `${adverts} advertisements, one every ${intervalMs} ms, all processors busy`,
    `off by p50 ${p50} us, p99 ${p99} us, max ${(max / 1000).toFixed(1)} ms`,
    `SCHED_FIFO: ${realTime ? 'yes' : 'no'}`,
    `the speaker's thread: ${measured.allocatedBytesPerAdvert} bytes per advertisement, ` +
      `${collections} collections, heap ${measured.heapGrowthBytes} bytes larger`,
  ].join('\n');
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '15' },
    interval: { type: 'string', default: '10' },
    smoke: { type: 'boolean', default: false },
  },
});
const missing =
  whyNoNamespaces() ?? (hasProgram('tshark') ? null : 'Debian\'s "tshark" is missing');
const seconds = values.smoke ? 2 : Number(values.seconds);
const intervalMs = Number(values.interval);
if (missing !== null || !(seconds >= 1 && seconds <= 300 && intervalMs >= 10)) {
  process.stderr.write(`${missing ?? '--seconds is 1 to 300, --interval at least 10'}\n`);
  process.exit(1);
}
const measured = await measure(seconds, intervalMs);
process.stdout.write(`${textOf(intervalMs, measured)}\n`);
if (!values.smoke) {
  const setting = {
    kernel: release(),
    processor: cpus()[0]?.model ?? 'unknown',
    processors: availableParallelism(),
    node: process.version,
    version: VERSION,
    date: new Date().toISOString(),
    seconds,
    intervalMs,
  };
  writeFileSync(RESULTS, `${JSON.stringify({ setting, ...measured }, null, 2)}\n`);
}
