/** Rounds of measurements: every proxy once in each, in turns, and what the rounds come to. */

import type { ProxyServer } from './proxies.ts';

/** What one proxy showed in one round, by measure. */
export type Sample = Readonly<Record<string, number>>;
export type Samples = ReadonlyMap<string, readonly Sample[]>;

/** Whoever goes first may meet a colder or a busier machine: each round begins with the next proxy. */
export async function sampleRounds(
  proxies: readonly ProxyServer[],
  rounds: number,
  title: string,
  sample: (proxy: ProxyServer) => Promise<Sample>,
): Promise<Samples> {
  const samples = new Map<string, Sample[]>(proxies.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    const first = round % proxies.length;
    for (const proxy of [...proxies.slice(first), ...proxies.slice(0, first)]) {
      const one = await sample(proxy);
      samples.get(proxy.name)?.push(one);
      const figures = Object.entries(one).map(([key, value]) => `${key} ${value.toPrecision(4)}`);
      process.stdout.write(
        `${title} ${round + 1}/${rounds} ${proxy.name}: ${figures.join(', ')}\n`,
      );
    }
  }
  return samples;
}

export type Comparison = {
  readonly ours: number;
  readonly theirs: number;
  /** Median of the rounds' ratios. */
  readonly ratio: number;
  readonly ratios: readonly number[];
};

/** `name` of one proxy against another's, round by round. */
export function compare(
  samples: Samples,
  ours: string,
  theirs: string,
  measure: string,
): Comparison {
  const mine = valuesOf(samples, ours, measure);
  const others = valuesOf(samples, theirs, measure);
  const ratios = mine.map((value, round) => value / (others[round] ?? Number.NaN));
  return { ours: median(mine), theirs: median(others), ratio: median(ratios), ratios };
}

function valuesOf(samples: Samples, proxy: string, measure: string): number[] {
  return (samples.get(proxy) ?? []).map((sample) => sample[measure] ?? Number.NaN);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle] ?? Number.NaN;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}
