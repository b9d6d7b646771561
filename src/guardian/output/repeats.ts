/**
 * Lines that come again and again, e.g. because something is started and fails each time: the first ones of ten
 * seconds are written, then one that says how many followed.
 */

/** Longer than what a fault and its end take, so that a reader sees that it goes on. */
const SPAN_MS = 10_000;

/** Of one line in a span: more than anything says that works. */
const REPEATS_MAX = 10;

/** Different lines that are counted in a span; those beyond are written as they come. */
const COUNTED_MAX = 256;

export class Repeats {
  readonly #tell: (line: string, times: number) => void;
  readonly #counts = new Map<string, number>();
  #span: NodeJS.Timeout | null = null;

  /** `tell` is called at the end of a span for each line that was left out in it. */
  constructor(tell: (line: string, times: number) => void) {
    this.#tell = tell;
  }

  /** Whether it is to be written. */
  admits(line: string): boolean {
    const count = (this.#counts.get(line) ?? 0) + 1;
    if (count === 1 && this.#counts.size >= COUNTED_MAX) return true;
    this.#counts.set(line, count);
    this.#span ??= setTimeout(() => this.#end(), SPAN_MS).unref();
    return count <= REPEATS_MAX;
  }

  #end(): void {
    this.#span = null;
    const counts = [...this.#counts];
    this.#counts.clear();
    for (const [line, count] of counts) {
      if (count > REPEATS_MAX) this.#tell(line, count - REPEATS_MAX);
    }
  }
}
