/**
 * Firewall rules as far as one question goes: does what another node or a client sends get in? Both front ends
 * (nft-rules.ts, iptables-rules.ts) bring theirs into this form. What they do not understand counts as letting in:
 * nobody is accused by a guess.
 */

/** Protocols and ports by number, both ends included. `null`: any, or nothing that can be known (a set by name). */
export type Ranges = readonly { readonly min: number; readonly max: number }[] | null;

export type FirewallRule = {
  readonly protocols: Ranges;
  readonly ports: Ranges;
  /** It is about what never is a new packet from outside: the loopback, answers, ICMP. */
  readonly neverNew: boolean;
  /** It has conditions beside protocol and port, or some that are not understood. */
  readonly conditional: boolean;
  readonly verdict:
    | { readonly kind: 'accept' | 'drop' | 'return' | 'none' }
    | { readonly kind: 'jump'; readonly chain: string };
};

export type FirewallChain = {
  /** "inet filter INPUT": family, table and name. */
  readonly name: string;
  readonly family: 'ip' | 'ip6' | 'inet';
  /** Every packet for this machine goes through it. */
  readonly isInput: boolean;
  readonly dropsByDefault: boolean;
  readonly rules: readonly FirewallRule[];
};

export type Traffic = {
  readonly family: 'ip' | 'ip6';
  /** 6 TCP, 17 UDP, 112 VRRP. */
  readonly protocol: number;
  /** null: it has none. */
  readonly port: number | null;
};

/** Chains followed from one another; deeper is a loop or nothing that anybody reads. */
const DEPTH_MAX = 16;

/** Names of the chains that stop it as far as can be told. */
export function stoppedBy(traffic: Traffic, chains: readonly FirewallChain[]): readonly string[] {
  const byName = new Map(chains.map((chain) => [chain.name, chain]));
  return chains
    .filter(({ isInput, family }) => isInput && (family === 'inet' || family === traffic.family))
    .filter((chain) => (walk(chain, traffic, byName, DEPTH_MAX) ?? chain.dropsByDefault) === true)
    .map(({ name }) => name);
}

/** true: dropped, false: let in, null: neither. */
function walk(
  chain: FirewallChain,
  traffic: Traffic,
  byName: ReadonlyMap<string, FirewallChain>,
  depth: number,
): boolean | null {
  for (const rule of chain.rules) {
    if (rule.neverNew || !isAbout(rule, traffic)) continue;
    switch (rule.verdict.kind) {
      case 'accept':
        return false;
      case 'drop':
        // One with further conditions is about somebody else, as far as can be told.
        if (!rule.conditional) return true;
        break;
      case 'return':
        if (!rule.conditional) return null;
        break;
      case 'jump': {
        const next = byName.get(rule.verdict.chain);
        if (next === undefined || depth === 0) break;
        const outcome = walk(next, traffic, byName, depth - 1);
        if (outcome === false || (outcome === true && !rule.conditional)) return outcome;
        break;
      }
      case 'none':
        break;
    }
  }
  return null;
}

function isAbout({ protocols, ports }: FirewallRule, { protocol, port }: Traffic): boolean {
  if (!holds(protocols, protocol)) return false;
  return ports === null || (port !== null && holds(ports, port));
}

function holds(ranges: Ranges, value: number): boolean {
  return ranges === null || ranges.some(({ min, max }) => min <= value && value <= max);
}

/** By the names that nft and iptables print (/etc/protocols); null: not one of these. */
export function protocolNumber(word: string | number): number | null {
  if (typeof word === 'number') return word;
  if (/^\d+$/.test(word)) return Number(word);
  return PROTOCOLS[word] ?? null;
}

const PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  gre: 47,
  esp: 50,
  ah: 51,
  'ipv6-icmp': 58,
  icmpv6: 58,
  ospf: 89,
  vrrp: 112,
  sctp: 132,
};
