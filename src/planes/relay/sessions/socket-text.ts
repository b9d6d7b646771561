/** Socket addresses in wire form as log lines show them (HAProxy's %ci:%cp). */

import { formatIpv6 } from '../../../core/ipv6.ts';
import { AF_INET, AF_INET6 } from '../../../linux/sockets.ts';

/** `host:port`; a unix peer, which has no address, is `unix:1` as HAProxy writes it. */
export function socketText(address: Uint8Array, offset: number): string {
  const byte = (at: number): number => address[offset + at] ?? 0;
  const family = byte(0) | (byte(1) << 8);
  const port = (byte(2) << 8) | byte(3);
  if (family === AF_INET) return `${byte(4)}.${byte(5)}.${byte(6)}.${byte(7)}:${port}`;
  return family === AF_INET6 ? `${formatIpv6(address, offset + 8)}:${port}` : 'unix:1';
}
