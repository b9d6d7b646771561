/**
 * What tracked scripts and the tracked balancer mean for an instance: the arithmetic of keepalived's
 * `track_script` (keepalived.conf(5), "weight", "rise", "fall"), without running anything.
 */

/** A verdict as the election takes it (guardian/election.ts). */
export type Verdict = {
  readonly priorityDelta: number;
  readonly faults: readonly string[];
};

export type ScriptState = {
  /** null: no result yet. */
  readonly passing: boolean | null;
  /** Results in a row that contradict `passing`. */
  readonly streak: number;
};

/** Priority of an address owner: nothing changes it (RFC 9568 section 5.2.4). */
export const OWNER_PRIORITY = 255;

export function newScriptState(): ScriptState {
  return { passing: null, streak: 0 };
}

/** Takes one result. The first counts at once, whatever rise and fall say. */
export function stepScript(
  state: ScriptState,
  config: { readonly rise: number; readonly fall: number },
  passed: boolean,
): ScriptState {
  if (state.passing === null) return { passing: passed, streak: 0 };
  if (passed === state.passing) return { passing: passed, streak: 0 };
  const streak = state.streak + 1;
  const needed = passed ? config.rise : config.fall;
  return streak >= needed ? { passing: passed, streak: 0 } : { passing: state.passing, streak };
}

/**
 * Sums up what is tracked. A weight above 0 is added while passing, one below 0 while failing; weight 0
 * means FAULT unless passing. Without a result yet, weights do not count.
 */
export function verdictOf(
  entries: readonly {
    readonly name: string;
    readonly weight: number;
    readonly passing: boolean | null;
  }[],
  balancer: { readonly weight: number; readonly serving: boolean } | null,
): Verdict {
  let priorityDelta = 0;
  const faults: string[] = [];
  for (const { name, weight, passing } of entries) {
    if (weight === 0 && passing === null) faults.push(`script "${name}" has no result yet`);
    if (weight === 0 && passing === false) faults.push(`script "${name}" fails`);
    if (weight > 0 && passing === true) priorityDelta += weight;
    if (weight < 0 && passing === false) priorityDelta += weight;
  }
  if (balancer !== null) {
    const { weight, serving } = balancer;
    if (weight === 0 && !serving) faults.push('the balancer does not serve');
    if ((weight > 0 && serving) || (weight < 0 && !serving)) priorityDelta += weight;
  }
  return { priorityDelta, faults };
}

/** The priority to advertise: clamped to 1..254, where 255 stays what it is. */
export function effectivePriority(configured: number, priorityDelta: number): number {
  if (configured === OWNER_PRIORITY) return OWNER_PRIORITY;
  return Math.min(254, Math.max(1, configured + priorityDelta));
}
