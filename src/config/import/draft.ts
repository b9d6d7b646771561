/** The evergate.yaml that an import is writing: keys with their values and comments, and the remarks about it. */

import { NATIVE_SCHEMA } from '../evergate-yaml/schema.ts';
import { formatDuration } from '../evergate-yaml/values.ts';
import { type Place, placeText, type Remark, type RemarkKind } from './remarks.ts';
import { isSame } from './same.ts';

export type Scalar = string | number | boolean;
export type Value = Scalar | readonly (Scalar | Block)[] | Block;
export type Block = Map<string, Entry>;
export type Entry = {
  readonly value: Value;
  /** Behind the value: where it comes from. Empty: nothing. */
  readonly origin: string;
  /** On one line, in braces. */
  readonly flow: boolean;
};

/** A default that --modern puts in the place of what the old files say. */
export type Modernised = { readonly key: string; readonly text: string };

/** A value of the old files for which evergate.yaml has a default. */
export type Setting = {
  readonly path: readonly string[];
  /** Durations: ms. */
  readonly value: Scalar;
  readonly isDuration: boolean;
  /** null: the old program's own default. */
  readonly place: Place | null;
  /** Why evergate.yaml has another one. */
  readonly why: string;
};

/** Defaults of evergate.yaml, durations in ms. */
const USUAL: unknown = NATIVE_SCHEMA.parse({ nodes: {} });

export function usual(path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (at, step) => (at as Readonly<Record<string, unknown>> | undefined)?.[step],
    USUAL,
  );
}

export function durationText(ms: number): string {
  return ms === 0 ? '0s' : formatDuration(ms);
}

export function block(entries: Iterable<readonly [string, Value]>, flow = false): Block {
  return new Map([...entries].map(([key, value]) => [key, { value, origin: '', flow }]));
}

export class ImportDraft {
  readonly root: Block = new Map();
  readonly remarks: Remark[] = [];
  readonly modernised: Modernised[] = [];
  /** Whether the defaults of evergate.yaml take the place of timers, algorithm and priorities. */
  readonly modern: boolean;

  constructor(modern: boolean) {
    this.modern = modern;
  }

  set(path: readonly string[], value: Value, { origin = '', flow = false } = {}): void {
    let at = this.root;
    for (const step of path.slice(0, -1)) {
      const inner = at.get(step)?.value;
      const next = inner instanceof Map ? inner : new Map<string, Entry>();
      if (next !== inner) at.set(step, { value: next, origin: '', flow: false });
      at = next;
    }
    at.set(path.at(-1) ?? '', { value, origin, flow });
  }

  /** Writes it only where it is not what evergate.yaml does anyway. */
  setting({ path, value, isDuration, place, why }: Setting): void {
    const expected = usual(path);
    if (isSame(value, expected)) return;
    const show = (each: unknown): Scalar =>
      isDuration ? durationText(Number(each)) : (each as Scalar);
    if (this.modern) {
      this.modernise(path.join('.'), `${show(expected)} instead of ${show(value)}: ${why}`);
      return;
    }
    const origin = place === null ? 'what the old program does unasked' : placeText(place);
    this.set(path, show(value), { origin });
  }

  /** Once a key. */
  modernise(key: string, text: string): void {
    if (this.modernised.some((each) => each.key === key)) return;
    this.modernised.push({ key, text });
  }

  remark(kind: RemarkKind, key: string, place: Place | null, text: string): void {
    const isTwin = (each: Remark): boolean =>
      each.kind === kind &&
      each.text === text &&
      isSame(each.place, place) &&
      // What a line says of several services is said once.
      (place !== null || each.key === key);
    if (!this.remarks.some(isTwin)) this.remarks.push({ kind, place, key, text });
  }
}
