/**
 * Everything a relay knows about its sockets, in typed arrays indexed by file descriptor: no object per
 * connection, nothing for the garbage collector. Zero means "none" throughout, because the arrays are
 * sized for the highest descriptor and untouched pages of zeroes cost no memory.
 *
 * A session is named by its client's descriptor; its own columns use that index.
 */

import { assert } from '../../../core/assert.ts';

/** Descriptors a table has room for at most, whatever RLIMIT_NOFILE says. */
export const DESCRIPTORS_MAX = 1 << 20;

export const ROLE_NONE = 0;
export const ROLE_LISTENER = 1;
export const ROLE_CLIENT = 2;
export const ROLE_SERVER = 3;
export const ROLE_WAKEUP = 4;

/** The kernel may have bytes, or the end of the stream, for us. */
export const READABLE = 1;
/** The kernel took all we gave it so far. */
export const WRITABLE = 2;
/** The peer's FIN is behind everything we read. */
export const ENDED = 4;
/** We sent our FIN. */
export const FINISHED = 8;
/** Reads filled the buffer: bytes of this source go through a pipe. */
export const SPLICING = 16;
/** The last bytes went out with SPLICE_F_MORE; a partial segment may wait in the kernel. */
export const CORKED = 32;
/** The kernel announced FIN or error: a short read proves nothing, read on until it shows. */
export const HUNG_UP = 64;

/** A server that is connected and got all of the client's first flight so far. */
export const JOINED = 128;
/** Its FIN lies behind what we have not read yet: a short read is the last one. */
export const FIN_WAITS = 256;
/** Nothing was sent to it yet. */
export const FRESH = 512;
/** Something was, and Nagle's algorithm is still on: see sending.ts. */
export const NAGLING = 1024;
/** A client that a second server was refused. */
export const HEDGE_REFUSED = 2048;

// What a session is about; only in PHASE_OPEN do its bytes flow, all else is opening.ts.
export const PHASE_OPEN = 0;
/** The PROXY protocol header has not come yet. */
export const PHASE_GREETING = 1;
/** No server has room. */
export const PHASE_QUEUED = 2;
export const PHASE_CONNECTING = 3;
/** Connected, but no server has answered a byte: the session can still go elsewhere. */
export const PHASE_FLIGHT = 4;
/** Rules wait for what the client says; where they are a frontend's, it has no backend yet. */
export const PHASE_INSPECTING = 5;

/** Places in which rules count a session for its source (HAProxy: sc0, sc1, sc2). */
export const TRACK_PLACES = 3;
/** The client has said nothing yet, and servers are given no more hellos than they can answer. */
export const PHASE_SILENT = 6;

/** Bytes of a socket address we keep for the log and for PROXY protocol headers. */
export const PEER_ADDRESS_BYTES = 32;

export class SocketTable {
  readonly size: number;
  /** The highest descriptor that was ever open; searches end there. */
  highest = 0;

  // --- every socket ---
  readonly role: Uint8Array;
  /** Grows with each use of the descriptor; goes with the socket's epoll events. */
  readonly generation: Int32Array;
  readonly flags: Uint16Array;
  readonly peer: Int32Array;
  /** ms; last byte in or out. */
  readonly activeAt: Float64Array;
  /** ms; since when a server's answer is waited for, to a connect or to a hello; 0: it is not. */
  readonly askedAt: Float64Array;
  /** Bytes read from this socket. */
  readonly bytes: Float64Array;
  /** Bytes read from this socket which its peer did not take yet. */
  readonly held: Int32Array;
  /** 1 + slot in the buffer pool that holds them. */
  readonly slot: Int32Array;
  readonly slotStart: Int32Array;
  /** 1 + pipe that holds them, where there is no slot. */
  readonly pipe: Int32Array;
  /** 1 while the descriptor waits in the ready ring. */
  readonly queued: Uint8Array;

