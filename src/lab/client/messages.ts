/** What the lab and its client say to each other over the channel between them. */

export type ClientConfig = {
  readonly host: string;
  readonly port: number;
  /** PEM of the authority that signed the apiservers' certificates. */
  readonly authorityFile: string;
  /** Used in turn, one per connection. */
  readonly addresses: readonly string[];
  readonly intervalMs: number;
  /** A request that takes longer has failed. */
  readonly patienceMs: number;
  readonly watches: number;
  /** A watch that says nothing for so long is hung; an event comes every second. */
  readonly watchSilenceMs: number;
};

export type ToClient =
  | { readonly kind: 'start'; readonly config: ClientConfig }
  /** Comes with a listening server of the host's namespace; its connections go to this address. */
  | { readonly kind: 'forward'; readonly host: string; readonly port: number }
  /** A fault begins now: the figures "since the mark" begin with it. */
  | { readonly kind: 'mark' }
  /** The cluster is complete: what failed while it was being built does not count. */
  | { readonly kind: 'reset' };

export type FromClient =
  /** It listens for messages now. */
  { readonly kind: 'ready' } | { readonly kind: 'report'; readonly report: ClientReport };

export type ClientReport = {
  /** How many marks and resets these figures know of. */
  readonly marks: number;
  readonly ok: number;
  readonly failed: number;
  /** Failed requests by reason: "ECONNREFUSED", "timeout", "HTTP 500". */
  readonly failures: Readonly<Record<string, number>>;
  /** Answered requests by the node that answered. */
  readonly nodes: Readonly<Record<string, number>>;
  /** Longest time from one success to the next, in ms; the one that still lasts counts. */
  readonly longestGapMs: number;
  readonly sinceMark: {
    readonly ok: number;
    readonly failed: number;
    readonly longestGapMs: number;
    /** From the mark to the end of the last failed request; null: none failed. */
    readonly lastFailureMs: number | null;
    /** From the mark to the latest start of a request that failed; null: none failed. */
    readonly lastFailedStartMs: number | null;
  };
  readonly watches: WatchReport;
  /** How late the client's own process was at most since the mark: that much is the machine's. */
  readonly lateMs: number;
};

export type WatchReport = {
  /** How many are kept open, and how many of them flow now. */
  readonly kept: number;
  readonly open: number;
  readonly events: number;
  /** Longest time, since the mark, in which one of them has heard nothing until now. */
  readonly silentMs: number;
  /** Streams that ended without our doing, or were given up as hung. */
  readonly broken: number;
  readonly sinceMark: {
    readonly broken: number;
    /** Longest time from one event of a watch to its next; the one that still lasts counts. */
    readonly longestSilenceMs: number;
  };
};

export const NO_REQUESTS: ClientReport = {
  marks: 0,
  ok: 0,
  failed: 0,
  failures: {},
  nodes: {},
  longestGapMs: 0,
  sinceMark: { ok: 0, failed: 0, longestGapMs: 0, lastFailureMs: null, lastFailedStartMs: null },
  watches: {
    kept: 0,
    open: 0,
    events: 0,
    silentMs: 0,
    broken: 0,
    sinceMark: { broken: 0, longestSilenceMs: 0 },
  },
  lateMs: 0,
};
