/**
 * What a balancer process does when: a pure machine that run-balancer.ts drives.
 *
 * It waits for 'start', prepares, and serves at once or, as a spare, when it is called. What takes time is a
 * task; tasks are done one after the other, in the order in which the guardian asked for them. Its end is
 * decided once: by 'stop', by a failure, or by the loss of the guardian, which a spare follows at once and an
 * active balancer after a while, or as soon as another serves in its place (docs/adr/0010). Whatever comes
 * after that is too late and without effect.
 */

import type { GuardianToBalancer } from '../contracts/protocol.ts';
import { assert, unreachable } from '../core/assert.ts';
import type { ServerStateRecord } from '../health/server-state.ts';

export type StartMessage = Extract<GuardianToBalancer, { readonly kind: 'start' }>;
export type ReloadMessage = Extract<GuardianToBalancer, { readonly kind: 'reload' }>;

/** What the guardian says about this process's life; everything else it says is a question or news. */
export type LifecycleMessage = Extract<
  GuardianToBalancer,
  { readonly kind: 'start' | 'activate' | 'reload' | 'retire' | 'stop' }
>;

/**
 * `waiting`: for 'start'. `spare`: gets ready, or is. `active`: serves, or will as soon as it is ready.
 * `orphaned`: active, and the guardian is gone. `ending`: only the end of the process is left.
 */
export type LifecyclePhase = 'waiting' | 'spare' | 'active' | 'orphaned' | 'ending';

export type LifecycleTask =
  | { readonly kind: 'prepare' }
  | { readonly kind: 'activate'; readonly servers: readonly ServerStateRecord[] }
  | { readonly kind: 'reload'; readonly message: ReloadMessage };

export type LifecycleState = {
  readonly phase: LifecyclePhase;
  /** The first is under way. */
  readonly tasks: readonly LifecycleTask[];
  /** How long to serve without a guardian, ms. */
  readonly orphanMs: number;
};

export type LifecycleEvent =
  | LifecycleMessage
  /** The task under way is done. */
  | { readonly kind: 'task-done' }
  /** A task, the data plane, or this program: there is no going on. */
  | { readonly kind: 'failed'; readonly text: string }
  | { readonly kind: 'guardian-gone' }
  | { readonly kind: 'orphan-time-over' }
  /** SIGTERM, by which another balancer tells an orphan that it serves now. */
  | { readonly kind: 'terminated' }
  /** What 'stop' or 'retire' began is over. */
  | { readonly kind: 'stopped'; readonly clean: boolean };

export type LifecycleEffect =
  | { readonly kind: 'create'; readonly message: StartMessage }
  /** Ends in a 'task-done' or 'failed'. */
  | { readonly kind: 'carry-out'; readonly task: LifecycleTask }
  | { readonly kind: 'tell'; readonly what: 'prepared' | 'serving' }
  | { readonly kind: 'take-title' }
  | { readonly kind: 'start-orphan-time'; readonly ms: number }
  | { readonly kind: 'end-orphan-time' }
  /** Ends in a 'stopped'. */
  | { readonly kind: 'stop'; readonly graceMs: number }
  /** As 'stop', but connections may take as long as they want. `closes`: what listens is let go of at once. */
  | { readonly kind: 'retire'; readonly closes: boolean }
  /** Says so to the guardian and exits with 1; what can still be closed is closed. */
  | { readonly kind: 'give-up'; readonly text: string }
  | { readonly kind: 'exit'; readonly code: number };

export type LifecycleStep = {
  readonly state: LifecycleState;
  readonly effects: readonly LifecycleEffect[];
};

export const LIFECYCLE_START: LifecycleState = { phase: 'waiting', tasks: [], orphanMs: 0 };

