/**
 * The narrow interface behind which a node finds out who owns which VIP, and why. Today VRRP implements
 * it; leases or a router daemon may later. The implementation also puts the address on the interface and
 * takes it away, because ownership and address must never part.
 */

import type { VrrpConfig } from '../config/model/vrrp.ts';
import type { InstanceStatus } from '../stats/status.ts';

export type ElectionEvent =
  | {
      readonly kind: 'transition';
      readonly instance: string;
      readonly from: InstanceStatus['state'];
      readonly to: InstanceStatus['state'];
      /** In words, for the log. */
      readonly why: string;
      /** The effective priority now. */
      readonly priority: number;
    }
  /** The effective priority has changed, the state has not; only where the configuration asks for it. */
  | {
      readonly kind: 'priority';
      readonly instance: string;
      readonly state: 'master' | 'backup';
      readonly priority: number;
    }
  /** A master hears one of lower priority; told once a second at most. */
  | { readonly kind: 'rival'; readonly instance: string; readonly priority: number }
  /** All members of a sync group are in that state, or one is in fault. */
  | { readonly kind: 'group'; readonly group: string; readonly to: InstanceStatus['state'] }
  | { readonly kind: 'warning'; readonly text: string }
  /** Told once; addresses are already released as far as possible. */
  | { readonly kind: 'failed'; readonly text: string };

/** What tracking says about one instance: arithmetic of scripts, the balancer, later interfaces. */
export type TrackingVerdict = {
  /** Added to the configured priority, then clamped to 1..254 (255 is immutable). */
  readonly priorityDelta: number;
  /** Reasons to be in FAULT; empty: none. */
  readonly faults: readonly string[];
};

export interface Election {
  /** Takes effect within a few milliseconds; for an instance that a reload has ended it has none. */
  track(instance: string, verdict: TrackingVerdict): void;
  status(): readonly InstanceStatus[];
  /**
   * Goes on by another configuration: instances that stay keep their state, what they hold and what they
   * know; the others end with priority 0, and new ones begin as backups. Rejects with OperationalError, with
   * nothing changed, when this machine cannot carry it.
   */
  reload(config: VrrpConfig): Promise<void>;
  /**
   * true: gives all addresses to other nodes and takes none until `false`, also over reloads. Resolves within
   * about a second. Rejects with OperationalError 'refused' when nobody follows, or another call is under way;
   * the node is not drained then.
   */
  setDrained(drained: boolean): Promise<void>;
  /** Priority 0 on the wire, addresses gone, sockets closed; resolves when done, at most 2.5 s later. */
  stop(): Promise<void>;
}
