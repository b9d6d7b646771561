/** Assertions for programmer errors. They stay on in production: a broken invariant must not run on. */

/** Throws when an invariant does not hold. Never used for bad input, which gets a diagnosis instead. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`Broken invariant: ${message}`);
}

/** Makes the compiler prove that a discriminated union is handled whole. */
export function unreachable(value: never): never {
  throw new Error(`Broken invariant: unexpected ${JSON.stringify(value)}`);
}
