/**
 * What an owner of the VIP tells the other nodes of its clients, in UDP datagrams on the nodes' own port: four bytes that
 * say what it is and in which version, a body, and an HMAC-SHA256 of both where the nodes share a key. Pure.
 *
 *     "EGC" version | kind | time | sender | family port VIP | body | HMAC
 *
 * All numbers in network order. The time, ms of UTC as a binary64, grows from one datagram of a sender to the next.
 */

import { fail, type Result } from '../../core/result.ts';
import { DATAGRAM_BYTES_MAX, DIGEST_BYTES, isSigned, keyOf, sign } from '../peers/signed.ts';
import { type ClientKey, PARTS } from './client-list.ts';

export const CLIENTS_VERSION = 1;
const MAGIC = Buffer.from('EGC');
const PURPOSE = 'evergate clients 1';
const NAME_BYTES_MAX = 255;
const KINDS = ['add', 'remove', 'part', 'digests', 'ask'] as const;
const FAMILIES = { 4: 4, 6: 16 } as const;

/** Where its clients connect to: the VIP's bytes as text, 4 or 16, and the port. */
export type ClientService = { readonly vip: string; readonly port: number };

/** One text for each. */
export function serviceName({ vip, port }: ClientService): string {
  return `${vip}${port}`;
}

export type ClientBody =
  | { readonly kind: 'add' | 'remove'; readonly clients: readonly ClientKey[] }
  /** All of one part, or, but for the `first`, more of it. */
  | {
      readonly kind: 'part';
      readonly part: number;
      readonly first: boolean;
      readonly clients: readonly ClientKey[];
    }
  /** Of everything there is, once a second. */
  | { readonly kind: 'digests'; readonly digests: readonly number[] }
  /** Tell these parts again. */
  | { readonly kind: 'ask'; readonly parts: readonly number[] };

export type ClientMessage = {
  readonly sentAtMs: number;
  /** Name of the node. */
  readonly from: string;
  readonly service: ClientService;
  readonly body: ClientBody;
};

/** The lists' own key, of the text of the cluster's key file. */
export function clientsKey(secret: string): Buffer {
  return keyOf(secret, PURPOSE);
}

/** How many clients fit into one datagram of this sender. */
export function clientsPerDatagram(from: string, { vip }: ClientService): number {
  const head = MAGIC.length + 2 + 8 + 1 + Buffer.byteLength(from) + 3 + vip.length;
  return Math.floor((DATAGRAM_BYTES_MAX - DIGEST_BYTES - head - 2) / (vip.length + 2));
}

/** `key`: null: the nodes share none. */
export function encodeClients(key: Buffer | null, message: ClientMessage): Buffer {
  const { sentAtMs, service, body } = message;
  const name = Buffer.from(message.from).subarray(0, NAME_BYTES_MAX);
  const time = Buffer.alloc(8);
  time.writeDoubleBE(sentAtMs);
  const port = Buffer.alloc(2);
  port.writeUInt16BE(service.port);
  const signed = Buffer.concat([
    MAGIC,
    Buffer.from([CLIENTS_VERSION, KINDS.indexOf(body.kind)]),
    time,
    Buffer.from([name.length]),
    name,
    Buffer.from([service.vip.length === 4 ? 4 : 6]),
    port,
    Buffer.from(service.vip, 'latin1'),
    encodeBody(body),
  ]);
  return key === null ? signed : sign(key, signed);
}

function encodeBody(body: ClientBody): Buffer {
  switch (body.kind) {
    case 'add':
    case 'remove':
      return Buffer.from(body.clients.join(''), 'latin1');
    case 'part':
      return Buffer.concat([
        Buffer.from([body.part, body.first ? 1 : 0]),
        Buffer.from(body.clients.join(''), 'latin1'),
      ]);
    case 'digests': {
      const bytes = Buffer.alloc(4 * PARTS);
      for (const [part, digest] of body.digests.entries()) bytes.writeUInt32BE(digest, 4 * part);
      return bytes;
    }
    case 'ask':
      return Buffer.from(body.parts);
  }
}

/** The version of whoever speaks of clients; null: it is about something else. Looks at nothing more. */
export function clientsVersionOf(bytes: Uint8Array): number | null {
  return MAGIC.equals(bytes.subarray(0, MAGIC.length)) ? (bytes[MAGIC.length] ?? 0) : null;
}

/** Never throws. With a key nothing is looked at before the signature. */
export function decodeClients(key: Buffer | null, bytes: Buffer): Result<ClientMessage> {
  if (bytes.length > DATAGRAM_BYTES_MAX) return fail('wrong length');
  const end = bytes.length - (key === null ? 0 : DIGEST_BYTES);
  if (end < 15) return fail('wrong length');
  const signed = bytes.subarray(0, end);
  if (key !== null && !isSigned(key, bytes)) return fail('wrong signature');
  if (clientsVersionOf(signed) !== CLIENTS_VERSION) return fail('another version');
  const sentAtMs = signed.readDoubleBE(5);
  if (!Number.isFinite(sentAtMs)) return fail('no time');
  const nameEnd = 14 + signed.readUInt8(13);
  if (signed.length < nameEnd + 3) return fail('wrong length');
  const family = signed.readUInt8(nameEnd);
  if (family !== 4 && family !== 6) return fail('no family');
  const addressBytes = FAMILIES[family];
  const at = nameEnd + 3 + addressBytes;
  if (signed.length < at) return fail('wrong length');
  const service = {
    port: signed.readUInt16BE(nameEnd + 1),
    vip: signed.toString('latin1', nameEnd + 3, at),
  };
  const body = decodeBody(KINDS[signed.readUInt8(4)], signed.subarray(at), addressBytes + 2);
  if (body === null) return fail('no body');
  return {
    ok: true,
    value: { sentAtMs, from: signed.toString('utf8', 14, nameEnd), service, body },
  };
}

function decodeBody(
  kind: ClientBody['kind'] | undefined,
  bytes: Buffer,
  clientBytes: number,
): ClientBody | null {
  switch (kind) {
    case 'add':
    case 'remove': {
      const clients = decodeClientKeys(bytes, clientBytes);
      return clients === null ? null : { kind, clients };
    }
    case 'part': {
      const clients = bytes.length < 2 ? null : decodeClientKeys(bytes.subarray(2), clientBytes);
      const part = bytes[0] ?? PARTS;
      return clients === null || part >= PARTS
        ? null
        : { kind, part, first: bytes[1] === 1, clients };
    }
    case 'digests': {
      if (bytes.length !== 4 * PARTS) return null;
      const digests = Array.from({ length: PARTS }, (_, part) => bytes.readUInt32BE(4 * part));
      return { kind, digests };
    }
    case 'ask': {
      const parts = [...bytes];
      return parts.length > PARTS || parts.some((part) => part >= PARTS) ? null : { kind, parts };
    }
    case undefined:
      return null;
  }
}

/** null: they are not whole. */
function decodeClientKeys(bytes: Buffer, clientBytes: number): readonly ClientKey[] | null {
  if (bytes.length % clientBytes !== 0) return null;
  const all = bytes.toString('latin1');
  return Array.from({ length: bytes.length / clientBytes }, (_, index) =>
    all.slice(index * clientBytes, (index + 1) * clientBytes),
  );
}
