/** Messages between the balancer's main thread and a relay thread. The direction is in the name. */

import type { TrafficSnapshot } from '../../balance/snapshot.ts';
import type { BalancerConfig } from '../../config/model/config.ts';

/** A listening socket this relay accepts from. */
export type RelayListener = {
  readonly fd: number;
  /** The frontend's index in the configuration. */
  readonly frontend: number;
};

/** The first message to a relay thread: it waits for nothing else. */
export type RelayStart = {
  readonly config: BalancerConfig;
  /** This relay's number, 0..LOOPS_MAX-1. */
  readonly relay: number;
  readonly listeners: readonly RelayListener[];
  /** Whether to accept from the start; otherwise 'accept' says when. */
  readonly accepting: boolean;
  /** Nobody waits for it to be ready. */
  readonly standby: boolean;
  readonly snapshot: TrafficSnapshot;
  readonly beatFd: number;
  readonly filesMax: number;
  /** Counters of all relays; this one writes only counters[relay]. */
  readonly counters: readonly Float64Array[];
  /** Memory of the backends' stick tables, common to all relays, by index; null: the backend has none. */
  readonly sticks: readonly (SharedArrayBuffer | null)[];
  /** Memory of the source tables, by index and then by relay; each relay writes only its own. */
  readonly tables: readonly (readonly SharedArrayBuffer[])[];
  /** eventfd that says messages wait. */
  readonly wakeFd: number;
  /** performance.timeOrigin of the main thread: all monotonic times count from there. */
  readonly timeOrigin: number;
};

/** A new configuration for a relay at work. */
export type RelayOrder = Pick<
  RelayStart,
  'config' | 'listeners' | 'snapshot' | 'counters' | 'sticks' | 'tables'
>;

export type MainToRelay =
  | { readonly kind: 'snapshot'; readonly snapshot: TrafficSnapshot }
  | {
      readonly kind: 'shutdown-sessions';
      readonly backend: string;
      readonly server: string;
    }
  /** End one session of a server that has more than `keep`, so that its client comes back elsewhere. */
  | {
      readonly kind: 'move-session';
      readonly backend: number;
      readonly server: number;
      readonly keep: number;
      /** ms on the common clock. */
      readonly acceptedBefore: number;
    }
  /** Goes on by another configuration; everything of the old one has gone when it answers. */
  | ({ readonly kind: 'reconfigure' } & RelayOrder)
  /** Accepts from these from now on, and from no others. */
  | { readonly kind: 'relisten'; readonly listeners: readonly RelayListener[] }
  /** `all`: what was counted as well as peaks; what there is at the moment stays. */
  | { readonly kind: 'clear-counters'; readonly all: boolean }
  /** The process has become another account; answered, once the rights that are not needed are gone. */
  | { readonly kind: 'settle-rights' }
  | { readonly kind: 'accept' }
  /** Answered, once nothing is accepted any more. */
  | { readonly kind: 'pause' }
  | { readonly kind: 'stop' };

export type RelayToMain =
  /** The loop turns. */
  | { readonly kind: 'ready' }
  /** `ended`: sessions that the new configuration does not allow. */
  | { readonly kind: 'reconfigured'; readonly ended: number }
  | { readonly kind: 'counters-cleared' }
  | { readonly kind: 'rights-settled' }
  | { readonly kind: 'paused' }
  | {
      readonly kind: 'connect-failed';
      readonly backend: string;
      readonly server: string;
      readonly reason: string;
    };
