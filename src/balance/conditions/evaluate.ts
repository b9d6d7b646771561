/**
 * Whether a condition holds for a connection. What a client has not said yet leaves it open; the order of terms
 * and groups then decides as in HAProxy, which stops at the first term of a group that does not hold.
 */

import { lowerAscii } from '../../core/ascii.ts';
import { unreachable } from '../../core/assert.ts';
import { networkHolds } from '../../core/network.ts';
import type {
  CompiledCondition,
  CompiledMatch,
  CompiledTerm,
  CompiledTest,
} from './compile-condition.ts';
import { ABSENT, type Absent, type ConnectionFacts, PENDING, type Pending } from './facts.ts';

/** `open`: as long as something may still come. */
export type Outcome = 'holds' | 'fails' | 'open';

type Value = number | string | Uint8Array | Absent | Pending;

export function evaluate({ anyOf, negated }: CompiledCondition, facts: ConnectionFacts): Outcome {
  let outcome: Outcome = 'fails';
  for (const terms of anyOf) {
    const group = groupOutcome(terms, facts);
    if (group !== 'fails') outcome = group;
    if (group === 'holds') break;
  }
  return negated ? opposite(outcome) : outcome;
}

function groupOutcome(terms: readonly CompiledTerm[], facts: ConnectionFacts): Outcome {
  for (const term of terms) {
    const outcome = termOutcome(term, facts);
    if (outcome !== 'holds') return outcome;
  }
  return 'holds';
}

function termOutcome({ tests, negated }: CompiledTerm, facts: ConnectionFacts): Outcome {
  let outcome: Outcome = 'fails';
  for (const test of tests) {
    const value = askFor(test, facts);
    if (value !== PENDING && value !== ABSENT && fits(test.match, value)) {
      outcome = 'holds';
      break;
    }
    // A number of bytes that does not fit may do so when there are more.
    const grows = test.fact.kind === 'received' && facts.moreComes();
    if (value === PENDING || grows) outcome = 'open';
  }
  return negated ? opposite(outcome) : outcome;
}

function opposite(outcome: Outcome): Outcome {
  if (outcome === 'open') return 'open';
  return outcome === 'holds' ? 'fails' : 'holds';
}

function askFor({ fact, index }: CompiledTest, facts: ConnectionFacts): Value {
  switch (fact.kind) {
    case 'source':
      return facts.source();
    case 'destination':
      return facts.destination();
    case 'source-port':
      return facts.sourcePort();
    case 'destination-port':
      return facts.destinationPort();
    case 'usable-servers':
      return facts.usableServers(index);
    case 'of-source':
      return facts.ofSource(index, fact.counter);
    case 'tracked':
      return facts.tracked(fact.place, fact.counter);
    case 'always':
      return 1;
    case 'never':
      return 0;
    case 'hello-type':
      return facts.helloType();
    case 'server-name': {
      const name = facts.serverName();
      return fact.lowered && typeof name === 'string' ? lowerAscii(name) : name;
    }
    case 'received':
      return facts.received();
    case 'waited':
      return facts.moreComes() ? PENDING : 1;
    default:
      return unreachable(fact);
  }
}

type Known = Exclude<Value, Absent | Pending>;

function fits(match: CompiledMatch, value: Known): boolean {
  switch (match.kind) {
    case 'found':
      return true;
    case 'true':
      return value !== 0;
    case 'numbers':
      return match.ranges.some(({ min, max }) => Number(value) >= min && Number(value) <= max);
    case 'networks':
      return (
        value instanceof Uint8Array &&
        match.networks.some((network) => networkHolds(network, value))
      );
    case 'texts': {
      const text = match.ignoresCase ? lowerAscii(String(value)) : String(value);
      return match.patterns.some((pattern) => fitsText(match.how, pattern, text));
    }
    default:
      return unreachable(match);
  }
}

type TextMatch = Extract<CompiledMatch, { kind: 'texts' }>['how'];

function fitsText(how: TextMatch, pattern: string, text: string): boolean {
  switch (how) {
    case 'whole':
      return text === pattern;
    case 'begin':
      return text.startsWith(pattern);
    case 'end':
      return text.endsWith(pattern);
    case 'part':
      return text.includes(pattern);
    case 'domain':
      return hasParts(text, pattern, '/?.:');
    case 'path':
      return hasParts(text, pattern, '/?');
    default:
      return unreachable(how);
  }
}

/** Whether the pattern stands in the text between two separators, or its ends; those around it do not count. */
function hasParts(text: string, pattern: string, separators: string): boolean {
  let start = 0;
  let end = pattern.length;
  while (start < end && separators.includes(pattern.charAt(start))) start++;
  while (end > start && separators.includes(pattern.charAt(end - 1))) end--;
  const bare = pattern.slice(start, end);
  if (bare === '') return false;
  const isEdge = (at: number): boolean =>
    at < 0 || at >= text.length || separators.includes(text.charAt(at));
  for (let at = text.indexOf(bare); at !== -1; at = text.indexOf(bare, at + 1)) {
    if (isEdge(at - 1) && isEdge(at + bare.length)) return true;
  }
  return false;
}
