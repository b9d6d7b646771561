/**
 * The narrow interface behind which a node finds out who owns which VIP, and why. Today VRRP implements
 * it; leases or a router daemon may later. The implementation also puts the address on the interface and
 * takes it away, by what src/address/ has for that, because ownership and address must never part.
 */

import type { Config } from '../config/model/config.ts';
import type { ElectionConfig } from '../config/model/election.ts';
import type { InstanceStatus } from '../stats/status.ts';

/** What an instance knew when it changed its state; what is absent an election does not know, or nobody. */
export type DecisionFacts = {
  /** Address of who was last heard as the owner, or is heard now and is better. */
  readonly heardFrom?: string;
  /** ms before the decision */
  readonly heardAgoMs?: number;
  /** 0: it left. */
  readonly heardPriority?: number;
  /** ms that an owner may be silent before this node takes over. */
  readonly patienceMs?: number;
  /** ms from the last word of an owner that fell silent; clients had nobody for so long at most. */
  readonly gapMs?: number;
  /** Why it is in FAULT; absent: nothing is wrong. */
  readonly faults?: readonly string[];
  /** Absent: it is not. */
  readonly drained?: boolean;
};

export type ElectionEvent =
  | {
      readonly kind: 'transition';
      readonly instance: string;
      readonly from: InstanceStatus['state'];
      readonly to: InstanceStatus['state'];
      /** In words, for the log. */
      readonly why: string;
      /** The effective priority now; 0 in an election without priorities. */
      readonly priority: number;
      readonly facts: DecisionFacts;
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
  /** The node's own address has moved: where a configuration finds interfaces by address, it is to be read again. */
  | {
      readonly kind: 'own-address-moved';
      readonly instance: string;
      readonly from: string;
      readonly to: string;
    }
  /** This sender signs what it says with a time too far from its clock, or from ours: see learnClock(). */
  | { readonly kind: 'clock-doubt'; readonly address: string }
  /** Its loop turns: told once a second at least, as long as it does. */
  | { readonly kind: 'alive' }
  /** All members of a sync group are in that state, or one is in fault. */
  | { readonly kind: 'group'; readonly group: string; readonly to: InstanceStatus['state'] }
  | { readonly kind: 'warning'; readonly text: string }
  /** Told once; addresses are already released as far as possible. */
  | { readonly kind: 'failed'; readonly text: string };

/** What tracking says about one instance: arithmetic of scripts, the balancer, later interfaces. */
export type TrackingVerdict = {
  /**
   * How much more or less than configured this node is to own the VIP. VRRP adds it to the priority, then
   * clamps to 1..254 (255 is immutable); an election without priorities may leave it aside.
   */
  readonly priorityDelta: number;
  /** Reasons to be in FAULT; empty: none. */
  readonly faults: readonly string[];
};

/** An election's section of a configuration. What only that election understands stays inside. */
export interface ElectionSection {
  /** What every election has: tracking and news go by it. */
  readonly config: ElectionConfig;
  /** ms from an owner's last sign of life on: by then another node has taken over, if there is one. */
  readonly heldMsMax: number;
  /** The same, but who goes by it has others wait for seconds after an owner's last sign of life. */
  patient(): ElectionSection;
  /** URL of the module with `openEstate` and `vigilOf` (address/estate.ts), which the reaper calls. */
  readonly estateModule: string;
  /** What they are given; plain data, as JSON takes it. */
  estate(mastershipFile: string): unknown;
}

/** What a node needs to run whatever election its configuration asks for. */
export interface Elections {
  /** null: the configuration asks for none. */
  sectionOf(config: Config): ElectionSection | null;
  /**
   * Resolves when the election takes part. `section`: of sectionOf(). `mastershipFile`: where it notes what it
   * owns (address/mastership.ts); it outlives the process. `takeOver`: called once, when everything else is ready
   * and before an address or the file is touched; it resolves when nobody keeps what an earlier process has left
   * any more, so that the lifetime of addresses that are to go on is renewed until then. Rejects with
   * OperationalError, also that of `takeOver`, with nothing left behind.
   */
  start(
    section: ElectionSection,
    mastershipFile: string,
    onEvent: (event: ElectionEvent) => void,
    takeOver: () => Promise<void>,
  ): Promise<Election>;
}

export interface Election {
  /** Takes effect within a few milliseconds; for an instance that a reload has ended it has none. */
  track(instance: string, verdict: TrackingVerdict): void;
  status(): readonly InstanceStatus[];
  /**
   * What the node at these addresses signs is held against its own clock from now on, whatever ours says: its UTC less
   * this machine's time since boot (linux/clock.ts), in ms. An election that looks at no clock leaves it aside.
   */
  learnClock(addresses: readonly string[], utcLessBootMs: number): void;
  /**
   * Goes on by another section of the same election: instances that stay keep their state, what they hold and
   * what they know; the others give up what they hold, and new ones begin as backups. Rejects with
   * OperationalError, with nothing changed, when this machine cannot carry it.
   */
  reload(section: ElectionSection): Promise<void>;
  /**
   * true: gives all addresses to other nodes and takes none until `false`, also over reloads. Resolves within
   * about a second. Rejects with OperationalError 'refused' when nobody follows, or another call is under way;
   * the node is not drained then.
   */
  setDrained(drained: boolean): Promise<void>;
  /** Others may own the addresses at once, none is left here; resolves when done, at most 2.5 s later. */
  stop(): Promise<void>;
}
