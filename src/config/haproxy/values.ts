/** Values of haproxy.cfg directives: times (configuration manual 2.5), whole numbers, names. */

import { fail, ok, type Result } from '../../core/result.ts';

/** The longest time HAProxy takes: about 24.8 days. */
export const TIME_MS_MAX = 2_147_483_647;

const UNITS_US: ReadonlyMap<string, number> = new Map([
  ['us', 1],
  ['ms', 1_000],
  ['s', 1_000_000],
  ['m', 60_000_000],
  ['h', 3_600_000_000],
  ['d', 86_400_000_000],
]);

/**
 * A time with an optional unit, in whole milliseconds, rounded up so that a short time does not become
 * "no limit". `defaultUnit` counts where the file gives none.
 */
export function parseTimeMs(text: string, defaultUnit: 'ms' | 's' = 'ms'): Result<number> {
  const match = /^(\d{1,15})([a-z]*)$/.exec(text);
  const [, digits = '', unit = ''] = match ?? [];
  const factor = UNITS_US.get(unit === '' ? defaultUnit : unit);
  if (match === null || factor === undefined) {
    return fail(`"${text}" is not a time; write a whole number with us, ms, s, m, h or d`);
  }
  const milliseconds = Math.ceil((Number(digits) * factor) / 1_000);
  if (milliseconds > TIME_MS_MAX) return fail(`"${text}" is longer than the 24 days HAProxy takes`);
  return ok(milliseconds);
}

/** A whole number in decimal between two bounds, both included. */
export function parseInteger(text: string, min: number, max: number): Result<number> {
  if (/^\d{1,15}$/.test(text)) {
    const value = Number(text);
    if (value >= min && value <= max) return ok(value);
  }
  return fail(`"${text}" is not a whole number between ${min} and ${max}`);
}

/** Names of proxies and servers: letters, digits, "-", "_", "." and ":". */
export function isProxyName(text: string): boolean {
  return /^[A-Za-z0-9_.:-]{1,256}$/.test(text);
}

/** Permission bits in octal. */
export function parseMode(text: string): Result<number> {
  if (/^0?[0-7]{1,3}$/.test(text)) return ok(Number.parseInt(text, 8));
  return fail(`"${text}" is not a mode; write three octal digits such as 660`);
}

/** Protocols a check may offer; it speaks HTTP/1 only. */
export function parseAlpn(text: string): Result<readonly string[]> {
  const names = text.split(',');
  const odd = names.find((name) => name !== 'http/1.1' && name !== 'http/1.0');
  return odd === undefined ? ok(names) : fail(`checks do not speak "${odd}"; say http/1.1`);
}
