/**
 * How long a virtual address outlives whoever put it on the interface (docs/adr/0004): the kernel removes
 * it after the lifetime (ip-address(8), valid_lft) unless it is renewed.
 */

/** Whole seconds are what the kernel takes. */
export const LIFETIME_SECONDS = 2;
/** The kernel looks at lifetimes about once a second, so it may be late by as much. */
export const LIFETIME_MS_MAX = (LIFETIME_SECONDS + 1) * 1000;
/** Four renewals may fail in a row. */
export const RENEW_INTERVAL_MS = 400;