export function lifecycleStep(state: LifecycleState, event: LifecycleEvent): LifecycleStep {
  const nothing: LifecycleStep = { state, effects: [] };
  if (state.phase === 'ending')
    return event.kind === 'stopped' ? exit(state, event.clean) : nothing;
  switch (event.kind) {
    case 'start':
      return onStart(state, event);
    case 'activate':
      assert(state.phase === 'spare', 'only a spare is activated');
      return activate(state, event.servers);
    case 'reload':
      assert(state.phase !== 'waiting', 'a balancer is started before it is reloaded');
      return enqueue(state, { kind: 'reload', message: event });
    case 'task-done':
      return onTaskDone(state);
    case 'failed':
      return end(state, [{ kind: 'give-up', text: event.text }]);
    case 'retire':
      assert(state.phase === 'active', 'only one that serves retires');
      return end(state, [{ kind: 'retire', closes: true }]);
    case 'stop':
      return stop(state, event.graceMs);
    case 'guardian-gone':
      return onGuardianGone(state);
    case 'orphan-time-over':
      assert(state.phase === 'orphaned', 'only an orphan has a time to go on');
      return stop(state, 0);
    case 'terminated':
      // A guardian that lives decides by itself.
      if (state.phase !== 'orphaned') return nothing;
      return end(state, [{ kind: 'end-orphan-time' }, { kind: 'retire', closes: false }]);
    case 'stopped':
      throw new Error('Broken invariant: only what ends has stopped');
    default:
      return unreachable(event);
  }
}

function onStart(state: LifecycleState, message: StartMessage): LifecycleStep {
  assert(state.phase === 'waiting', 'a balancer is started once');
  const { standby, orphanMs, servers } = message;
  const task: LifecycleTask = { kind: 'prepare' };
  const begun: LifecycleState = { phase: 'spare', tasks: [task], orphanMs };
  const next = standby ? { state: begun, effects: [] } : activate(begun, servers);
  return {
    state: next.state,
    effects: [{ kind: 'create', message }, { kind: 'carry-out', task }, ...next.effects],
  };
}

/** A spare may be called before it is ready: it is still ahead of a new process. */
function activate(state: LifecycleState, servers: readonly ServerStateRecord[]): LifecycleStep {
  const next = enqueue({ ...state, phase: 'active' }, { kind: 'activate', servers });
  return { ...next, effects: [{ kind: 'take-title' }, ...next.effects] };
}

function onTaskDone(state: LifecycleState): LifecycleStep {
  const [done, ...tasks] = state.tasks;
  assert(done !== undefined, 'a task that is done was under way');
  const effects: LifecycleEffect[] = [];
  if (done.kind === 'prepare' && state.phase === 'spare') {
    effects.push({ kind: 'tell', what: 'prepared' });
  }
  if (done.kind === 'activate') effects.push({ kind: 'tell', what: 'serving' });
  const [task] = tasks;
  if (task !== undefined) effects.push({ kind: 'carry-out', task });
  return { state: { ...state, tasks }, effects };
}

function onGuardianGone(state: LifecycleState): LifecycleStep {
  assert(state.phase !== 'orphaned', 'a guardian goes once');
  // A spare serves nobody, and has nothing to finish. An active balancer goes on, so that the VIP is of use
  // until a backup has it or a restarted guardian takes both over.
  if (state.phase !== 'active') return { state, effects: [{ kind: 'exit', code: 0 }] };
  return {
    state: { ...state, phase: 'orphaned' },
    effects: [{ kind: 'start-orphan-time', ms: state.orphanMs }],
  };
}

function stop(state: LifecycleState, graceMs: number): LifecycleStep {
  const nothing = state.phase === 'waiting';
  return end(state, [nothing ? { kind: 'exit', code: 0 } : { kind: 'stop', graceMs }]);
}

/** Nothing but the end comes now: tasks that have not begun never do. */
function end(state: LifecycleState, effects: readonly LifecycleEffect[]): LifecycleStep {
  return { state: { ...state, phase: 'ending' }, effects };
}

function exit(state: LifecycleState, clean: boolean): LifecycleStep {
  return { state, effects: [{ kind: 'exit', code: clean ? 0 : 1 }] };
}

function enqueue(state: LifecycleState, task: LifecycleTask): LifecycleStep {
  const idle = state.tasks.length === 0;
  return {
    state: { ...state, tasks: [...state.tasks, task] },
    effects: idle ? [{ kind: 'carry-out', task }] : [],
  };
}
