/** What rules may ask about one client at a time: its addresses, what it has said, and what is counted for it. */

import {
  ABSENT,
  type Absent,
  type ConnectionFacts,
  PENDING,
  type Pending,
} from '../../../balance/conditions/facts.ts';
import type { SourceCounter, TrackPlace } from '../../../config/model/conditions.ts';
import { addressOf, pinnedBuffer } from '../../../linux/libc.ts';
import { AF_INET, AF_INET6 } from '../../../linux/sockets.ts';
import { lastAddress, localAddress } from '../../../linux/stream-calls.ts';
import type { RelayContext } from '../relay-context.ts';
import { usableServers } from '../routes/routes.ts';
import { PEER_ADDRESS_BYTES, TRACK_PLACES } from '../sessions/socket-table.ts';
import { HelloReader } from './hello-reader.ts';

/** As much of a client's first words as rules see: HAProxy's buffer holds as much. */
export const FIRST_WORDS_BYTES = 16_384;

const memory = pinnedBuffer(FIRST_WORDS_BYTES);

/** Where they are put for a moment, those of one client after the other. */
export const firstWords = { bytes: memory, address: addressOf(memory) };

/** Handshake records, and what may come around them (RFC 8446 section 5.1). */
const RECORD_TYPE_MIN = 20;
const RECORD_TYPE_MAX = 23;
/** Its type and length (section 4). */
const MESSAGE_HEADER_BYTES = 4;
/** A record's header, and that of the message in it. */
const HEADERS_BYTES = 5 + MESSAGE_HEADER_BYTES;

export class ClientFacts implements ConnectionFacts {
  /** Whether lastAddress is another one now. */
  hasAskedKernel = false;
  readonly #context: RelayContext;
  readonly #reader = new HelloReader();
  readonly #address = new Uint8Array(16);
  readonly #from = new Uint8Array(PEER_ADDRESS_BYTES);
  readonly #to = new Uint8Array(PEER_ADDRESS_BYTES);
  #client = 0;
  #knowsTarget = false;
  #length = 0;
  #moreComes = true;

  constructor(context: RelayContext) {
    this.#context = context;
  }

  /** The client is one whose address is in lastAddress. */
  accepted(client: number): void {
    this.#from.set(lastAddress.subarray(0, PEER_ADDRESS_BYTES));
    this.#begin(client);
  }

  /** The client has a session, which keeps its addresses. */
  known(session: number): void {
    const { address, destination } = this.#context.table;
    const start = session * PEER_ADDRESS_BYTES;
    this.#from.set(address.subarray(start, start + PEER_ADDRESS_BYTES));
    this.#begin(session);
    if (destination[start] === 0) return;
    this.#to.set(destination.subarray(start, start + PEER_ADDRESS_BYTES));
    this.#knowsTarget = true;
  }

  /** So many of its bytes lie in firstWords. */
  heard(bytes: number): void {
    this.#length = bytes;
  }

  nothingMoreComes(): void {
    this.#moreComes = false;
  }

  #begin(client: number): void {
    this.#client = client;
    this.#knowsTarget = false;
    this.hasAskedKernel = false;
    this.#length = 0;
    this.#moreComes = true;
  }

  // --- addresses ----------------------------------------------------------------------------------

  source(): Uint8Array | Absent {
    return readAddress(this.#from, this.#address) ? this.#address : ABSENT;
  }

  sourcePort(): number | Absent {
    return portOf(this.#from);
  }

  destination(): Uint8Array | Absent {
    this.#askTarget();
    return readAddress(this.#to, this.#address) ? this.#address : ABSENT;
  }

  destinationPort(): number | Absent {
    this.#askTarget();
    return portOf(this.#to);
  }

  #askTarget(): void {
    if (this.#knowsTarget) return;
    this.#knowsTarget = true;
    this.hasAskedKernel = true;
    if (localAddress(this.#client) === 0) {
      this.#to.set(lastAddress.subarray(0, PEER_ADDRESS_BYTES));
    } else this.#to.fill(0);
  }

  // --- counts -------------------------------------------------------------------------------------

  usableServers(backend: number): number {
    const one = this.#context.routes.backends[backend];
    return one === undefined ? 0 : usableServers(one);
  }

  ofSource(table: number, counter: SourceCounter): number | Absent {
    const source = this.source();
    if (source === ABSENT) return ABSENT;
    const { routes, clock } = this.#context;
    return routes.tables[table]?.of(source, counter, clock.now) ?? ABSENT;
  }

  tracked(place: TrackPlace, counter: SourceCounter): number | Absent {
    const { table, routes, clock } = this.#context;
    const at = this.#client * TRACK_PLACES + place;
    const entry = table.tracked[at] ?? 0;
    if (entry === 0) return ABSENT;
    const counts = routes.tables[table.trackedTable[at] ?? 0];
    return counts?.at(entry - 1, counter, clock.now) ?? ABSENT;
  }

  // --- what it says -------------------------------------------------------------------------------

  /** As HAProxy reads it: of the first message in a record of any kind, once all of the message is there. */
  helloType(): number | Absent | Pending {
    const bytes = firstWords.bytes;
    if (this.#length === 0) return this.#pending();
    const [recordType = 0, major = 0] = bytes;
    if (recordType < RECORD_TYPE_MIN || recordType > RECORD_TYPE_MAX) return ABSENT;
    if (this.#length < HEADERS_BYTES) return this.#pending();
    if (major < 3 || bytes.readUInt16BE(3) < MESSAGE_HEADER_BYTES) return ABSENT;
    const messageBytes = bytes.readUIntBE(6, 3);
    return this.#length < HEADERS_BYTES + messageBytes ? this.#pending() : (bytes[5] ?? 0);
  }

  serverName(): string | Absent | Pending {
    const { verdict, name } = this.#reader.readName(firstWords.bytes, 0, this.#length);
    if (verdict === 'partial') return this.#pending();
    return name ?? ABSENT;
  }

  received(): number {
    return this.#length;
  }

  moreComes(): boolean {
    return this.#moreComes;
  }

  #pending(): Pending | Absent {
    return this.#moreComes ? PENDING : ABSENT;
  }
}

/** The IP address of a struct sockaddr as 16 bytes, IPv4 in its mapped form. False: there is none. */
function readAddress(from: Uint8Array, into: Uint8Array): boolean {
  const family = from[0] ?? 0;
  if (family === AF_INET) {
    into.set(from.subarray(4, 8), 12);
    into[10] = 0xff;
    into[11] = 0xff;
    into.fill(0, 0, 10);
  } else if (family === AF_INET6) into.set(from.subarray(8, 24));
  else return false;
  return true;
}

function portOf(address: Uint8Array): number | Absent {
  const family = address[0] ?? 0;
  if (family !== AF_INET && family !== AF_INET6) return ABSENT;
  return (address[2] ?? 0) * 256 + (address[3] ?? 0);
}
