/**
 * What a configuration asks of a connection: conditions, and the rules that go by them. Plain data, so that
 * every relay can evaluate it (src/balance/conditions/).
 */

/** Holds when all terms of any one group hold, or with `negated` when that is not so; `[[]]` always holds. */
export type Condition = {
  readonly anyOf: readonly (readonly Term[])[];
  readonly negated: boolean;
};

/** Holds when any of the tests does, or with `negated` when none does. */
export type Term = { readonly tests: readonly Test[]; readonly negated: boolean };

export type Test = { readonly fact: Fact; readonly match: Match };

/** What is known of a connection. One that is not there, such as the name in a hello without one, fits nothing. */
export type Fact =
  /** Addresses of the client, and where it went; a PROXY protocol header's, once there is one. */
  | { readonly kind: 'source' | 'destination' }
  | { readonly kind: 'source-port' | 'destination-port' }
  /** Usable servers of a backend: backups only where no other is left. */
  | { readonly kind: 'usable-servers'; readonly backend: string }
  /** Of a table's source, what is counted there; a source that is not in it has 0. */
  | { readonly kind: 'of-source'; readonly table: string; readonly counter: SourceCounter }
  /** Of the source that a rule has begun to count in this place; before that there is none. */
  | { readonly kind: 'tracked'; readonly place: TrackPlace; readonly counter: SourceCounter }
  | { readonly kind: 'always' | 'never' }
  // What a client says, as far as it has come.
  /** Type of the handshake message that it begins with: 1 is a hello (RFC 8446 section 4). */
  | { readonly kind: 'hello-type' }
  /** Of a TLS hello (RFC 6066 section 3). */
  | { readonly kind: 'server-name'; readonly lowered: boolean }
  /** Bytes that have come. */
  | { readonly kind: 'received' }
  /** Whether nothing more is waited for. */
  | { readonly kind: 'waited' };

/** Connections that are open, within the table's period, and ever. */
export type SourceCounter = 'current' | 'rate' | 'total';

export type TrackPlace = 0 | 1 | 2;

export type Match =
  /** Single addresses, or "10.0.0.0/8". */
  | { readonly kind: 'networks'; readonly networks: readonly string[] }
  /** Both ends included; null: none. */
  | {
      readonly kind: 'numbers';
      readonly ranges: readonly { readonly min: number | null; readonly max: number | null }[];
    }
  | {
      readonly kind: 'texts';
      readonly how: TextMatch;
      readonly ignoresCase: boolean;
      readonly patterns: readonly string[];
    }
  /** Whether there is such a fact at all. */
  | { readonly kind: 'found' }
  /** Whether it is another number than 0. */
  | { readonly kind: 'true' };

/** `domain`: some of the labels between dots, one after the other; `path`: the same between slashes. */
export type TextMatch = 'whole' | 'begin' | 'end' | 'part' | 'domain' | 'path';

/** Of a list, the first accept or reject whose condition holds decides; without one it is an accept. */
export type ConnectionRule =
  | { readonly action: 'accept' | 'reject'; readonly when: Condition }
  /** Counts the connection for its source from then on, once per place. */
  | {
      readonly action: 'track';
      readonly place: TrackPlace;
      readonly table: string;
      readonly when: Condition;
    };

/** Rules over what a client says: they are asked again as more of it comes. */
export type Inspection = {
  /** How long a rule waits for what it asks about; 0: not at all. */
  readonly delayMs: number;
  readonly rules: readonly ConnectionRule[];
};

/** Of a list, the first whose condition holds says where a connection goes. */
export type BackendRoute = { readonly backend: string; readonly when: Condition };

/** Where connections are counted by their source. */
export type SourceTable = {
  readonly name: string;
  /**
   * `ipv4` counts no others, `ipv6` IPv4 ones by their mapped address; `any` counts an IPv6 source as its /64, because
   * whoever has one address there has them all.
   */
  readonly family: 'ipv4' | 'ipv6' | 'any';
  /** How many are remembered, at least 1; those that were silent longest go first. */
  readonly sources: number;
  /** Silence after which a source without connections is forgotten; 0: when there is no room. */
  readonly idleMs: number;
  /** What `rate` is over, at least 1. */
  readonly periodMs: number;
  readonly counts: readonly SourceCounter[];
};

export const ALWAYS: Condition = { anyOf: [[]], negated: false };

export function holdsFor(test: Test): Condition {
  return { anyOf: [[{ tests: [test], negated: false }]], negated: false };
}

/** From these networks. */
export function fromNetworks(networks: readonly string[]): Condition {
  return holdsFor({ fact: { kind: 'source' }, match: { kind: 'networks', networks } });
}

/** From a network, and from none of these; a socket of the machine's own has no address. */
export function fromOtherNetworks(networks: readonly string[]): Condition {
  const fact = { kind: 'source' } as const;
  const known = { tests: [{ fact, match: { kind: 'found' } }], negated: false } as const;
  const among = {
    tests: [{ fact, match: { kind: 'networks', networks } }],
    negated: true,
  } as const;
  return { anyOf: [[known, among]], negated: false };
}

/** From a source with more than so many open connections, counted in this place, this one included. */
export function aboveConnections(place: TrackPlace, connections: number): Condition {
  const fact = { kind: 'tracked', place, counter: 'current' } as const;
  const match = { kind: 'numbers', ranges: [{ min: connections + 1, max: null }] } as const;
  return holdsFor({ fact, match });
}
