/** The times that VRRP reckons with (RFC 9568 section 6.1, RFC 3768 section 6.1), in ms. */

/** Skew_Time (RFC 3768 section 6.1: parts of a second; RFC 9568 section 6.1: parts of the interval). */
export function skewMs(version: 2 | 3, priority: number, masterIntervalMs: number): number {
  return ((256 - priority) * (version === 2 ? 1000 : masterIntervalMs)) / 256;
}

/** Master_Down_Interval of a backup with this priority. */
export function downIntervalMs(version: 2 | 3, priority: number, masterIntervalMs: number): number {
  return 3 * masterIntervalMs + skewMs(version, priority, masterIntervalMs);
}
