/** DNS messages (RFC 1035 section 4) that answer a question: right ones, and wrong ones of every kind. */

import type { Random } from '../../src/core/random.ts';
import type { Reply, Way } from './hostile-name-server.ts';
import { mutatedBytes } from './mutate-bytes.ts';

const HEADER_BYTES = 12;
const [A, CNAME, TXT, AAAA, SRV] = [1, 5, 16, 28, 33] as const;
const [IN, CHAOS] = [1, 3] as const;
/** Response, recursion desired and available. */
const ANSWERS = 0x8180;
const TRUNCATED = 0x0200;
const NXDOMAIN = 3;
/** A pointer to the name of the question. */
const TO_QUESTION = Buffer.from([0xc0, HEADER_BYTES]);
const MESSAGE_BYTES_MAX = 65_535;
/** As many of the shortest as fit in a message. */
const RECORDS_MAX = 4000;
const TTLS = [0, 1, 60, 3600, 0x7fffffff, 0x80000000, 0xffffffff] as const;

export type Asked = {
  readonly id: Buffer;
  readonly type: number;
  /** Name, type and class as they came. */
  readonly section: Buffer;
  /** The first label of the name. */
  readonly label: string;
};

/** Of our own asker: one question, its name not compressed. */
export function readQuestion(message: Buffer): Asked {
  let at = HEADER_BYTES;
  while ((message[at] ?? 0) > 0) at += 1 + (message[at] ?? 0);
  const label = message.toString('latin1', HEADER_BYTES + 1, HEADER_BYTES + 1 + (message[12] ?? 0));
  const section = message.subarray(HEADER_BYTES, at + 5);
  return { id: message.subarray(0, 2), type: message.readUInt16BE(at + 1), section, label };
}

type Fields = {
  readonly id?: Uint8Array;
  readonly flags?: number;
  readonly section?: Uint8Array;
  /** In the header, whatever there is. */
  readonly count?: number;
};

function message(asked: Asked, records: readonly Uint8Array[], fields: Fields = {}): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.set(fields.id ?? asked.id);
  header.writeUInt16BE(fields.flags ?? ANSWERS, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(fields.count ?? records.length, 6);
  return Buffer.concat([header, fields.section ?? asked.section, ...records]);
}

function record(type: number, ttl: number, data: Uint8Array, length = data.length): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(IN, 2);
  fixed.writeUInt32BE(ttl, 4);
  fixed.writeUInt16BE(length, 8);
  return Buffer.concat([TO_QUESTION, fixed, data]);
}

function some(random: Random, length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, () => random.below(256)));
}

/** A name of any bytes, of labels that are no longer than they may be; 255 bytes at most, or a little more. */
function anyName(random: Random): Buffer {
  const labels = Array.from({ length: random.below(6) }, () => {
    const label = some(random, 1 + random.below(63));
    return Buffer.concat([Uint8Array.of(label.length), label]);
  });
  return Buffer.concat([...labels, Uint8Array.of(0)]);
}

const name = (text: string): Buffer =>
  Buffer.concat([
    ...text
      .split('.')
      .map((label) => Buffer.concat([Uint8Array.of(label.length), Buffer.from(label)])),
    Uint8Array.of(0),
  ]);

/** Data that this question wants: of an address, or of a service with its target. */
function wanted({ type }: Asked, random: Random, target = name('cp1.example')): Buffer {
  if (type === SRV) return Buffer.concat([some(random, 6), target]);
  return some(random, type === AAAA ? 16 : 4);
}

const good = (asked: Asked, random: Random): Buffer =>
  message(
    asked,
    Array.from({ length: 1 + random.below(4) }, () =>
      record(asked.type, random.pick(TTLS), wanted(asked, random)),
    ),
  );

/** The last word on a question whose answer was not taken, so that nobody waits for another. */
function noSuchName(asked: Asked): Buffer {
  return message(asked, [], { flags: ANSWERS | NXDOMAIN });
}

type Hostile = (asked: Asked, random: Random) => Buffer;

/** Mostly with the id and the question as they were: what is wrong there is not looked at any further. */
function mutated(asked: Asked, random: Random): Buffer {
  const target = message(asked, [record(CNAME, 1, name('a.example')), record(TXT, 1, name('t'))]);
  const bytes = mutatedBytes(random, [good(asked, random), good(asked, random), target]);
  if (random.chance(0.2)) return bytes;
  const kept = Buffer.concat([bytes, Buffer.alloc(HEADER_BYTES + asked.section.length)]);
  kept.set(asked.id);
  kept.writeUInt16BE(ANSWERS, 2);
  kept.writeUInt16BE(1, 4);
  kept.set(asked.section, HEADER_BYTES);
  return kept.subarray(0, Math.max(bytes.length, HEADER_BYTES + asked.section.length));
}

