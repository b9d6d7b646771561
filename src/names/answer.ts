/** What name servers say, whoever asked them and how. */

/** Servers of a name: addresses, or hosts and ports of a service (SRV, RFC 2782). */
export type Question = { readonly kind: 'addresses' | 'service'; readonly name: string };

/** `nx`: there is no such name. `other`: SERVFAIL, a name without records of that kind, and the like. */
export type Failure = 'nx' | 'refused' | 'timeout' | 'other';

export type Target = {
  /** An address, or for a service a name. */
  readonly host: string;
  /** null: the name says nothing about it. */
  readonly port: number | null;
  /** Of the host, where it is one that a service's record names. */
  readonly name?: string;
  /** 0..65535, of a service's record; null: none. */
  readonly weight: number | null;
};

export type Answer =
  | {
      readonly kind: 'found';
      /** At least one, at most TARGETS_MAX. */
      readonly targets: readonly Target[];
      /** How long it is good for; null: it does not say. */
      readonly ttlMs: number | null;
      /** Who said so, for the log: "dns/ns1". */
      readonly by: string;
    }
  | { readonly kind: 'failed'; readonly failure: Failure };

/** More of one name are not looked at: a backend has no more servers. */
export const TARGETS_MAX = 1024;