  // --- sessions, by the client's descriptor ---
  /** 1 + index of the frontend. */
  readonly frontend: Int32Array;
  /** 1 + index of the backend; 0: none chosen. */
  readonly backend: Int32Array;
  /** 1 + index of the server in the backend; 0: none chosen. */
  readonly server: Int32Array;
  /** One of PHASE_... */
  readonly phase: Uint8Array;
  /** Socket of a second server racing the first; 0: none. */
  readonly rival: Int32Array;
  /** 1 + index of that server. */
  readonly rivalServer: Int32Array;
  /** ms; when a second server joins the race; 0: never. */
  readonly hedgeAt: Float64Array;
  readonly attempts: Uint16Array;
  /** Set once both sides have sent something. */
  readonly tunnel: Uint8Array;
  readonly sourceHash: Uint32Array;
  /** ms, monotonic. */
  readonly acceptedAt: Float64Array;
  /** ms, wall clock. */
  readonly acceptedWall: Float64Array;
  /** ms; when it began to wait for a server with room. */
  readonly queuedAt: Float64Array;
  /** ms it waited there. */
  readonly waitedMs: Float64Array;
  /** ms; until when its rules wait for what they ask about; 0: they have not begun to. */
  readonly inspectUntil: Float64Array;
  /** Bytes that its rules have seen, and that still wait in the kernel. */
  readonly inspected: Int32Array;
  /** TRACK_PLACES for each session: 1 + where it is counted in a source table; 0: not. */
  readonly tracked: Int32Array;
  /** The same: index of that table. */
  readonly trackedTable: Uint16Array;
  /** ms from accept to established; -1: never. */
  readonly connectMs: Float64Array;
  readonly address: Uint8Array;
  /** Where the client went, as a PROXY protocol header said; family 0: it did not. */
  readonly destination: Uint8Array;
  /** Bit per server already tried, `triedWords` words per session. */
  tried: Uint32Array;
  triedWords: number;

  /** `filesMax`: RLIMIT_NOFILE; `serversMax`: servers of the largest backend. */
  constructor(filesMax: number, serversMax: number) {
    const size = Math.min(filesMax, DESCRIPTORS_MAX);
    assert(size > 0, 'a relay needs descriptors');
    this.size = size;
    this.role = new Uint8Array(size);
    this.generation = new Int32Array(size);
    this.flags = new Uint16Array(size);
    this.peer = new Int32Array(size);
    this.activeAt = new Float64Array(size);
    this.askedAt = new Float64Array(size);
    this.bytes = new Float64Array(size);
    this.held = new Int32Array(size);
    this.slot = new Int32Array(size);
    this.slotStart = new Int32Array(size);
    this.pipe = new Int32Array(size);
    this.queued = new Uint8Array(size);
    this.frontend = new Int32Array(size);
    this.backend = new Int32Array(size);
    this.server = new Int32Array(size);
    this.phase = new Uint8Array(size);
    this.rival = new Int32Array(size);
    this.rivalServer = new Int32Array(size);
    this.hedgeAt = new Float64Array(size);
    this.attempts = new Uint16Array(size);
    this.tunnel = new Uint8Array(size);
    this.sourceHash = new Uint32Array(size);
    this.acceptedAt = new Float64Array(size);
    this.acceptedWall = new Float64Array(size);
    this.queuedAt = new Float64Array(size);
    this.waitedMs = new Float64Array(size);
    this.inspectUntil = new Float64Array(size);
    this.inspected = new Int32Array(size);
    this.tracked = new Int32Array(size * TRACK_PLACES);
    this.trackedTable = new Uint16Array(size * TRACK_PLACES);
    this.connectMs = new Float64Array(size);
    this.address = new Uint8Array(size * PEER_ADDRESS_BYTES);
    this.destination = new Uint8Array(size * PEER_ADDRESS_BYTES);
    this.triedWords = Math.max(1, Math.ceil(serversMax / 32));
    this.tried = new Uint32Array(size * this.triedWords);
  }

  /** Starts a new life of a descriptor; returns its generation. */
  open(fd: number, role: number, now: number): number {
    assert(fd < this.size, 'a descriptor lies within the table');
    assert(this.role[fd] === ROLE_NONE, 'a descriptor is opened once');
    if (fd > this.highest) this.highest = fd;
    this.role[fd] = role;
    this.flags[fd] = 0;
    this.peer[fd] = 0;
    this.activeAt[fd] = now;
    this.bytes[fd] = 0;
    const generation = ((this.generation[fd] ?? 0) + 1) | 0;
    this.generation[fd] = generation;
    return generation;
  }

  forget(fd: number): void {
    this.role[fd] = ROLE_NONE;
    this.peer[fd] = 0;
  }

  /** The session a client's or server's descriptor belongs to. */
  sessionOf(fd: number): number {
    return this.role[fd] === ROLE_CLIENT ? fd : (this.peer[fd] ?? 0);
  }

  isTried(session: number, server: number): boolean {
    const word = this.tried[session * this.triedWords + (server >>> 5)] ?? 0;
    return (word & (1 << (server & 31))) !== 0;
  }

  markTried(session: number, server: number): void {
    const index = session * this.triedWords + (server >>> 5);
    this.tried[index] = (this.tried[index] ?? 0) | (1 << (server & 31));
  }

  /** Makes room for backends of so many servers; nobody has tried any afterwards. */
  forgetTried(serversMax: number): void {
    this.triedWords = Math.max(1, Math.ceil(serversMax / 32));
    this.tried = new Uint32Array(this.size * this.triedWords);
  }

  clearTried(session: number): void {
    for (let word = 0; word < this.triedWords; word++) {
      this.tried[session * this.triedWords + word] = 0;
    }
  }
}
