/** Waiting in tests: on conditions, never on time. */

/**
 * Guards against hanging, and is no verdict: what must be quick is measured (time-verdict.ts). Longer than
 * anything takes here on a machine that does five other things.
 */
const HANG_MS = 60_000;

/** Polls until `probe` gives something other than false, null or undefined. */
export async function waitUntil<Value>(
  what: string,
  probe: () => Value | Promise<Value>,
  everyMs = 20,
): Promise<NonNullable<Value>> {
  const deadline = performance.now() + HANG_MS;
  for (;;) {
    const value = await probe();
    if (value !== false && value !== null && value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(`Waited ${HANG_MS} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
