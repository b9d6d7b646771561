/**
 * Moving long-lived connections back to servers that returned. Watches stay where they are, so after a
 * restart of one apiserver its clients all sit on the others (kubernetes/kubernetes#48610). Connections
 * are ended one by one, no faster than a rate and at uneven times, until every server has at most its fair
 * share; their clients come back and the balance sends them to where room is.
 *
 * Pure: time, counts and randomness are values.
 */

import { assert } from '../core/assert.ts';

export type RebalanceSettings = {
  /** From a server's return until the first connection is moved, lengthened by up to half. */
  readonly afterMs: number;
  /** Connections per second at most, more than 0. The pause between two is lengthened by up to itself. */
  readonly ratePerS: number;
};

/** One server of a backend, now. */
export type RebalanceServer = {
  /** Takes new connections by itself: neither down, draining, in maintenance nor of weight 0. */
  readonly usable: boolean;
  readonly backup: boolean;
  readonly weight: number;
  /** On its way to its full weight (`slowstart`). */
  readonly warming: boolean;
  /** Connections it may have at most; 0: no limit. */
  readonly sessionsMax: number;
  readonly sessions: number;
};

export type RebalanceState = {
  /** By server, as of the last step; empty before the first one. */
  readonly usable: readonly boolean[];
  readonly run: Run | null;
};

type Run = {
  /** Servers that came back, by index. */
  readonly returned: readonly number[];
  /** When the last of them did, ms: only connections older than this are moved. */
  readonly since: number;
  /** When to go on, ms. */
  readonly nextAt: number;
  /** Set when moving begins. */
  readonly plan: {
    /** Connections to move, at most. */
    readonly count: number;
    /** `moved` at its beginning. */
    readonly movedBefore: number;
    readonly endsAt: number;
  } | null;
};

export type RebalanceEffect =
  /** `count` of `sessions` are to move to `returned`, in about `durationMs`. */
  | {
      readonly kind: 'begin';
      readonly count: number;
      readonly sessions: number;
      readonly returned: readonly number[];
      readonly durationMs: number;
    }
  /** End one connection of `server` accepted before `acceptedBefore`, if it still has more than `keep`. */
  | {
      readonly kind: 'move';
      readonly server: number;
      readonly keep: number;
      readonly acceptedBefore: number;
    }
  | { readonly kind: 'end'; readonly count: number; readonly moved: number };

export type RebalanceInput = {
  readonly servers: readonly RebalanceServer[];
  /** Connections that orders have ended in this backend so far. */
  readonly moved: number;
  /** ms, monotonic. */
  readonly now: number;
  /** 0 up to, but without, 1. */
  readonly random: number;
};

/** Fewer hurt no server where they are; to move them would only cost their clients. */
const MOVES_MIN = 5;
/** A run ends then, with whatever it did not move: connections that never pause stay. */
const RUN_MS_MAX = 3_600_000;
/** How often a server that warms up is looked at. */
const WARMING_LOOK_MS = 1000;

export const REBALANCE_START: RebalanceState = { usable: [], run: null };

/** Connections a server should have at most: rounded up, so that all of them together have room. */
function fairShares(servers: readonly RebalanceServer[]): readonly number[] {
  const active = servers.filter(takesPart);
  const weights = active.reduce((sum, { weight }) => sum + weight, 0);
  const sessions = active.reduce((sum, server) => sum + server.sessions, 0);
  return servers.map((server) =>
    takesPart(server) ? Math.ceil((sessions * server.weight) / weights) : 0,
  );
}

function takesPart({ usable, backup, weight }: RebalanceServer): boolean {
  return usable && !backup && weight > 0;
}

type Imbalance = {
  /** The server furthest above its share, and that share; null: none is above. */
  readonly fullest: { readonly server: number; readonly share: number } | null;
  /** Connections that have to move and find room where there are too few. */
  readonly count: number;
};

function measure(servers: readonly RebalanceServer[]): Imbalance {
  let fullest: Imbalance['fullest'] = null;
  let most = 0;
  let above = 0;
  let room = 0;
  for (const [index, share] of fairShares(servers).entries()) {
    const server = servers[index];
    if (server === undefined || !takesPart(server)) continue;
    const { sessions, sessionsMax } = server;
    const excess = Math.max(0, sessions - share);
    above += excess;
    room += Math.max(0, Math.min(share, sessionsMax || share) - sessions);
    if (excess > most) {
      most = excess;
      fullest = { server: index, share };
    }
  }
  return { fullest, count: Math.min(above, room) };
}

/** What is known now; `run` begins anew when a server returns. */
function notice(
  state: RebalanceState,
  { servers, now, random }: RebalanceInput,
  { afterMs }: RebalanceSettings,
): Run | null {
  const returned = servers.flatMap((server, index) =>
    takesPart(server) && state.usable[index] === false ? [index] : [],
  );
  if (returned.length === 0) return state.run;
  const earlier = (state.run?.returned ?? []).filter(
    (index) => servers[index]?.usable === true && !returned.includes(index),
  );
  return {
    returned: [...earlier, ...returned],
    since: now,
    nextAt: now + afterMs * (1 + random / 2),
    plan: null,
  };
}

/** Call it when `wakeAt` (ms) is reached and whenever servers may have changed; null: nothing is due. */
export function stepRebalance(
  state: RebalanceState,
  input: RebalanceInput,
  settings: RebalanceSettings,
): {
  readonly state: RebalanceState;
  readonly effects: readonly RebalanceEffect[];
  readonly wakeAt: number | null;
} {
  assert(settings.ratePerS > 0, 'a rebalance has a rate');
  const usable = input.servers.map(takesPart);
  const run = notice(state, input, settings);
  if (run === null) return { state: { usable, run }, effects: [], wakeAt: null };
  if (input.now < run.nextAt) return { state: { usable, run }, effects: [], wakeAt: run.nextAt };
  const { run: next, effects } = proceed(run, input, settings);
  return { state: { usable, run: next }, effects, wakeAt: next?.nextAt ?? null };
}

function proceed(
  run: Run,
  { servers, moved, now, random }: RebalanceInput,
  { ratePerS }: RebalanceSettings,
): { readonly run: Run | null; readonly effects: readonly RebalanceEffect[] } {
  if (servers.some((server) => takesPart(server) && server.warming)) {
    return { run: { ...run, nextAt: now + WARMING_LOOK_MS }, effects: [] };
  }
  const { fullest, count } = measure(servers);
  const pauseMs = 1000 / ratePerS;
  const begins = run.plan === null;
  const plan = run.plan ?? { count, movedBefore: moved, endsAt: now + RUN_MS_MAX };
  const done = moved - plan.movedBefore;
  const settled = count < (begins ? MOVES_MIN : 1);
  if (settled || fullest === null || done >= plan.count || now >= plan.endsAt) {
    return { run: null, effects: begins ? [] : [{ kind: 'end', count: plan.count, moved: done }] };
  }
  const effects: RebalanceEffect[] = [];
  if (begins) {
    const active = servers.filter(takesPart);
    const sessions = active.reduce((sum, server) => sum + server.sessions, 0);
    const durationMs = count * pauseMs * 1.5;
    effects.push({ kind: 'begin', count, sessions, returned: run.returned, durationMs });
  }
  const { server, share: keep } = fullest;
  effects.push({ kind: 'move', server, keep, acceptedBefore: run.since });
  return { run: { ...run, plan, nextAt: now + pauseMs * (1 + random) }, effects };
}
