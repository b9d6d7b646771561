/** What `nft -j list ruleset` prints (libnftables-json(5)), as rules.ts has it. */

import { type FirewallChain, type FirewallRule, protocolNumber, type Ranges } from './rules.ts';

type Json = Readonly<Record<string, unknown>>;

const FAMILIES = ['ip', 'ip6', 'inet'] as const;
const LOOPBACK = 'lo';

/** null: it is no such text. */
export function readNftRules(text: string): readonly FirewallChain[] | null {
  let entries: unknown;
  try {
    entries = (JSON.parse(text) as Json).nftables;
  } catch {
    return null;
  }
  if (!Array.isArray(entries)) return null;
  const rules = new Map<string, FirewallRule[]>();
  for (const { rule } of entries as readonly Json[]) {
    if (!isObject(rule) || !Array.isArray(rule.expr)) continue;
    const name = chainName(rule, rule.chain);
    rules.set(name, [...(rules.get(name) ?? []), ruleOf(rule, rule.expr)]);
  }
  return (entries as readonly Json[]).flatMap(({ chain }) => {
    if (!isObject(chain)) return [];
    const family = FAMILIES.find((each) => each === chain.family);
    if (family === undefined) return [];
    const name = chainName(chain, chain.name);
    return {
      name,
      family,
      isInput: chain.hook === 'input' && chain.type === 'filter',
      dropsByDefault: chain.policy === 'drop',
      rules: rules.get(name) ?? [],
    };
  });
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null;
}

function chainName({ family, table }: Json, chain: unknown): string {
  return `${family} ${table} ${chain}`;
}

type Draft = { -readonly [Key in keyof FirewallRule]: FirewallRule[Key] };

function ruleOf(rule: Json, expressions: readonly unknown[]): FirewallRule {
  const draft: Draft = {
    protocols: null,
    ports: null,
    neverNew: false,
    conditional: false,
    verdict: { kind: 'none' },
  };
  for (const expression of expressions) {
    if (!isObject(expression)) continue;
    const [kind = '', value] = Object.entries(expression)[0] ?? [];
    if (kind === 'match' && isObject(value)) addMatch(draft, value);
    else if (kind === 'accept' || kind === 'drop' || kind === 'return') draft.verdict = { kind };
    else if (kind === 'reject') draft.verdict = { kind: 'drop' };
    else if ((kind === 'jump' || kind === 'goto') && isObject(value)) {
      draft.verdict = { kind: 'jump', chain: chainName(rule, value.target) };
    } else if (kind === 'vmap' && isObject(value)) addMap(draft, value);
    // A match of iptables that nft does not know itself, a rate, a table of connections.
    else if (['xt', 'limit', 'ct count', 'meter', 'quota'].includes(kind)) draft.conditional = true;
  }
  return draft;
}

/** `ct state vmap { established : accept ... }` is about answers; of another map nobody knows. */
function addMap(draft: Draft, { key }: Json): void {
  if (isObject(key) && isObject(key.ct) && key.ct.key === 'state') draft.neverNew = true;
  else Object.assign(draft, { conditional: true, verdict: { kind: 'accept' } });
}

function addMatch(draft: Draft, { op, left, right }: Json): void {
  const { payload, meta, ct } = isObject(left) ? left : {};
  const negated = op === '!=';
  if (isObject(meta) && (meta.key === 'iifname' || meta.key === 'iif')) {
    if (right === LOOPBACK && !negated) draft.neverNew = true;
    else draft.conditional = true;
  } else if (isObject(ct) && ct.key === 'state') {
    if (!valuesOf(right).includes('new') && !negated) draft.neverNew = true;
    else draft.conditional = true;
  } else if (negated || (op !== '==' && op !== 'in')) {
    draft.conditional = true;
  } else if (isObject(meta) && meta.key === 'l4proto') {
    draft.protocols = protocolRanges(right);
  } else if (isObject(payload)) {
    addPayload(draft, payload, right);
  } else {
    draft.conditional = true;
  }
}

function addPayload(draft: Draft, { protocol, field }: Json, right: unknown): void {
  if (field === 'protocol' || field === 'nexthdr') {
    draft.protocols = protocolRanges(right);
  } else if (field === 'dport') {
    const number = protocolNumber(String(protocol));
    // "th": whichever.
    if (number !== null) draft.protocols = [{ min: number, max: number }];
    draft.ports = portRanges(right);
    if (draft.ports === null) draft.conditional = true;
  } else if (protocol === 'icmp' || protocol === 'icmpv6' || protocol === 'igmp') {
    draft.neverNew = true;
  } else {
    const number = protocolNumber(String(protocol));
    if (number !== null) draft.protocols = [{ min: number, max: number }];
    draft.conditional = true;
  }
}

/** A value alone, a list, a set in the rule; one by name ("@peers") is not here. */
function valuesOf(right: unknown): readonly unknown[] {
  if (Array.isArray(right)) return right;
  if (isObject(right) && Array.isArray(right.set)) return right.set;
  return [right];
}

function protocolRanges(right: unknown): Ranges {
  const numbers = valuesOf(right).map((value) => {
    return typeof value === 'string' || typeof value === 'number' ? protocolNumber(value) : null;
  });
  const known = numbers.filter((number) => number !== null);
  return known.length < numbers.length ? null : known.map((min) => ({ min, max: min }));
}

function portRanges(right: unknown): Ranges {
  const ranges = valuesOf(right).map((value) => {
    if (typeof value === 'number') return { min: value, max: value };
    const [min, max] = isObject(value) && Array.isArray(value.range) ? value.range : [];
    return typeof min === 'number' && typeof max === 'number' ? { min, max } : null;
  });
  const known = ranges.filter((range) => range !== null);
  return known.length < ranges.length ? null : known;
}
