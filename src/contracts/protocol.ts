/**
 * Messages between guardian and balancer, one line of JSON each, over a socketpair. The direction is in the name.
 * What a balancer may say is held against protocol-table.ts. Descriptors do not travel here: the balancer inherits
 * them when it is started, and those of a reload come over a channel of their own (linux/descriptor-channel.ts),
 * sent before the message that names them.
 */

import type { BalancerConfig } from '../config/model/config.ts';
import type { Identity } from '../core/identity.ts';
import type { AdminState, ServerStateRecord } from '../health/server-state.ts';
import type { NodeFacts } from '../stats/node-facts.ts';
import type { BalancerReport } from '../stats/status.ts';
import type { PlaneGrant } from './data-plane.ts';
import type { InheritedListener } from './listeners.ts';

/** Where a balancer finds its end; 0 to 2 are the standard streams, inherited sockets follow. */
export const GUARDIAN_FD = 3;

export type GuardianToBalancer =
  | {
      readonly kind: 'start';
      readonly config: BalancerConfig;
      readonly listeners: readonly InheritedListener[];
      /** For the data plane, from its half in the guardian. */
      readonly grant: PlaneGrant;
      /** What it is to become once all is open; null: it stays as it is. */
      readonly identity: Identity | null;
      readonly beatFd: number;
      /** Its end of the channel that later listeners come over. */
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
  /** One line for the log of `evergate run`. */
  | {
      readonly kind: 'log';
      readonly level: 'info' | 'warning' | 'error';
      readonly text: string;
    }
  /** Cannot serve; ends right after. */
  | { readonly kind: 'failed'; readonly text: string };
