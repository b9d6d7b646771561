/**
 * What tracked scripts, processes, interfaces, files and the tracked balancer mean for an instance: the
 * arithmetic of keepalived.conf(5) ("weight", "rise", "fall"), without running or reading anything.
 */

/** A verdict as the election takes it (contracts/election.ts, track()). */
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

/** Something an instance tracks; null: nothing is known of it yet. */
export type TrackedEntry =
  | {
      readonly kind: 'script' | 'process' | 'interface';
      readonly name: string;
      readonly weight: number;
      readonly passing: boolean | null;
    }
  /** The number in a file. */
  | {
      readonly kind: 'file';
      readonly name: string;
      readonly weight: number;
      readonly value: number | null;
    };

/** A file whose value times weight is below means FAULT (keepalived.conf(5), track_file). */
const FILE_PRIORITY_MIN = -253;

/**
 * Sums up what is tracked. A weight above 0 is added while passing, one below 0 while failing; weight 0
 * means FAULT unless passing. Without a result yet, weights do not count. Files: see fileVerdict(). `serving`: null
 * before the balancer's first word, which is as much as false.
 */
export function verdictOf(
  entries: readonly TrackedEntry[],
  balancer: { readonly weight: number; readonly serving: boolean | null } | null,
): Verdict {
  let priorityDelta = 0;
  const faults: string[] = [];
  const verdicts = entries.map((entry) =>
    entry.kind === 'file' ? fileVerdict(entry) : verdictOn(entry.weight, entry.passing),
  );
  for (const [index, entry] of entries.entries()) {
    const verdict = verdicts[index];
    if (verdict?.fault === true) faults.push(faultText(entry));
    priorityDelta += verdict?.delta ?? 0;
  }
  if (balancer !== null) {
    const { delta, fault } = verdictOn(balancer.weight, balancer.serving === true);
    const yet = balancer.serving === null ? ' yet' : '';
    if (fault) faults.push(`the balancer does not serve${yet}`);
    priorityDelta += delta;
  }
  return { priorityDelta, faults };
}

type EntryVerdict = { readonly delta: number; readonly fault: boolean };

function verdictOn(weight: number, passing: boolean | null): EntryVerdict {
  if (weight === 0) return { delta: 0, fault: passing !== true };
  const counts = weight > 0 ? passing === true : passing === false;
  return { delta: counts ? weight : 0, fault: false };
}

/** The value times the weight is added; with weight 0 every value but 0 means FAULT. */
function fileVerdict(entry: Extract<TrackedEntry, { kind: 'file' }>): EntryVerdict {
  const { weight, value } = entry;
  if (weight === 0) return { delta: 0, fault: value !== 0 };
  const delta = weight * (value ?? 0);
  const fault = delta < FILE_PRIORITY_MIN;
  return { delta: fault ? 0 : delta, fault };
}

function faultText(entry: TrackedEntry): string {
  const { kind, name } = entry;
  if (kind === 'file') {
    return entry.value === null
      ? `file "${name}" has not been read yet`
      : `file "${name}" holds ${entry.value}`;
  }
  if (kind === 'interface') return `interface "${name}" is down`;
  if (kind === 'script') {
    return entry.passing === null ? `script "${name}" has no result yet` : `script "${name}" fails`;
  }
  return entry.passing === null
    ? `process "${name}" has not been looked for yet`
    : `process "${name}" does not run`;
}
