/** IPv6 addresses as text (RFC 4291 section 2.2, RFC 5952) and as 16 bytes in network order. */

import { parseIpv4 } from './ip.ts';
import { fail, ok, type Result } from './result.ts';

export const IPV6_BYTES = 16;

/** Without a zone and without brackets; the dotted tail of a mapped address is understood. */
export function parseIpv6(text: string): Result<Uint8Array> {
  const wrong = fail(`"${text}" is not an IPv6 address`);
  // Longest form there is; whatever is longer need not be taken apart.
  if (text.length > 45) return wrong;
  const halves = text.split('::');
  if (halves.length > 2) return wrong;
  const [head = [], tail = []] = halves.map(wordsOf);
  if (head === null || tail === null) return wrong;
  const count = head.length + tail.length;
  if (halves.length === 1 ? count !== 8 : count > 7) return wrong;
  // A dotted tail may only stand at the very end.
  if (halves.length === 2 && halves[0]?.includes('.') === true) return wrong;
  const words = [...head, ...new Array<number>(8 - count).fill(0), ...tail];
  return ok(Uint8Array.from(words.flatMap((word) => [word >>> 8, word & 255])));
}

/** null: not groups of an address. */
function wordsOf(half: string): number[] | null {
  if (half === '') return [];
  const groups = half.split(':');
  const words: number[] = [];
  for (const [index, group] of groups.entries()) {
    if (group.includes('.')) {
      const ipv4 = parseIpv4(group);
      if (!ipv4.ok || index !== groups.length - 1) return null;
      words.push(ipv4.value >>> 16, ipv4.value & 0xffff);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(group)) words.push(Number.parseInt(group, 16));
    else return null;
  }
  return words;
}

/** The first longest run of zeroes becomes "::", a mapped IPv4 address keeps its dots (RFC 5952). */
export function formatIpv6(address: Uint8Array, offset = 0): string {
  const byte = (at: number): number => address[offset + at] ?? 0;
  const words = Array.from({ length: 8 }, (_, word) => (byte(word * 2) << 8) | byte(word * 2 + 1));
  if (words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff) {
    return `::ffff:${byte(12)}.${byte(13)}.${byte(14)}.${byte(15)}`;
  }
  let best = { start: 0, length: 0 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && words[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const hex = words.map((word) => word.toString(16));
  if (best.length < 2) return hex.join(':');
  const front = hex.slice(0, best.start).join(':');
  return `${front}::${hex.slice(best.start + best.length).join(':')}`;
}
