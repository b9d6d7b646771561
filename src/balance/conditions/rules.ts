/** Rules over connections, compiled: what becomes of one, and where it goes. */

import type {
  BackendRoute,
  ConnectionRule,
  Inspection,
  TrackPlace,
} from '../../config/model/conditions.ts';
import { assert } from '../../core/assert.ts';
import {
  type CompiledCondition,
  type ConditionNames,
  compileCondition,
} from './compile-condition.ts';
import { evaluate } from './evaluate.ts';
import type { ConnectionFacts } from './facts.ts';

export type CompiledRule = {
  readonly when: CompiledCondition;
} & (
  | { readonly action: 'accept' | 'reject' }
  | { readonly action: 'track'; readonly place: TrackPlace; readonly table: number }
);

export type CompiledInspection = {
  readonly delayMs: number;
  readonly rules: readonly CompiledRule[];
  /** Whether any rule asks for what a client says. */
  readonly listens: boolean;
};

/** `backend`: its index. */
export type CompiledRoute = { readonly backend: number; readonly when: CompiledCondition };

export function compileRules(
  rules: readonly ConnectionRule[],
  names: ConditionNames,
): readonly CompiledRule[] {
  return rules.map((rule): CompiledRule => {
    const when = compileCondition(rule.when, names);
    if (rule.action !== 'track') return { action: rule.action, when };
    const table = names.tables.indexOf(rule.table);
    assert(table !== -1, `table "${rule.table}" exists`);
    return { action: 'track', place: rule.place, table, when };
  });
}

/** null: there is none. */
export function compileInspection(
  inspection: Inspection | undefined,
  names: ConditionNames,
): CompiledInspection | null {
  if (inspection === undefined || inspection.rules.length === 0) return null;
  const rules = compileRules(inspection.rules, names);
  return { delayMs: inspection.delayMs, rules, listens: rules.some(({ when }) => when.listens) };
}

export function compileRoutes(
  routes: readonly BackendRoute[],
  names: ConditionNames,
): readonly CompiledRoute[] {
  return routes.map(({ backend, when }) => {
    const index = names.backends.indexOf(backend);
    assert(index !== -1, `backend "${backend}" exists`);
    return { backend: index, when: compileCondition(when, names) };
  });
}

/** `wait`: a rule asks for what may still come. */
export type Verdict = 'accept' | 'reject' | 'wait';

/** `track` has to do nothing for a place that is taken. */
export function judge(
  rules: readonly CompiledRule[],
  facts: ConnectionFacts,
  track: (place: TrackPlace, table: number) => void,
): Verdict {
  for (const rule of rules) {
    const outcome = evaluate(rule.when, facts);
    if (outcome === 'open') return 'wait';
    if (outcome === 'fails') continue;
    if (rule.action !== 'track') return rule.action;
    track(rule.place, rule.table);
  }
  return 'accept';
}

/**
 * Whether rules that came later would have let a connection in: those over what changes, such as counts and
 * usable servers, are for connections to come.
 */
export function allowsStill(rules: readonly CompiledRule[], facts: ConnectionFacts): boolean {
  const lasting = rules.filter(({ when }) => !when.changes);
  return judge(lasting, facts, () => {}) !== 'reject';
}

/** Index of the backend that the routes lead to; -1: that of the rest. What has not come by now never will. */
export function routeOf(routes: readonly CompiledRoute[], facts: ConnectionFacts): number {
  for (const { backend, when } of routes) {
    if (evaluate(when, facts) === 'holds') return backend;
  }
  return -1;
}
