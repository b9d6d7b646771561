/** One instant by both clocks of a machine: the one that people and NTP set, and the one that nobody sets. */

export type Moment = {
  /** CLOCK_REALTIME, ms since 1970. */
  readonly utcMs: number;
  /** CLOCK_BOOTTIME, ms (linux/clock.ts). */
  readonly bootMs: number;
};
