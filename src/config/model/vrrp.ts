/** The model of VRRP: what it needs to elect an owner, beside what every election has. */

import type { ChecksumRule } from '../../vrrp/packet.ts';
import type { SignatureMode } from '../../vrrp/signatures.ts';
import type { ElectionConfig, ElectionInstanceConfig } from './election.ts';

export type VrrpConfig = ElectionConfig<VrrpInstanceConfig> & {
  /** keepalived: `router_id`; null: the host name. */
  readonly routerId: string | null;
  /** An interface that is not there is waited for, in FAULT (keepalived: `dynamic_interfaces`). Absent: an error. */
  readonly awaitsInterfaces?: true;
};

export type VrrpInstanceConfig = ElectionInstanceConfig & {
  readonly version: 2 | 3;
  /** 1..255 */
  readonly virtualRouterId: number;
  /** 1..255 */
  readonly priority: number;
  readonly initialState: 'master' | 'backup';
  /** v2: whole seconds. v3: 10..40950, in steps of 10. */
  readonly advertIntervalMs: number;
  /** v3 only: what a master advertises as its interval counts as at least and at most this. Absent: as it is. */
  readonly believedIntervals?: { readonly minMs: number; readonly maxMs: number };
  /** v2 only (RFC 2338 simple text password), at most 8 bytes. */
  readonly password: string | null;
  /**
   * v2 only: the password does not travel, but is the key of an IP Authentication Header (RFC 2402).
   * Absent: it travels.
   */
  readonly authenticationHeader?: true;
  /** Every advertisement is signed (docs/vrrp-authentication.md). Absent: none is. */
  readonly signature?: SignatureConfig;
  /** Of version 3 on IPv4; absent: that of the RFC (vrrp/packet.ts). */
  readonly checksum?: ChecksumRule;
  /** Of advertisements to unicast peers; absent: 255. */
  readonly unicastTtl?: number;
  /**
   * Which TTLs are believed of unicast peers (keepalived: min_ttl, max_ttl); one that is not here: 255 alone, as of
   * multicast. Absent: none is here.
   */
  readonly peerTtls?: readonly PeerTtlConfig[];
  readonly preempt: boolean;
  readonly preemptDelayMs: number;
  /** null: the interface's first address. */
  readonly sourceAddress: string | null;
  readonly transport:
    | { readonly kind: 'multicast'; readonly group: string }
    | {
        readonly kind: 'unicast';
        readonly peers: readonly string[];
        /**
         * Peers whose names have led nowhere yet. Without them it might be the second master, so it is in FAULT.
         * Absent: none.
         */
        readonly awaits?: readonly { readonly node: string; readonly host: string }[];
      };
  /** Whether an advertisement of lower priority is answered by one (keepalived: lower_prio_no_advert). */
  readonly answersLower: boolean;
  /** Whether a master that yields advertises once more (keepalived: higher_prio_send_advert). */
  readonly saysFarewell: boolean;
};

/** 0..255, both included. */
export type PeerTtlConfig = {
  readonly peer: string;
  readonly min: number;
  readonly max: number;
};

/** keepalived from 2.4 on: `auth_hmac`. */
export type SignatureConfig = {
  readonly keys: readonly SignatureKeyConfig[];
  /** The id of the key that signs. */
  readonly activeKey: number;
  /** How far the clocks of two nodes may be apart; null: sequences must only grow. */
  readonly toleranceMs: number | null;
  readonly mode: SignatureMode;
};

export type SignatureKeyConfig = {
  /** 1..255 */
  readonly id: number;
  /** Its file; null: it stands in the configuration. */
  readonly path: string | null;
  /** As vrrp/signature.ts parses it; null: not read yet. */
  readonly secret: string | null;
};
