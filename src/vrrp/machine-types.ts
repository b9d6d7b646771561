/** What goes into the VRRP machine (vrrp/machine.ts) and what comes out. All times are ms. */

import type { IpAddress } from '../core/ip-address.ts';

/** `leaving`: has said priority 0, and serves on until somebody follows. */
export type Phase = 'initialize' | 'backup' | 'master' | 'leaving' | 'fault';

/** As the outside has it: who leaves is master until it has left. */
export type ToldPhase = Exclude<Phase, 'leaving'>;

/** How often addresses are announced, and when; `repeat` each time. */
export type MachineGarp = {
  /** On promotion, and once more `delayMs` later; 0: not again. */
  readonly repeat: number;
  readonly delayMs: number;
  /** Because of a rival of lower priority, a foreign claim or a lost address, and once more. */
  readonly rivalRepeat: number;
  readonly rivalDelayMs: number;
  /** While master, `refreshRepeat` each time; 0: never. */
  readonly refreshMs: number;
  readonly refreshRepeat: number;
};

export type MachineConfig = {
  readonly version: 2 | 3;
  /** 1..255 */
  readonly priority: number;
  readonly initialState: 'master' | 'backup';
  readonly intervalMs: number;
  readonly preempt: boolean;
  readonly preemptDelayMs: number;
  /** Source of our advertisements, for the tie between equal priorities. */
  readonly address: IpAddress;
  readonly garp: MachineGarp;
  /** Whether an advertisement of a lower priority is answered by one (keepalived: lower_prio_no_advert). */
  readonly answersLower: boolean;
  /** Whether a master that yields advertises once more (keepalived: higher_prio_send_advert). */
  readonly saysFarewell: boolean;
  /** In a sync group (vrrp/sync-group.ts): becomes master only by `follow`. Absent: alone. */
  readonly grouped?: boolean;
};

/** The Master_Down_Timer: how long it runs follows from the kind, so a new priority rescales it. */
export type DownTimer = {
  readonly startedAt: number;
  readonly kind: 'full' | 'skew' | 'none';
  /** Who said priority 0, where that began it. */
  readonly leaver?: IpAddress;
};

export type PlannedGarp = { readonly at: number; readonly count: number };

/** Announcements because of rivals: `answers` in a row, the last one at `at`; `due`: one that waits, null: none. */
export type Defence = {
  readonly answers: number;
  readonly at: number;
  readonly due: PlannedGarp | null;
};

export type Leave = {
  /** Then it goes, whether somebody follows or not. */
  readonly until: number;
  /** `backup`: drained, and master again if nobody follows. `master`: what it left for is over; it stays. */
  readonly to: 'initialize' | 'fault' | 'backup' | 'master';
  readonly why: string;
};

export type MachineState = {
  readonly phase: Phase;
  readonly effectivePriority: number;
  /** Why it is, or would be, in FAULT. */
  readonly faults: readonly string[];
  /** True while the address probe runs: no promotion before its end. */
  readonly held: boolean;
  /** Master_Adver_Interval: v3 backups adopt the master's. */
  readonly masterIntervalMs: number;
  readonly down: DownTimer;
  /** Until then a master of lower priority is left alone; null: none was seen. */
  readonly preemptAt: number | null;
  readonly lastSentAt: number;
  readonly advertAt: number;
  /** Next announcement while master; null: none is planned. */
  readonly nextGarp: PlannedGarp | null;
  readonly defence: Defence;
  /** Who was last taken for the master, and the priority it said; null: nobody. */
  readonly master: {
    readonly address: IpAddress;
    readonly heardAt: number;
    readonly priority?: number;
  } | null;
  readonly transitions: number;
  /** While `leaving`; null otherwise. */
  readonly leave: Leave | null;
  /** Becomes master as the last resort only; while `leaving`: drained if somebody follows, unless it was before. */
  readonly drained: boolean;
  /** A drained one that is master because nobody else is; with `master` and `leaving` only. */
  readonly lastResort: boolean;
};

export type MachineEvent =
  /** `held`: promotions wait for `release`. */
  | { readonly kind: 'start'; readonly held: boolean }
  /**
   * Starts where an earlier process of this node was killed as master: it sent its last advertisement at
   * `sentAt`, and the addresses are still here.
   */
  | { readonly kind: 'resume'; readonly sentAt: number; readonly intervalMs: number }
  | { readonly kind: 'release' }
  | {
      readonly kind: 'advert';
      readonly source: IpAddress;
      readonly priority: number;
      readonly intervalMs: number;
    }
  | { readonly kind: 'tick' }
  | { readonly kind: 'track'; readonly priorityDelta: number; readonly faults: readonly string[] }
  /** The configuration is another from this step on; like `track` otherwise. */
  | { readonly kind: 'reload'; readonly priorityDelta: number; readonly faults: readonly string[] }
  /** The sync group has become master, or is no longer. */
  | { readonly kind: 'follow'; readonly to: 'master' | 'backup'; readonly group: string }
  /** Somebody else claimed one of our addresses by ARP or a Neighbor Advertisement. */
  | { readonly kind: 'foreign-claim' }
  /** An address that was put on the interface is no longer there. */
  | { readonly kind: 'address-lost' }
  /**
   * The operator wants another node to be master, and this one only where there is no other. A master waits for
   * a successor for `waitMs`, timers.ts leaveMs() at least: as long as the other instances of the node.
   */
  | { readonly kind: 'drain'; readonly waitMs: number }
  /** The end of that. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'stop' };

export type MachineEffect =
  | { readonly kind: 'send-advert'; readonly priority: number }
  | { readonly kind: 'add-addresses' }
  | { readonly kind: 'remove-addresses' }
  | { readonly kind: 'garp'; readonly count: number }
  | { readonly kind: 'transition'; readonly from: Phase; readonly to: Phase; readonly why: string };

export type MachineStep = {
  readonly state: MachineState;
  readonly effects: readonly MachineEffect[];
};
