/** Socket addresses in wire form as log lines show them (HAProxy's %ci:%cp). */

import { AF_INET, AF_INET6 } from '../../linux/sockets.ts';

/** `host:port`; a unix peer, which has no address, is `unix:1` as HAProxy writes it. */
export function socketText(address: Uint8Array, offset: number): string {
  const byte = (at: number): number => address[offset + at] ?? 0;
  const family = byte(0) | (byte(1) << 8);
  const port = (byte(2) << 8) | byte(3);
  if (family === AF_INET) return `${byte(4)}.${byte(5)}.${byte(6)}.${byte(7)}:${port}`;
  if (family !== AF_INET6) return 'unix:1';
  const words: number[] = [];
  for (let word = 0; word < 8; word++) {
    words.push((byte(8 + word * 2) << 8) | byte(9 + word * 2));
  }
  return `${ipv6Text(words)}:${port}`;
}

/** RFC 5952: the first longest run of zeroes becomes "::", mapped IPv4 keeps its dots. */
function ipv6Text(words: readonly number[]): string {
  if (words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff) {
    const [high = 0, low = 0] = words.slice(6);
    return `::ffff:${high >>> 8}.${high & 255}.${low >>> 8}.${low & 255}`;
  }
  let best = { start: 0, length: 0 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && words[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const hex = words.map((word) => word.toString(16));
  if (best.length < 2) return hex.join(':');
  const head = hex.slice(0, best.start).join(':');
  return `${head}::${hex.slice(best.start + best.length).join(':')}`;
}
