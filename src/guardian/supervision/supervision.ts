/**
 * When a balancer is started, replaced, given up: a pure machine that the supervisor drives.
 *
 * A balancer that ends is replaced at once; one that keeps failing before it ever serves is replaced after
 * growing pauses. "Serving" outlives a balancer by the grace period, so that a quick replacement moves no
 * VIP; when nobody serves again within it, the node stops counting as one that can balance. It does so at once
 * when there is no spare that there is to be, or it ends without serving: a new one takes a fifth of a second
 * at best, every connection is lost already, and another node has the VIP sooner (docs/adr/0011).
 */

import { unreachable } from '../../core/assert.ts';

export type SupervisionPhase = 'starting' | 'serving' | 'restarting' | 'failed' | 'stopping';

export type SupervisionState = {
  readonly phase: SupervisionPhase;
  /** When the balancer of now was started; monotonic ms. */
  readonly startedAt: number;
  /** When the pause before the next start is over; null: no start is pending. */
  readonly restartAt: number | null;
  /** When the last one stopped serving; null: it serves, or none ever did. */
  readonly servingLostAt: number | null;
  /** What tracking is told: this node balances. */
  readonly counted: boolean;
  readonly everServed: boolean;
  readonly restarts: number;
  /** Starts in a row that ended before serving. */
  readonly failedStarts: number;
  /** Starts since the last that served which took too long: a machine may be that slow, and the next one has longer. */
  readonly lateStarts: number;
  readonly lastExit: string | null;
};

/** It said itself that it cannot go on, or it broke the protocol. */
export type EndFault = 'failed' | 'breach';

export type SupervisionEvent =
  | { readonly kind: 'serving' }
  /** `alone`: there is to be a spare, and there is none. `fault`: absent where it was killed, for instance. */
  | {
      readonly kind: 'ended';
      readonly why: string;
      readonly alone?: boolean;
      readonly fault?: EndFault;
    }
  /** Its beats stopped: it must be killed; `ended` follows. */
  | { readonly kind: 'hung'; readonly why: string }
  | { readonly kind: 'tick' }
  | { readonly kind: 'stop' };

export type SupervisionEffect =
  | { readonly kind: 'spawn' }
  | { readonly kind: 'kill'; readonly why: string }
  /** What balancers have told of the servers is not passed on: they begin as the configuration says. */
  | { readonly kind: 'forget-servers'; readonly why: string }
  | { readonly kind: 'count'; readonly serving: boolean; readonly why: string };

export type SupervisionTimes = {
  /** A balancer may be gone this long before the node stops counting as serving. */
  readonly graceMs: number;
  /** A start that takes longer has failed; after late ones it has longer, LATE_FACTOR_MAX times as long at most. */
  readonly startMs: number;
};

/** Pauses before the 1st, 2nd ... start after one that never served; the last goes on. */
const RESTART_PAUSES_MS = [0, 0, 100, 200, 500, 1000, 2000] as const;

/** A machine that is busy for long, as at its boot, would have none of its balancers come to serve. */
const LATE_FACTOR_MAX = 8;

export type SupervisionStep = {
  readonly state: SupervisionState;
  readonly effects: readonly SupervisionEffect[];
};

/** `counted`: this node balances already, by a balancer of an earlier guardian. */
export function startSupervision(now: number, counted: boolean): SupervisionStep {
  return {
    state: {
      phase: 'starting',
      startedAt: now,
      restartAt: null,
      servingLostAt: null,
      counted,
      everServed: false,
      restarts: 0,
      failedStarts: 0,
      lateStarts: 0,
      lastExit: null,
    },
    effects: [{ kind: 'spawn' }],
  };
}

export function superviseStep(
  state: SupervisionState,
  event: SupervisionEvent,
  now: number,
  times: SupervisionTimes,
): SupervisionStep {
  switch (event.kind) {
    case 'serving':
      return onServing(state);
    case 'ended':
      return onEnded(state, event, now);
    case 'hung':
      if (state.phase === 'stopping' || state.restartAt !== null) return { state, effects: [] };
      // It stopped serving when its beats stopped; the grace period runs from here.
      return {
        state: { ...state, servingLostAt: state.servingLostAt ?? now },
        effects: [{ kind: 'kill', why: event.why }],
      };
    case 'tick':
      return onTick(state, now, times);
    case 'stop':
      return { state: { ...state, phase: 'stopping', restartAt: null }, effects: [] };
    default:
      return unreachable(event);
  }
}

