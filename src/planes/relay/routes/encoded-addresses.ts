/** Addresses of servers and of our own ends, encoded once for all connections. */

import type { ServerAddress } from '../../../balance/snapshot.ts';
import type { ServerConfig } from '../../../config/model/traffic.ts';
import { addressOf, pinnedBuffer } from '../../../linux/libc.ts';
import { AF_INET, AF_INET6, encodeSocketAddress } from '../../../linux/sockets.ts';

export type EncodedAddress = {
  family: number;
  /** Memory address and length of a struct sockaddr; 0: there is none. */
  address: number;
  addressBytes: number;
};

/** An address that is not this machine's. */
export type ForeignSource = {
  /** null: that of each client. */
  readonly address: EncodedAddress | null;
  /** Its port is part of it. */
  readonly fixedPort: boolean;
};

const NOWHERE: EncodedAddress = { family: AF_INET, address: 0, addressBytes: 0 };

/** Kept for good, so that a configuration read again and again takes no more memory. */
const encodedAddresses = new Map<
  string,
  { readonly memory: Buffer; text: string; bytes: number }
>();

/** A name's addresses change, where its connections come from does not. */
export function encodedSource({ source }: ServerConfig): EncodedAddress | null {
  return source === undefined ? null : encodedPlace({ host: source, port: 0 });
}

export function foreignSource({ transparent }: ServerConfig): ForeignSource | null {
  if (transparent === undefined) return null;
  if (transparent.kind === 'client') return { address: null, fixedPort: transparent.withPort };
  return { address: encodedPlace(transparent), fixedPort: transparent.port !== 0 };
}

function encodedPlace(place: ServerAddress): EncodedAddress {
  return encodedAddress('', { name: place.host }, place);
}

/** A server with a name has memory of its own, however many addresses the name leads to over time. */
export function encodedAddress(
  backend: string,
  { name, resolution }: Pick<ServerConfig, 'name' | 'resolution'>,
  place: ServerAddress | null,
): EncodedAddress {
  if (place === null) return NOWHERE;
  const { host, port } = place;
  const text = `${host} ${port}`;
  const key = resolution === undefined ? text : `${backend}/${name}`;
  const known = encodedAddresses.get(key) ?? { memory: pinnedBuffer(4096), text: '', bytes: 0 };
  encodedAddresses.set(key, known);
  const kind = host.includes(':') ? 'ipv6' : 'ipv4';
  if (known.text !== text) {
    const encoded = encodeSocketAddress({ kind, host, port });
    encoded.copy(known.memory);
    Object.assign(known, { text, bytes: encoded.length });
  }
  return {
    family: kind === 'ipv6' ? AF_INET6 : AF_INET,
    address: addressOf(known.memory),
    addressBytes: known.bytes,
  };
}