const HOSTILE: readonly Hostile[] = [
  good,
  mutated,
  mutated,
  mutated,
  mutated,
  // Cut.
  (asked, random) => {
    const bytes = good(asked, random);
    return bytes.subarray(0, random.below(bytes.length));
  },
  // Of another question, by id or by name or by type; or the question itself.
  (asked, random) =>
    message(asked, [record(asked.type, 1, wanted(asked, random))], { id: some(random, 2) }),
  (asked, random) => {
    const section = Buffer.concat([name('other.example'), asked.section.subarray(-4)]);
    return message(asked, [record(asked.type, 1, wanted(asked, random))], { section });
  },
  (asked, random) => {
    const section = Buffer.from(asked.section);
    section.writeUInt16BE(random.pick([A, AAAA, SRV, TXT]), section.length - 4);
    section.writeUInt16BE(random.pick([IN, CHAOS]), section.length - 2);
    return message(asked, [record(asked.type, 1, wanted(asked, random))], { section });
  },
  (asked) => message(asked, [], { flags: 0x0100 }),
  loopingPointers,
  loopingNames,
  // Many records, or a header that says so.
  (asked, random) => {
    const data = record(asked.type, random.pick(TTLS), wanted(asked, random));
    const most = Math.floor((MESSAGE_BYTES_MAX - 512) / data.length);
    const count = Math.min(RECORDS_MAX, random.below(most));
    return message(asked, new Array<Buffer>(random.chance(0.1) ? count : count % 50).fill(data));
  },
  (asked, random) =>
    message(asked, [record(asked.type, 1, wanted(asked, random))], { count: random.below(65_536) }),
  // Nothing, or next to it.
  (_asked, random) => some(random, random.below(HEADER_BYTES + 1)),
  (asked) => message(asked, []),
  (asked, random) => message(asked, [], { flags: ANSWERS | random.below(16) }),
  // Data of another length than its type has, or of another type.
  (asked, random) => {
    const data = some(random, random.below(24));
    return message(asked, [record(asked.type, 1, data), record(asked.type, 1, data, 4)]);
  },
  (asked, random) =>
    message(asked, [record(random.pick([A, AAAA, SRV, CNAME, TXT]), 1, wanted(asked, random))]),
  // Any name as a target.
  (asked, random) =>
    message(asked, [record(asked.type, 1, wanted(asked, random, anyName(random)))]),
];

/** To itself, forward, to each other, and beyond the end. */
function loopingPointers(asked: Asked, random: Random): Buffer {
  const at = HEADER_BYTES + asked.section.length + TO_QUESTION.length + 10;
  const data = asked.type === SRV ? at + 6 : at;
  const target = random.pick([data, data + 2, data - 2, data + 1, HEADER_BYTES - 1, 0x3fff]);
  const pointer = Buffer.from([0xc0 | (target >> 8), target & 0xff]);
  const back = Buffer.from([0xc0 | (data >> 8), data & 0xff]);
  const loop = Buffer.concat([pointer, back, Uint8Array.of(1, 0x61), pointer]);
  const type = asked.type === SRV ? SRV : CNAME;
  const ahead = type === SRV ? Buffer.alloc(6) : Buffer.alloc(0);
  return message(asked, [record(type, 1, Buffer.concat([ahead, loop]))]);
}

/** Aliases that lead to each other. */
function loopingNames(asked: Asked, random: Random): Buffer {
  const alias = record(CNAME, 1, TO_QUESTION);
  const last = random.chance(0.5) ? [record(asked.type, 1, wanted(asked, random))] : [];
  return message(asked, [...new Array<Buffer>(1 + random.below(200)).fill(alias), ...last]);
}

function framed(bytes: Uint8Array, length = bytes.length): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(length & 0xffff);
  return Buffer.concat([head, bytes]);
}

/** There is no such name. */
export function plainReply(asked: Asked, way: Way): Reply {
  const bytes = noSuchName(asked);
  return { bytes: [way === 'udp' ? bytes : framed(bytes)], end: false };
}

/** What comes back to one question: one hostile message, or none. */
export function hostileReply(asked: Asked, way: Way, random: Random): Reply {
  // The one thing that costs as long as the asker waits.
  if (random.chance(0.0003)) return { bytes: [], end: false };
  if (way === 'udp' && random.chance(0.15)) {
    const cut = message(asked, [], { flags: ANSWERS | TRUNCATED });
    return { bytes: [cut], end: false };
  }
  const bytes = random.pick(HOSTILE)(asked, random).subarray(0, MESSAGE_BYTES_MAX);
  if (way === 'udp') return { bytes: [bytes, noSuchName(asked)], end: false };
  switch (random.below(8)) {
    case 0:
      return { bytes: [framed(bytes, random.below(65_536))], end: true };
    case 1:
      return { bytes: [bytes], end: true };
    case 2:
      return { bytes: [], end: true };
    default:
      return { bytes: [framed(bytes), framed(noSuchName(asked))], end: false };
  }
}
