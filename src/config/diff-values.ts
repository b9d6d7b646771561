/** The words of a difference: single values, and lists of named things. */

export type Label = {
  /** The field's word; absent: the model's. */
  readonly label?: string;
  /** Absent: scalars as they are, everything else only as "changed". */
  // biome-ignore lint/suspicious/noExplicitAny: each field brings values of its own type.
  readonly format?: (value: any) => string;
};

/** One sentence for each member of two objects that differs: `WHAT: LABEL OLD -> NEW`. */
export function valueChanges(
  what: string,
  before: object,
  after: object,
  labels: Readonly<Record<string, Label>>,
): readonly string[] {
  const [old, next] = [new Map(Object.entries(before)), new Map(Object.entries(after))];
  const keys = [...new Set([...old.keys(), ...next.keys()])];
  return keys.flatMap((key) => {
    const [from, to] = [old.get(key), next.get(key)];
    if (sameValue(from, to)) return [];
    const { label = words(key), format } = labels[key] ?? {};
    const texts = [from, to].map((value) => valueText(value, format));
    const [left, right] = texts;
    const shown = left === null || right === null ? 'changed' : `${left} -> ${right}`;
    return [`${what}: ${label} ${shown}`];
  });
}

/** Things of two lists by their names: added, removed, or what `compare` says of two of one name. */
export function listChanges<Item extends object>(
  kind: string,
  before: readonly Item[],
  after: readonly Item[],
  nameOf: (item: Item) => string,
  compare: (what: string, before: Item, after: Item) => readonly string[],
): readonly string[] {
  const old = new Map(before.map((item) => [nameOf(item), item]));
  const next = new Map(after.map((item) => [nameOf(item), item]));
  return [
    ...after.flatMap((item) => {
      const name = nameOf(item);
      const known = old.get(name);
      return known === undefined
        ? [`${kind} ${name} added`]
        : compare(`${kind} ${name}`, known, item);
    }),
    ...before.map(nameOf).flatMap((name) => (next.has(name) ? [] : [`${kind} ${name} removed`])),
    ...(isReordered([...old.keys()], [...next.keys()]) ? [`${kind}s in another order`] : []),
  ];
}

/** Whether the names that both lists have stand in another order. */
function isReordered(before: readonly string[], after: readonly string[]): boolean {
  const common = before.filter((name) => after.includes(name));
  return !sameValue(
    common,
    after.filter((name) => before.includes(name)),
  );
}

/** Values of the model are plain data in an order of their own. */
export function sameValue(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** "4h", "90s", "500ms"; 0 is no limit. */
export function formatDuration(ms: number): string {
  if (ms === 0) return 'unlimited';
  for (const [unit, size] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const) {
    if (ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

/** null: nothing to show in a line. */
export function valueText(value: unknown, format: Label['format']): string | null {
  if (value === undefined || value === null) return 'none';
  if (format !== undefined) return format(value);
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return typeof value === 'object' ? null : String(value);
}

/** "advertIntervalMs" as "advert interval ms". */
function words(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
