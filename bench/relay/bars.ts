/** What each measure must reach and what it aims at, as ratios to a peer or as figures of our own. */

export type Bar = {
  readonly must: number;
  readonly aim: number;
  readonly sense: 'at most' | 'at least';
  /** Our own figure counts, beside whomever it is shown. */
  readonly figure?: true;
};

const BARS: Readonly<Record<string, Bar>> = {
  'request haproxy3': { must: 0.92, aim: 0.85, sense: 'at most' },
  'connection haproxy3': { must: 0.95, aim: 0.85, sense: 'at most' },
  'stream haproxy3': { must: 1, aim: 0.9, sense: 'at most' },
  'stream haproxy': { must: 0.5, aim: 0.5, sense: 'at most' },
  'added p99 haproxy3': { must: 1, aim: 0.8, sense: 'at most' },
  'user memory haproxy3': { must: 0.3, aim: 0.1, sense: 'at most' },
  'kernel memory haproxy3': { must: 0.3, aim: 0.1, sense: 'at most' },
  'guardian + balancer ': { must: 160, aim: 100, sense: 'at most' },
  'all, shared pages once haproxy + keepalived': atMost(120, 90),
  'first connect haproxy': atMost(300, 200),
  'first answer haproxy': atMost(400, 250),
  'command ': atMost(150, 150),
  'requests per second haproxy3': { must: 1.05, aim: 1.2, sense: 'at least' },
  'connections per second haproxy3': { must: 1.05, aim: 1.2, sense: 'at least' },
};

function atMost(must: number, aim: number): Bar {
  return { must, aim, sense: 'at most', figure: true };
}

/** `peer` is empty where the figure itself is meant. */
export function barOf(measure: string, peer: string): Bar | null {
  return BARS[`${measure} ${peer}`] ?? null;
}

export function reaches(value: number, { sense }: Bar, limit: number): boolean {
  return sense === 'at most' ? value <= limit : value >= limit;
}