function onServing(state: SupervisionState): SupervisionStep {
  if (state.phase === 'stopping') return { state, effects: [] };
  return {
    state: {
      ...state,
      phase: 'serving',
      servingLostAt: null,
      counted: true,
      everServed: true,
      failedStarts: 0,
      lateStarts: 0,
    },
    effects: state.counted ? [] : [{ kind: 'count', serving: true, why: 'The balancer serves' }],
  };
}

function onEnded(
  state: SupervisionState,
  { why, alone = false, fault }: Extract<SupervisionEvent, { readonly kind: 'ended' }>,
  now: number,
): SupervisionStep {
  if (state.phase === 'stopping') return { state: { ...state, lastExit: why }, effects: [] };
  const failedStarts = state.phase === 'serving' ? 0 : state.failedStarts + 1;
  const index = Math.min(failedStarts, RESTART_PAUSES_MS.length - 1);
  const pause = RESTART_PAUSES_MS[index] ?? 0;
  const next: SupervisionState = {
    ...state,
    phase: failedStarts > 1 ? 'failed' : 'restarting',
    lastExit: why,
    failedStarts,
    restarts: state.restarts + 1,
    servingLostAt: state.everServed ? (state.servingLostAt ?? now) : null,
    restartAt: now + pause,
  };
  const step = pause === 0 ? spawn(next, now) : { state: next, effects: [] };
  const effects: SupervisionEffect[] = [];
  const forgets = whyForget(failedStarts, fault);
  if (forgets !== null) effects.push({ kind: 'forget-servers', why: forgets });
  if (!next.counted || (failedStarts === 0 && !alone)) {
    return { ...step, effects: [...effects, ...step.effects] };
  }
  const gaveUp = `No balancer serves, and no spare is there (${why})`;
  effects.push({ kind: 'count', serving: false, why: gaveUp });
  return { state: { ...step.state, counted: false }, effects: [...effects, ...step.effects] };
}

/**
 * State that a successor fails on must not be passed on for ever, and what one said that broke the protocol is
 * worth nothing. One start that somebody else ended, e.g. for want of memory, costs no operator's drain.
 */
function whyForget(failedStarts: number, fault: EndFault | undefined): string | null {
  if (fault === 'breach') return 'the balancer that told it broke the protocol';
  if (failedStarts > 0 && fault === 'failed') return 'a balancer that was to go on with it failed';
  return failedStarts > 1 ? 'balancers that were to go on with it did not come to serve' : null;
}

function onTick(state: SupervisionState, now: number, times: SupervisionTimes): SupervisionStep {
  if (state.phase === 'stopping') return { state, effects: [] };
  const effects: SupervisionEffect[] = [];
  const startMs = times.startMs * Math.min(2 ** state.lateStarts, LATE_FACTOR_MAX);
  let next = state;
  if (next.restartAt !== null && now >= next.restartAt) {
    const spawned = spawn(next, now);
    next = spawned.state;
    effects.push(...spawned.effects);
  } else if (
    next.phase !== 'serving' &&
    next.restartAt === null &&
    now - next.startedAt >= startMs
  ) {
    effects.push({ kind: 'kill', why: `It did not serve within ${startMs} ms` });
    // One kill: the start counts anew until `ended` arrives.
    next = { ...next, startedAt: now, lateStarts: next.lateStarts + 1 };
  }
  if (next.counted && next.servingLostAt !== null && now - next.servingLostAt >= times.graceMs) {
    effects.push({
      kind: 'count',
      serving: false,
      why: `No balancer has served for ${times.graceMs} ms (${next.lastExit ?? 'it hangs'})`,
    });
    next = { ...next, counted: false };
  }
  return { state: next, effects };
}

function spawn(state: SupervisionState, now: number): SupervisionStep {
  return {
    state: { ...state, startedAt: now, restartAt: null },
    effects: [{ kind: 'spawn' }],
  };
}
