/** Single values of keepalived.conf: numbers, times, addresses. Each reports what it refuses. */

import { parseIpv4 } from '../../core/ip.ts';
import { parseIpAddress } from '../../core/ip-address.ts';
import type { Word } from './lexer.ts';
import type { Statement } from './parser.ts';
import type { Report } from './report.ts';

/** The first word after the directive; walk() has made sure that it is there. */
export function firstValue(statement: Statement): Word {
  return statement.args[0] ?? statement.name;
}

/**
 * What counts in place of a value that cannot be, as in keepalived; absent: nothing does, because the
 * node would not do what its file says.
 */
type Otherwise = { readonly otherwise?: string };

/** Says what is wrong with a value, and what counts in its place. */
function refuse(word: Word, text: string, { otherwise }: Otherwise, report: Report): null {
  if (otherwise === undefined) report.error(word, 'bad-value', text);
  else report.warning(word, 'bad-value', `${text}; here ${otherwise}, as in keepalived`);
  return null;
}

export function parseInteger(
  word: Word,
  range: { readonly min: number; readonly max: number } & Otherwise,
  what: string,
  report: Report,
): number | null {
  const value = /^[+-]?\d{1,10}$/.test(word.text) ? Number(word.text) : Number.NaN;
  if (value >= range.min && value <= range.max) return value;
  const text = `"${word.text}" is no ${what}; give a whole number from ${range.min} to ${range.max}`;
  return refuse(word, text, range, report);
}

/** Seconds, also with a fraction, to whole milliseconds (rounded). */
export function parseSeconds(
  word: Word,
  range: { readonly minMs: number; readonly maxMs: number } & Otherwise,
  what: string,
  report: Report,
): number | null {
  const decimal = /^\d{1,7}(\.\d{1,9})?$|^\.\d{1,9}$/.test(word.text);
  const valueMs = decimal ? Math.round(Number(word.text) * 1000) : Number.NaN;
  if (valueMs >= range.minMs && valueMs <= range.maxMs) return valueMs;
  const bounds = `${range.minMs / 1000} to ${range.maxMs / 1000}`;
  const text = `"${word.text}" is no ${what}; give seconds from ${bounds}`;
  return refuse(word, text, range, report);
}

/** An IPv4 address as written; IPv6 is told apart, because it is a matter of support. */
export function parseAddress(word: Word, what: string, report: Report): string | null {
  if (parseIpv4(word.text).ok) return word.text;
  if (/^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(\/\d+)?$/.test(word.text)) {
    const text = `"${word.text}" is an IPv6 address; only IPv4 is supported for a ${what}`;
    report.error(word, 'unsupported-directive', text);
  } else {
    report.error(word, 'bad-value', `"${word.text}" is no IPv4 address for a ${what}`);
  }
  return null;
}

/** An address of either family as written. */
export function parseAnyAddress(word: Word, what: string, report: Report): string | null {
  if (parseIpAddress(word.text).ok) return word.text.toLowerCase();
  report.error(word, 'bad-value', `"${word.text}" is no IP address for a ${what}`);
  return null;
}

/** IFNAMSIZ - 1 characters, no slash and no blank (netdevice(7)). */
export function parseInterface(word: Word, report: Report): string | null {
  if (/^[^\s/]{1,15}$/.test(word.text)) return word.text;
  const text = `"${word.text}" is no interface name; it has 1 to 15 characters and no "/"`;
  report.error(word, 'bad-value', text);
  return null;
}

const MULTICAST_FIRST_MIN = 224;
const MULTICAST_FIRST_MAX = 239;

/** null: the line is ignored, as in keepalived. */
export function parseMulticastGroup(word: Word, report: Report): string | null {
  const { text } = word;
  const otherwise = { otherwise: 'the line is ignored' };
  if (!parseIpAddress(text).ok) {
    return refuse(word, `"${text}" is no IP address for a multicast group`, otherwise, report);
  }
  if (text.includes(':')) {
    // IPv6 groups of VRRP stay on the link.
    if (/^ff[0-9a-f]2:/i.test(text)) return text.toLowerCase();
    const wrong = `"${text}" is no multicast group of one link; VRRP's own is "ff02::12"`;
    return refuse(word, wrong, otherwise, report);
  }
  const first = Number(text.split('.')[0]);
  if (first >= MULTICAST_FIRST_MIN && first <= MULTICAST_FIRST_MAX) return text;
  const wrong = `"${text}" is no multicast group; VRRP's own is "224.0.0.18"`;
  return refuse(word, wrong, otherwise, report);
}

/** A switch with an optional value; a bare name means on. */
export function parseSwitch(statement: Statement, report: Report): boolean {
  const word = statement.args[0];
  if (word === undefined || /^(on|true|yes)$/.test(word.text)) return true;
  if (!/^(off|false|no)$/.test(word.text)) {
    const text = `"${word.text}" is neither "on" nor "off"`;
    refuse(word, text, { otherwise: 'it is off' }, report);
  }
  return false;
}
