/** The rules by name, as failures and docs/simulation.md call them, and how often each was applied. */

export const RULES = [
  'one owner',
  'the best owns',
  'the drained come last',
  'two owners',
  'handover',
  'no move without a reason',
  'no endless flapping',
  'every promotion announces',
  'news first',
  'only the owner announces',
  'all ways lead to the owner',
  'a sleeper drops the address first',
  'no address outlives its owner',
  'the reaper yields',
  'back within 100 ms',
  'no stranger',
  'the cluster comes to rest',
  'nothing grows',
  'no invariant breaks',
] as const;

export type Rule = (typeof RULES)[number];

export type RuleCounts = Record<Rule, number>;

export function noCounts(): RuleCounts {
  return Object.fromEntries(RULES.map((rule) => [rule, 0])) as RuleCounts;
}

export function addCounts(sum: RuleCounts, more: RuleCounts): void {
  for (const rule of RULES) sum[rule] += more[rule];
}
