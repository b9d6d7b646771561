/**
 * Messages between guardian and balancer, and guardian and checker, one line of JSON each, over a socketpair. The
 * direction is in the name. What a balancer and a checker may say is held against protocol-table.ts. Descriptors do not travel here: the balancer inherits
 * them when it is started, and those of a reload come over a channel of their own (linux/descriptor-channel.ts),
 * sent before the message that names them.
 */

import type { BalancerConfig } from '../config/model/config.ts';
import type { Identity } from '../core/identity.ts';
import type { ApartCheck } from '../health/apart.ts';
import type { AdminState, CheckResult, ServerStateRecord } from '../health/server-state.ts';
import type { NodeFacts } from '../stats/node-facts.ts';
import type { BalancerReport } from '../stats/status.ts';
import type { PlaneGrant } from './data-plane.ts';
import type { ServerDetail } from './events.ts';
import type { InheritedListener } from './listeners.ts';

/** Where a balancer, or a checker, finds its end; 0 to 2 are the standard streams, inherited sockets follow. */
export const GUARDIAN_FD = 3;

export type GuardianToBalancer =
  | {
      readonly kind: 'start';
      readonly config: BalancerConfig;
      /** They come over the channel, in this order. */
      readonly listeners: readonly Pick<InheritedListener, 'id' | 'purpose'>[];
      /** For the data plane, from its half in the guardian. */
      readonly grant: PlaneGrant;
      /** What it is to become once all is open; null: it stays as it is. */
      readonly identity: Identity | null;
      readonly beatFd: number;
      /** Its end of the channel that listeners come over. */
      readonly channelFd: number;
      /** A spare gets everything ready and waits for 'activate'. */
      readonly standby: boolean;
      /** Where the previous balancer left the servers; empty at the first start. */
      readonly servers: readonly ServerStateRecord[];
      /** How long to go on without a guardian: longer than the VIP does. */
      readonly orphanMs: number;
    }
  /** Take over from a balancer that is gone. */
  | { readonly kind: 'activate'; readonly servers: readonly ServerStateRecord[] }
  /** Go on by another configuration. Listeners that are not named any more are to be closed. */
  | {
      readonly kind: 'reload';
      readonly id: number;
      readonly config: BalancerConfig;
      readonly listeners: readonly Pick<InheritedListener, 'id' | 'purpose'>[];
      /** Ids of those that come over the channel, in their order there. */
      readonly fresh: readonly number[];
    }
  /** What came of an 'ask-reload', for whoever asked. */
  | { readonly kind: 'reload-told'; readonly id: number; readonly text: string }
  | { readonly kind: 'report'; readonly id: number }
  /** What the guardian knows, about once a second, for the metrics. */
  | { readonly kind: 'facts'; readonly facts: NodeFacts }
  | {
      readonly kind: 'set-server';
      readonly id: number;
      readonly backend: string;
      readonly server: string;
      readonly admin: AdminState;
    }
  /** What came of a 'check'; null: there was nobody to run it. */
  | { readonly kind: 'checked'; readonly id: number; readonly result: CheckResult | null }
  /** Another serves in its place: let go of what listens, and end with the last connection, whenever that is. */
  | { readonly kind: 'retire' }
  /** Finish: stop accepting, give open connections `graceMs`, then end. */
  | { readonly kind: 'stop'; readonly graceMs: number };

export type BalancerToGuardian =
  /** A spare is ready to take over. */
  | { readonly kind: 'prepared' }
  /** Relays accept and privileges are dropped. */
  | { readonly kind: 'serving' }
  /** Sent on every change, so that a successor can take over. */
  | { readonly kind: 'servers'; readonly servers: readonly ServerStateRecord[] }
  /** `error`: nothing has changed. `ended`: sessions that the new configuration does not allow. */
  | {
      readonly kind: 'reload';
      readonly id: number;
      readonly error: string | null;
      readonly ended: number;
    }
  /** Somebody on the runtime socket wants the files to be read again. */
  | { readonly kind: 'ask-reload'; readonly id: number }
  | { readonly kind: 'report'; readonly id: number; readonly report: BalancerReport }
  | { readonly kind: 'set-server'; readonly id: number; readonly error: string | null }
  /** Has a check run that needs a secret; one of a server at a time. */
  | {
      readonly kind: 'check';
      readonly id: number;
      readonly backend: string;
      readonly server: string;
      /** Where the server is now; it counts only where the server has to prove who it is. */
      readonly host: string;
      readonly port: number;
    }
  /** What such a check keeps for the next one is not needed for a while. */
  | { readonly kind: 'end-check'; readonly backend: string; readonly server: string }
  /** One line for the log of `evergate run`. */
  | {
      readonly kind: 'log';
      readonly level: 'info' | 'warning' | 'error';
      readonly text: string;
      /** Of an event for the timeline. */
      readonly detail?: ServerDetail;
    }
  /** Cannot serve; ends right after. */
  | { readonly kind: 'failed'; readonly text: string };

/** The checker runs checks that need a secret (health/apart.ts); it is told of all whenever they change. */
export type GuardianToChecker =
  | {
      readonly kind: 'checks';
      readonly checks: readonly ApartCheck[];
      /** What it is to become, the first time; null: it stays as it is. */
      readonly identity: Identity | null;
    }
  | Extract<BalancerToGuardian, { readonly kind: 'check' | 'end-check' }>;

export type CheckerToGuardian =
  /** It has no rights any more, and runs what it is told to. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'checked'; readonly id: number; readonly result: CheckResult }
  | Extract<BalancerToGuardian, { readonly kind: 'log' | 'failed' }>;
