/** What the guardian's main thread and the speaker's thread tell each other. */

import type { MessagePort } from 'node:worker_threads';
import type { VrrpConfig } from '../../config/model/vrrp.ts';
import type { ElectionEvent, TrackingVerdict } from '../../contracts/election.ts';
import type { ErrorCode } from '../../core/errors.ts';
import type { InstanceStatus } from '../../stats/status.ts';

/** Handed to the thread at its start. */
export type SpeakerData = {
  readonly config: VrrpConfig;
  /** Where it notes what it is master of. */
  readonly mastershipFile: string;
  readonly port: MessagePort;
  /** An eventfd: readable when the thread shall look at the port and the slots. */
  readonly wakeupFd: number;
  readonly shared: SharedArrayBuffer;
};

/** Slots of 32 bits in `shared`: they work also while the other side cannot take messages. */
export const SHARED_BYTES = 16;
/** Counted up by the main thread while it lives. */
export const BEAT_SLOT = 0;
/** 1: release everything and end. Written by the main thread. */
export const STOP_SLOT = 1;
/** 1: everything is released. Written by the speaker's thread. */
export const DONE_SLOT = 2;
/** 1: what an earlier speaker has left may be taken over. Written by the main thread. */
export const GO_SLOT = 3;

export const BEAT_INTERVAL_MS = 200;
/** A main thread silent for longer cannot supervise a balancer: the node gives its addresses up. */
export const BEAT_MISSED_MS = 2000;

export type ToSpeaker =
  | {
      readonly kind: 'track';
      readonly instance: string;
      readonly verdict: TrackingVerdict;
    }
  /** Election.learnClock() */
  | {
      readonly kind: 'clock';
      readonly addresses: readonly string[];
      readonly utcLessBootMs: number;
    }
  /** Is answered by 'reloaded'. */
  | { readonly kind: 'reload'; readonly config: VrrpConfig }
  /** Is answered by 'drain-settled'. */
  | { readonly kind: 'drain'; readonly drained: boolean };

export type FromSpeaker =
  /** The thread has its code and waits for GO_SLOT. */
  | { readonly kind: 'loaded' }
  /** Sockets are open, probes are over. */
  | { readonly kind: 'ready' }
  /** It could not start; nothing is left behind. */
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly text: string }
  /** It cannot go on; what it held is released as far as possible. */
  | { readonly kind: 'failed'; readonly text: string }
  /** `refusal`: nothing has changed. */
  | {
      readonly kind: 'reloaded';
      readonly refusal: { readonly code: ErrorCode; readonly text: string } | null;
    }
  /** `refusal`: why the node is not drained as it was asked to be. */
  | { readonly kind: 'drain-settled'; readonly refusal: string | null }
  | { readonly kind: 'event'; readonly event: ElectionEvent }
  | { readonly kind: 'status'; readonly instances: readonly InstanceStatus[] };
