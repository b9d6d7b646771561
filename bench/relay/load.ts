/**
 * The load, made by wrk, and what it costs: processor time of the proxy per unit of work, work done per
 * second, and the time an answer takes.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpuSeconds, output } from './processes.ts';
import { LOAD_CORE } from './proxies.ts';

export type Kind = 'request' | 'connection' | 'stream';

type Load = {
  readonly words: readonly string[];
  readonly path: string;
  /** Units of cost per second of processor time and unit of work. */
  readonly scale: number;
  readonly work: 'requests' | 'bytes';
};

const CLOSE = ['-H', 'Connection: close'];

const LOADS: Readonly<Record<Kind, Load>> = {
  /** us per request on a kept connection */
  request: { words: ['-c64'], path: '/short', scale: 1e6, work: 'requests' },
  /** us per connection: connect, one request, close */
  connection: { words: ['-c64', ...CLOSE], path: '/short', scale: 1e6, work: 'requests' },
  /** ms per GB */
  stream: { words: ['-c8'], path: '/big', scale: 1e3 * 1e9, work: 'bytes' },
};

export type Cost = {
  /** us per request or connection, ms per GB. */
  readonly cost: number;
  /** Requests or bytes per second. */
  readonly rate: number;
};

/** For whom nothing is answered is asked for longer, up to this. */
const SECONDS_MAX = 8;

/** Loads `port` for `seconds` (whole ones: wrk knows no others) and reads what that cost `pid`. */
export async function costOf(
  kind: Kind,
  pid: number,
  port: number,
  seconds: number,
  cores: string = LOAD_CORE,
): Promise<Cost> {
  const measured = await costOnce(LOADS[kind], pid, port, seconds, cores);
  if (measured !== null) return measured;
  if (seconds >= SECONDS_MAX) throw new Error(`Nothing was answered within ${seconds} s`);
  // A machine that is busy with other things gave nobody a turn: that is no figure, for longer it may be one.
  return costOf(kind, pid, port, seconds * 2, cores);
}

/** null: nothing was answered. */
async function costOnce(
  { words, path, scale, work }: Load,
  pid: number,
  port: number,
  seconds: number,
  cores: string,
): Promise<Cost | null> {
  const before = cpuSeconds(pid);
  const text = await wrk(cores, [...words, `-d${seconds}`], port, path);
  const spent = cpuSeconds(pid) - before;
  const found = /(\d+) requests in ([\d.]+)(m?)s, ([\d.]+)([KMGT]?B) read/.exec(text);
  if (found === null) throw new Error(`wrk says something unexpected: ${text}`);
  const [, requests = '', elapsed = '', milli = '', size = '', unit = ''] = found;
  const done = work === 'requests' ? Number(requests) : Number(size) * bytesOf(unit);
  if (done === 0) return null;
  const elapsedSeconds = Number(elapsed) / (milli === '' ? 1 : 1000);
  return { cost: (spent / done) * scale, rate: done / elapsedSeconds };
}

/** Each client thinks for so many ms between an answer and its next request. */
const THINK_MS = { from: 2, to: 6 };

/** Clients that together ask `rate` times a second, as long as answers take little. */
export function clientsFor(rate: number): number {
  return Math.max(1, Math.round((rate * (THINK_MS.from + THINK_MS.to)) / 2 / 1000));
}

/** Requests at a steady rate: the time in which 99 of 100 are answered, us. */
export async function latencyP99(
  work: string,
  port: number,
  clients: number,
  seconds: number,
): Promise<number> {
  const script = join(work, 'think.lua');
  writeFileSync(
    script,
    `function delay() return math.random(${THINK_MS.from}, ${THINK_MS.to}) end\n`,
  );
  const words = [`-c${clients}`, `-d${seconds}`, '--latency', '-s', script];
  const text = await wrk(LOAD_CORE, words, port, '/short');
  const found = /99%\s+([\d.]+)(us|ms|s)/.exec(text);
  if (found === null) throw new Error(`wrk says nothing of latency: ${text}`);
  return Number(found[1]) * { us: 1, ms: 1e3, s: 1e6 }[found[2] as 'us' | 'ms' | 's'];
}

/** A failed request is a failed bench. */
async function wrk(
  cores: string,
  words: readonly string[],
  port: number,
  path: string,
): Promise<string> {
  const text = await output([
    ...['taskset', '-c', cores, 'wrk', '-t1', ...words],
    // A big answer on a busy machine takes longer than wrk's own 2 s.
    ...['--timeout', '30s', `http://127.0.0.1:${port}${path}`],
  ]);
  const errors = /Socket errors: (.*)|Non-2xx.*/.exec(text);
  if (errors !== null) throw new Error(`The load met errors: ${errors[0]}`);
  return text;
}

/** wrk counts in powers of 1024. */
function bytesOf(unit: string): number {
  return 1024 ** ['B', 'KB', 'MB', 'GB', 'TB'].indexOf(unit);
}
