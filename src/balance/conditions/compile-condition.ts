/** Conditions in the form that is evaluated for each connection: indexes instead of names, networks as bytes. */

import type { Condition, Fact, Match, Term, Test } from '../../config/model/conditions.ts';
import { lowerAscii } from '../../core/ascii.ts';
import { assert } from '../../core/assert.ts';
import { type Network, parseNetwork } from '../../core/network.ts';

export type CompiledMatch =
  | Exclude<Match, { readonly kind: 'networks' | 'numbers' }>
  | { readonly kind: 'networks'; readonly networks: readonly Network[] }
  | {
      readonly kind: 'numbers';
      readonly ranges: readonly { readonly min: number; readonly max: number }[];
    };

export type CompiledTest = {
  readonly fact: Fact;
  /** Of the backend or the table that the fact names; -1: it names none. */
  readonly index: number;
  readonly match: CompiledMatch;
};

export type CompiledTerm = { readonly tests: readonly CompiledTest[]; readonly negated: boolean };

export type CompiledCondition = {
  readonly anyOf: readonly (readonly CompiledTerm[])[];
  readonly negated: boolean;
  /** Whether it asks for what a client says. */
  readonly listens: boolean;
  /** Whether it asks for more than the addresses, which stay the same as long as the connection lasts. */
  readonly changes: boolean;
};

/** Names in the order of the configuration. */
export type ConditionNames = {
  readonly backends: readonly string[];
  readonly tables: readonly string[];
};

const LISTENING: ReadonlySet<Fact['kind']> = new Set([
  'hello-type',
  'server-name',
  'received',
  'waited',
]);
const LASTING: ReadonlySet<Fact['kind']> = new Set([
  'source',
  'destination',
  'source-port',
  'destination-port',
  'always',
  'never',
]);

/** The configuration has been checked: what it names exists, and its networks are networks. */
export function compileCondition(condition: Condition, names: ConditionNames): CompiledCondition {
  const kinds = factKinds(condition);
  return {
    anyOf: condition.anyOf.map((terms) => terms.map((term) => compileTerm(term, names))),
    negated: condition.negated,
    listens: kinds.some((kind) => LISTENING.has(kind)),
    changes: !kinds.every((kind) => LASTING.has(kind)),
  };
}

function factKinds({ anyOf }: Condition): readonly Fact['kind'][] {
  return anyOf.flat().flatMap(({ tests }) => tests.map(({ fact }) => fact.kind));
}

function compileTerm({ tests, negated }: Term, names: ConditionNames): CompiledTerm {
  return { tests: tests.map((test) => compileTest(test, names)), negated };
}

function compileTest({ fact, match }: Test, names: ConditionNames): CompiledTest {
  return { fact, index: indexOf(fact, names), match: compileMatch(match) };
}

function indexOf(fact: Fact, { backends, tables }: ConditionNames): number {
  if (fact.kind !== 'usable-servers' && fact.kind !== 'of-source') return -1;
  const named = fact.kind === 'usable-servers' ? backends.indexOf(fact.backend) : -1;
  const index = fact.kind === 'of-source' ? tables.indexOf(fact.table) : named;
  assert(index !== -1, 'what a condition names exists');
  return index;
}

function compileMatch(match: Match): CompiledMatch {
  switch (match.kind) {
    case 'networks':
      return { kind: 'networks', networks: match.networks.map(networkOf) };
    case 'numbers':
      return {
        kind: 'numbers',
        ranges: match.ranges.map(({ min, max }) => ({
          min: min ?? Number.NEGATIVE_INFINITY,
          max: max ?? Number.POSITIVE_INFINITY,
        })),
      };
    case 'texts':
      return match.ignoresCase
        ? { ...match, patterns: match.patterns.map((text) => lowerAscii(text)) }
        : match;
    default:
      return match;
  }
}

function networkOf(text: string): Network {
  const network = parseNetwork(text);
  assert(network.ok, 'the networks of a configuration are networks');
  return network.value;
}
