/** The Internet checksum (RFC 1071): one's complement of the one's complement sum of 16-bit words. */

/** Sum of `bytes[start, end)`, not folded; an odd last byte counts as the high half of a word. */
export function sumWords(bytes: Uint8Array, start: number, end: number, initial = 0): number {
  let sum = initial;
  let index = start;
  for (; index + 1 < end; index += 2) sum += ((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0);
  if (index < end) sum += (bytes[index] ?? 0) << 8;
  return sum;
}

/** Folds a sum to 16 bits and complements it. Over data that holds its own checksum this gives 0. */
export function foldChecksum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  return ~folded & 0xffff;
}
