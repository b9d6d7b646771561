/** The times that VRRP reckons with (RFC 9568 section 6.1, RFC 3768 section 6.1), in ms. */

/** Skew_Time (RFC 3768 section 6.1: parts of a second; RFC 9568 section 6.1: parts of the interval). */
export function skewMs(version: 2 | 3, priority: number, masterIntervalMs: number): number {
  return ((256 - priority) * (version === 2 ? 1000 : masterIntervalMs)) / 256;
}

/**
 * Skew_Time after an advertisement of priority 0. Only the order of the backups matters then, and nobody
 * waits for a packet that may be lost: parts of a tenth of a second are enough, also where the interval is a
 * second and the RFCs have clients wait for up to one (docs/adr/0011).
 */
export function farewellSkewMs(version: 2 | 3, priority: number, masterIntervalMs: number): number {
  return skewMs(3, priority, Math.min(version === 2 ? 1000 : masterIntervalMs, 100));
}

/**
 * How long a master that leaves waits for a successor: any skew the RFCs allow, which is less than an
 * interval, so that two who meet after a partition and both leave do not own longer than rivals do.
 */
export function leaveMs(intervalMs: number): number {
  return Math.min(1000, intervalMs);
}

/** Master_Down_Interval of a backup with this priority. */
export function downIntervalMs(version: 2 | 3, priority: number, masterIntervalMs: number): number {
  return 3 * masterIntervalMs + skewMs(version, priority, masterIntervalMs);
}

/** Less would be what any busy machine does to a process. */
const SILENCE_MS_MIN = 50;
/** Two renewals of the addresses missed, and their lifetime not over yet (docs/adr/0004). */
const SILENCE_MS_MAX = 1000;

/**
 * After its last sign of life a master counts as hung. Signs come with each advertisement and each renewal of the
 * addresses, and the first of backups takes over after three intervals.
 */
export function silenceMs(intervalMs: number): number {
  return Math.min(Math.max(SILENCE_MS_MIN, 2.5 * intervalMs), SILENCE_MS_MAX);
}
