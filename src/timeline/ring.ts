/**
 * The form in which events are kept: a ring of slots of one size, in a file whose whole length is there from the start, so
 * that a full disk takes no event. Moves of VIPs and ends of guardians have slots of their own: a server that comes and
 * goes for hours does not wash away why the VIP moved.
 *
 * A slot begins and ends with the number of its event. One write fills it; where that was broken off, the two differ, or
 * what is between them is no event: then the slot is skipped and counted.
 */

import {
  EVENT_CHARS_MAX,
  EVENT_ITEMS_MAX,
  type EventKind,
  type NodeEvent,
  parseEvent,
} from '../contracts/events.ts';

export const SLOT_BYTES = 1024;
const MOVE_SLOTS = 64;
const OTHER_SLOTS = 448;
export const RING_BYTES = (MOVE_SLOTS + OTHER_SLOTS) * SLOT_BYTES;

const MOVES: ReadonlySet<EventKind> = new Set<EventKind>(['vip', 'guardian']);

/** Texts are cut to these, one after the other, until an event fits its slot. */
const CHARS_MAX = [EVENT_CHARS_MAX, 160, 80, 40];

const SPACE = 0x20;
const LINE_END = 0x0a;

/** Where the next events go. */
export type Cursor = {
  /** Of the next event. */
  readonly n: number;
  readonly moveSlot: number;
  readonly otherSlot: number;
};

export type Kept = {
  /** Oldest first. */
  readonly events: readonly NodeEvent[];
  /** Slots that hold what is no event. */
  readonly torn: number;
  readonly cursor: Cursor;
};

/** What a ring of RING_BYTES holds; one that is shorter, or of anything else, holds less. Never throws. */
export function readRing(bytes: Uint8Array): Kept {
  const found: { readonly slot: number; readonly event: NodeEvent }[] = [];
  let torn = 0;
  for (let slot = 0; slot < MOVE_SLOTS + OTHER_SLOTS; slot++) {
    const part = bytes.subarray(slot * SLOT_BYTES, (slot + 1) * SLOT_BYTES);
    if (part.every((byte) => byte === 0)) continue;
    const event = readSlot(part);
    if (event === null) torn += 1;
    else found.push({ slot, event });
  }
  found.sort((one, other) => one.event.n - other.event.n);
  const last = (moves: boolean): number =>
    found.findLast(({ slot }) => slot < MOVE_SLOTS === moves)?.slot ??
    (moves ? -1 : MOVE_SLOTS - 1);
  const cursor = {
    n: (found.at(-1)?.event.n ?? 0) + 1,
    moveSlot: (last(true) + 1) % MOVE_SLOTS,
    otherSlot: MOVE_SLOTS + ((last(false) - MOVE_SLOTS + 1) % OTHER_SLOTS),
  };
  return { events: found.map(({ event }) => event), torn, cursor };
}

export type Placed = {
  /** Of the file. */
  readonly offset: number;
  /** SLOT_BYTES */
  readonly bytes: Uint8Array;
  readonly next: Cursor;
};

/** An event with its number, in its slot. */
export function placeEvent(cursor: Cursor, event: NodeEvent): Placed {
  const isMove = MOVES.has(event.kind);
  const slot = isMove ? cursor.moveSlot : cursor.otherSlot;
  const next = isMove
    ? { moveSlot: (slot + 1) % MOVE_SLOTS }
    : { otherSlot: MOVE_SLOTS + ((slot - MOVE_SLOTS + 1) % OTHER_SLOTS) };
  return {
    offset: slot * SLOT_BYTES,
    bytes: writeSlot(event),
    next: { ...cursor, ...next, n: event.n + 1 },
  };
}

function writeSlot(event: NodeEvent): Uint8Array {
  const end = new TextEncoder().encode(` ${event.n}\n`);
  const slot = new Uint8Array(SLOT_BYTES).fill(SPACE);
  slot.set(end, SLOT_BYTES - end.length);
  for (const charsMax of CHARS_MAX) {
    const head = new TextEncoder().encode(
      `${event.n} ${JSON.stringify(cutTexts(event, charsMax))}`,
    );
    if (head.length > SLOT_BYTES - end.length) continue;
    slot.set(head);
    return slot;
  }
  // Names of nothing but control characters, which JSON writes as six: what is left is that there was an event.
  return slot;
}

/** `texts` and what lists hold, each as long as it may be. */
function cutTexts(event: NodeEvent, charsMax: number): NodeEvent {
  return JSON.parse(JSON.stringify(event), (_key, value: unknown) => {
    if (Array.isArray(value)) return value.slice(0, EVENT_ITEMS_MAX);
    if (typeof value !== 'string' || value.length <= charsMax) return value;
    return `${value.slice(0, charsMax - 1).toWellFormed()}…`;
  });
}

function readSlot(bytes: Uint8Array): NodeEvent | null {
  if (bytes.length !== SLOT_BYTES || bytes.at(-1) !== LINE_END) return null;
  const match = /^(\d{1,16}) (\{.*\}) +(\d{1,16})\n$/s.exec(new TextDecoder().decode(bytes));
  if (match === null || match[1] !== match[3]) return null;
  let value: unknown;
  try {
    value = JSON.parse(match[2] ?? '');
  } catch {
    return null;
  }
  const parsed = parseEvent(value);
  return parsed.ok && parsed.value.n === Number(match[1]) ? parsed.value : null;
}
