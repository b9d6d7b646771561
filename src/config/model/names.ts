/** The model of names: how a server that is given by one gets its address, and who is asked for it. */

/**
 * How a server whose `host` is a name gets its address (HAProxy: `resolvers`, `init-addr`, `resolve-prefer`,
 * `resolve-net`, `resolve-opts`). Optional members are features that are off where a front end does not name them.
 */
export type NameConfig = {
  /** A service (SRV, RFC 2782) has a port for each of its servers; addresses (A, AAAA) have none. */
  readonly kind: 'addresses' | 'service';
  /** Whom to ask: a name in `BalancerConfig.resolvers`; null: as the system does it. */
  readonly resolvers: string | null;
  /** The family that is taken where a name has addresses of both. */
  readonly prefer: 'ipv4' | 'ipv6';
  /** Addresses in these networks are taken before others. */
  readonly networks?: readonly string[];
  /** May have the address and port that another server of the backend has by the same name. */
  readonly shares?: true;
  /** The weight that a service's record has for it counts for nothing. */
  readonly ownWeight?: true;
  /** Ways to its first address, in order; where all are in vain, it starts without one, too. */
  readonly initial: readonly InitialAddress[];
  /** What they led to, filled in before the model is put to use; null: nothing. */
  readonly initialHost: string | null;
};

/**
 * `system`: as the system resolves it at that moment (HAProxy: libc). `none`: without one. What a balancer before this
 * one knew comes first in any case.
 */
export type InitialAddress =
  | { readonly kind: 'system' | 'none' }
  | { readonly kind: 'address'; readonly host: string };

/** HAProxy: a `resolvers` section (configuration manual section 5.3.2). */
export type ResolversConfig = {
  readonly name: string;
  /** All are asked at once, and the first answer counts. */
  readonly nameservers: readonly NameserverConfig[];
  /** Those of /etc/resolv.conf come on top, filled in before the model is put to use (`parse-resolv-conf`). */
  readonly systemNameservers: boolean;
  /** From one question to the next (`timeout resolve`). */
  readonly intervalMs: number;
  /** Questions until there is no answer, at least 1, and from one to the next. */
  readonly retries: number;
  readonly retryMs: number;
  readonly holdMs: HoldConfig;
};

export type NameserverConfig = {
  readonly name: string;
  readonly host: string;
  readonly port: number;
};

/** How long a server keeps its address after the last valid answer, by what comes instead of one. */
export type HoldConfig = {
  /** The name does not exist. */
  readonly nx: number;
  readonly refused: number;
  readonly timeout: number;
  readonly other: number;
  /** After the last answer with this very address, while there are answers without it. */
  readonly obsolete: number;
};
