/**
 * What is measured: processor time of the proxy per unit of work. The load comes from wrk and the
 * answers from nginx, so the proxy is the only thing of ours in the picture.
 */

import { cpuSeconds, output } from './processes.ts';
import { LOAD_CORE } from './proxies.ts';

export type Measure = {
  readonly name: string;
  readonly unit: string;
  /** Units of cost per second of processor time and unit of work. */
  readonly scale: number;
  readonly arguments: readonly string[];
  readonly path: string;
  readonly work: 'requests' | 'bytes';
};

export const MEASURES: readonly Measure[] = [
  {
    name: 'request',
    unit: 'us per keep-alive request',
    scale: 1e6,
    arguments: ['-t1', '-c64'],
    path: '/short',
    work: 'requests',
  },
  {
    name: 'connection',
    unit: 'us per connection (connect, one request, close)',
    scale: 1e6,
    arguments: ['-t1', '-c64', '-H', 'Connection: close'],
    path: '/short',
    work: 'requests',
  },
  {
    name: 'stream',
    unit: 'ms per GB streamed',
    scale: 1e3 * 1e9,
    arguments: ['-t1', '-c8'],
    path: '/big',
    work: 'bytes',
  },
];

export type Cost = {
  /** In the measure's unit. */
  readonly cost: number;
  /** Share of its core the proxy used, 0..1. */
  readonly busy: number;
};

/** Puts `seconds` of load on a proxy and reads what that cost it; a failed request is a failed bench. */
export async function measure(
  what: Measure,
  proxyPid: number,
  port: number,
  seconds: number,
): Promise<Cost> {
  const before = cpuSeconds(proxyPid);
  const text = await output([
    ...['taskset', '-c', String(LOAD_CORE), 'wrk', ...what.arguments],
    // A big answer on a busy machine takes longer than wrk's own 2 s.
    ...['--timeout', '30s', '-d', `${seconds}s`, `http://127.0.0.1:${port}${what.path}`],
  ]);
  const spent = cpuSeconds(proxyPid) - before;
  const errors = /Socket errors: (.*)|Non-2xx.*/.exec(text);
  if (errors !== null) throw new Error(`The load met errors: ${errors[0]}`);
  const found = /(\d+) requests in ([\d.]+)(m?)s, ([\d.]+)([KMGT]?B) read/.exec(text);
  if (found === null) throw new Error(`wrk says something unexpected: ${text}`);
  const [, requests = '', elapsed = '', , size = '', unit = ''] = found;
  const work = what.work === 'requests' ? Number(requests) : Number(size) * bytesOf(unit);
  return { cost: (spent / work) * what.scale, busy: spent / Number(elapsed) };
}

/** wrk counts in powers of 1024. */
function bytesOf(unit: string): number {
  return 1024 ** ['B', 'KB', 'MB', 'GB', 'TB'].indexOf(unit);
}
