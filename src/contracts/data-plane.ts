/**
 * The narrow interface to whatever moves the bytes: apply a snapshot, count, let go. A data plane has a half
 * in the balancer, without rights, which is most of it, and a half in the guardian, which has them and lives
 * through all balancers. What the second gives to the first, nobody between them looks into. Relay threads
 * implement it, and test/kit/memory-plane.ts.
 */

import type { TrafficSnapshot } from '../balance/snapshot.ts';
import type { BalancerConfig } from '../config/model/config.ts';
import type {
  BackendCounter,
  FrontendCounter,
  PlaneCounter,
  ServerCounter,
} from '../stats/catalogue.ts';
import type { InheritedListener } from './listeners.ts';

/** Goes to the balancer as JSON; descriptors are named by their numbers there. */
export type PlaneGrant = Readonly<Record<string, string | number | boolean>>;

/** The half in the guardian: where a plane loads into the kernel what a balancer may only use. */
export interface PrivilegedPlane {
  /** Sockets at each place that a frontend listens at, 1 or more: one for each loop that accepts. */
  readonly sockets: number;
  /** Loops in a balancer that beat beside its main thread, in the order of their slots, for messages: "relay 0". */
  readonly loops: readonly string[];
  /** For one balancer, in which the beat page (core/beats.ts) has this descriptor. */
  grant(beatFd: number): PlaneGrant;
  /**
   * Whether a balancer that goes by the first configuration cannot go on by the second, for want of rights that it has
   * given up: then a new one takes its place. Absent: it always can. Throws OperationalError where there are no such
   * rights to be had.
   */
  needsNewBalancer?(before: BalancerConfig, after: BalancerConfig): boolean;
  /** Takes back what it put into the kernel; after the last balancer has ended. */
  stop(): Promise<void>;
}

/** Before any socket listens and any balancer runs. Rejects with OperationalError, with nothing left behind. */
export type StartPrivilegedPlane = (config: BalancerConfig) => Promise<PrivilegedPlane>;

export type DataPlaneOptions = {
  readonly config: BalancerConfig;
  /** From its half in the guardian. */
  readonly grant: PlaneGrant;
  readonly listeners: readonly InheritedListener[];
  /** Whether to accept at once; a spare waits for accept(). */
  readonly accepting: boolean;
  /** It may be long until accept(), or it never comes: what is not needed before may wait for it (lateThreads). */
  readonly standby: boolean;
  /** The first state of the servers; later ones come through apply(). */
  readonly snapshot: TrafficSnapshot;
  /** Soft limit of descriptors of this process (RLIMIT_NOFILE). */
  readonly filesMax: number;
};

export type DataPlaneEvent =
  /** A connect was refused or timed out: passive health. */
  | {
      readonly kind: 'connect-failed';
      readonly backend: string;
      readonly server: string;
      readonly reason: string;
    }
  /** It goes on with fewer threads than it was to have; the message is a sentence without its end. */
  | { readonly kind: 'short-handed'; readonly message: string }
  /** Told once; a data plane that failed is not used again. */
  | { readonly kind: 'failed'; readonly message: string };

/**
 * What has been counted, by the names of the catalogue and the indexes of the configuration in force. Live:
 * each call looks anew.
 */
export interface NamedCounters {
  plane(name: PlaneCounter): number;
  frontend(index: number, name: FrontendCounter): number;
  backend(index: number, name: BackendCounter): number;
  server(backend: number, server: number, name: ServerCounter): number;
}

/** Indexes are those of the configuration. */
export type MoveOrder = {
  readonly backend: number;
  readonly server: number;
  /** Sessions the server keeps whatever happens. */
  readonly keep: number;
  /** ms on performance.now() of this thread: younger sessions stay. */
  readonly acceptedBefore: number;
};

/** What a data plane at work may be given anew. Listeners of before that are not in it may be closed after. */
export type Reconfiguration = Pick<DataPlaneOptions, 'config' | 'listeners' | 'snapshot'>;

export type PlaneHealth = {
  /** Threads that move bytes at this moment. */
  readonly threads: number;
  /** What keeps it from moving bytes as it should, as a sentence without its end; null: nothing. */
  readonly trouble: string | null;
};

export type PlaneLimits = {
  /** Connections it carries at most, whatever the configuration allows. */
  readonly connections: number;
};

export interface DataPlane {
  readonly counters: NamedCounters;
  /**
   * Where threads are left for accept() (`standby`): resolves when they are there, or will not come. Null or absent: it
   * starts none after its start.
   */
  readonly lateThreads?: Promise<void> | null;
  health(): PlaneHealth;
  limits(): PlaneLimits;
  /** Swaps the servers' states in; returns at once, takes effect within a loop turn. */
  apply(snapshot: TrafficSnapshot): void;
  /** Cuts the sessions of one server (`shutdown sessions server`). Absent: it cannot, whoever asks is told. */
  shutdownSessions?(backend: string, server: string): void;
  /**
   * Ends one quiet session of a server, as balance/rebalance.ts orders; one that has none keeps all. Absent:
   * sessions stay where they are.
   */
  moveSession?(order: MoveOrder): void;
  /**
   * Forgets the peaks of frontends, backends and servers, or `all` that they have counted (`clear counters`); resolves
   * when it has. Absent: it cannot, whoever asks is told.
   */
  clearCounters?(all: boolean): Promise<void>;
  /**
   * Goes on by another configuration: its indexes are those of the counters then. Sessions that it allows go on;
   * resolves with the number of those that were reset. apply() does nothing meanwhile.
   */
  reconfigure(next: Reconfiguration): Promise<number>;
  /**
   * The process has become another account: its threads keep of their rights what they need; resolves when they have.
   * Absent: they need none, and have none left.
   */
  settleRights?(): Promise<void>;
  /** Starts accepting, where `accepting` was false. */
  accept(): void;
  /**
   * Stops accepting; the existing connections go on. Resolves when none comes any more, and all that came are counted;
   * never where the plane has failed.
   */
  pause(): Promise<void>;
  /** Closes everything and ends the threads; resolves when they are gone, at most 1 s later. */
  stop(): Promise<void>;
}

export type StartDataPlane = (
  options: DataPlaneOptions,
  onEvent: (event: DataPlaneEvent) => void,
) => Promise<DataPlane>;
