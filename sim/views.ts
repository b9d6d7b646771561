/**
 * What the parts of a simulated world see of each other: nodes act in the world, the checker watches both. So
 * each part's file imports this one, and none that imports it.
 */

import type { Random } from '../src/core/random.ts';
import type {
  MachineConfig,
  MachineEffect,
  MachineEvent,
  MachineState,
} from '../src/vrrp/machine.ts';
import type { Clock } from './clock.ts';
import type { Network } from './network.ts';
import type { Rule } from './rules.ts';
import type { Settings } from './settings.ts';
import type { Wire } from './wire.ts';

export type Process = 'none' | 'running' | 'frozen';

export interface NodeView {
  readonly index: number;
  readonly wire: Wire;
  readonly clock: Clock;
  readonly config: MachineConfig;
  readonly state: MachineState;
  readonly process: Process;
  readonly startedAt: number;
  /** False: no electricity, or suspended: the machine is not on the network. */
  readonly online: boolean;
  /** The kernel's truth. */
  readonly kernelHolds: boolean;
  /** What the process believes. */
  readonly held: boolean;
  /** Takes part in the election, as far as its process and machine go. */
  readonly isUp: boolean;
  /** Up, past its probe, and nothing tracked keeps it out; drained or not. */
  readonly isCandidate: boolean;
  /** A candidate that is not drained. */
  readonly isEligible: boolean;
  /** Has said priority 0, and waits for its successor. */
  readonly isLeaving: boolean;
  /** Its process was killed, and the address waits for a successor. */
  readonly isReaped: boolean;
  /** In its sockets, unread. */
  readonly waiting: { readonly packets: number; readonly claims: number };
}

/** What is told to the checker, and asked of it by the rules that have a file of their own. */
export interface CheckerView {
  readonly disturbedAt: number;
  count(rule: Rule): void;
  fail(rule: Rule, text: string): never;
  onDisturbance(what: string, changed?: NodeView | null): void;
  onReleased(node: NodeView): void;
  onRefused(node: NodeView, by: string): void;
  onProcess(node: NodeView): void;
  onReaper(node: NodeView): void;
  onReaperKilled(node: NodeView): void;
  onAddress(node: NodeView, why: string): void;
  onTransition(node: NodeView, effect: Extract<MachineEffect, { kind: 'transition' }>): void;
  onStep(
    node: NodeView,
    before: MachineState,
    event: MachineEvent,
    effects: readonly MachineEffect[],
    now: number,
  ): void;
}

export interface WorldView {
  readonly settings: Settings;
  readonly random: Random;
  readonly network: Network;
  readonly checker: CheckerView;
  readonly nodes: readonly NodeView[];
  readonly reapersHear: boolean;
  readonly now: number;
  /** After the scheduler's lag. */
  soon(): number;
  lagged(at: number): number;
  drawRate(): number;
  drawLifetimeMs(seconds: number): number;
  plan(at: number, run: () => void): void;
  broadcastAdvert(node: NodeView, priority: number): void;
  broadcastArp(node: NodeView, kind: 'announce' | 'probe'): void;
  trace(text: string): void;
}
