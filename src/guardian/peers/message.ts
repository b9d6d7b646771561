/**
 * What the guardians of a cluster say to each other, in one UDP datagram each way (docs/adr/0025): four letters, JSON,
 * and an HMAC-SHA256 of both under a key that is made from the cluster's own (`vrrp.key`). Whoever has the key may ask; a
 * datagram counts for the node it names, near its time, and once (replay-guard.ts).
 */

import { fail, ok, type Result } from '../../core/result.ts';
import { integer, nullable, oneOf, parseShape, record, text } from '../../core/shape.ts';
import type { AdminState } from '../../health/server-state.ts';
import { FACTS_CHARS_MAX, FACTS_DIGEST_CHARS } from './facts.ts';
import { DATAGRAM_BYTES_MAX, DIGEST_BYTES, isSigned, keyOf, sign } from './signed.ts';

export const PEER_VERSION = 1;
const MAGIC = Buffer.from('EGP1');
const PURPOSE = 'evergate peers 1';
const NAME_CHARS_MAX = 256;
const ID_CHARS = 32;

export type PeerHead = {
  readonly version: number;
  /** 128 random bits in hexadecimal digits; an answer has that of its question. */
  readonly id: string;
  /** Names of nodes. */
  readonly from: string;
  readonly to: string;
  /** UTC, ms. */
  readonly sentAtMs: number;
};

/** Set a server's administrative state. */
export type ServerQuestion = PeerHead & {
  readonly kind: 'set-server';
  readonly backend: string;
  readonly server: string;
  readonly state: AdminState;
};

/** What time is it there? Asked and answered at any distance of the clocks: the id is what makes the answer new. */
export type ClockQuestion = PeerHead & { readonly kind: 'clock' };

/**
 * What does the file there say that must be the same on all nodes? Asked by address: names may be what differs. `digest`: of
 * what the asker would answer.
 */
export type FactsQuestion = PeerHead & { readonly kind: 'facts'; readonly digest: string };

export type Question = ServerQuestion | ClockQuestion | FactsQuestion;

/** `error`: why it was not done; null: it was. */
export type Answer = PeerHead & { readonly kind: 'answer'; readonly error: string | null };

/** `facts`: as facts.ts writes and reads them, of any version. */
export type FactsAnswer = PeerHead & { readonly kind: 'facts-answer'; readonly facts: string };

export type Reply = Answer | FactsAnswer;

export type PeerMessage = Question | Reply;

const NAME = text(NAME_CHARS_MAX);
const HEAD = {
  version: integer(0, 65_535),
  id: text(ID_CHARS),
  from: NAME,
  to: NAME,
  sentAtMs: integer(0, Number.MAX_SAFE_INTEGER),
};
const STATE = oneOf<AdminState>({ ready: true, drain: true, maint: true });
const CLOCK_QUESTION = record<ClockQuestion>({
  ...HEAD,
  kind: oneOf<'clock'>({ clock: true }),
});
const SERVER_QUESTION = record<ServerQuestion>({
  ...HEAD,
  kind: oneOf<'set-server'>({ 'set-server': true }),
  backend: NAME,
  server: NAME,
  state: STATE,
});
const FACTS_QUESTION = record<FactsQuestion>({
  ...HEAD,
  kind: oneOf<'facts'>({ facts: true }),
  digest: text(FACTS_DIGEST_CHARS),
});
const FACTS_ANSWER = record<FactsAnswer>({
  ...HEAD,
  kind: oneOf<'facts-answer'>({ 'facts-answer': true }),
  facts: text(FACTS_CHARS_MAX),
});
const ANSWER = record<Answer>({
  ...HEAD,
  kind: oneOf<'answer'>({ answer: true }),
  error: nullable(text(512)),
});

/** The channel's own key, of the text of the cluster's key file. */
export function peerKey(secret: string): Buffer {
  return keyOf(secret, PURPOSE);
}

/** Fails where names are too long for one datagram. */
export function encodePeerMessage(key: Buffer, message: PeerMessage): Result<Buffer> {
  const bytes = sign(key, Buffer.concat([MAGIC, Buffer.from(JSON.stringify(message))]));
  return bytes.length > DATAGRAM_BYTES_MAX ? fail('The names are too long') : ok(bytes);
}

/** Never throws. Nothing of a datagram is looked at before its signature. */
export function decodePeerMessage(key: Buffer, bytes: Uint8Array): Result<PeerMessage> {
  const end = bytes.length - DIGEST_BYTES;
  if (end <= MAGIC.length || bytes.length > DATAGRAM_BYTES_MAX) return fail('wrong length');
  const signed = bytes.subarray(0, end);
  if (!MAGIC.equals(signed.subarray(0, MAGIC.length))) return fail('no message of a peer');
  if (!isSigned(key, bytes)) return fail('wrong signature');
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(signed.subarray(MAGIC.length)).toString('utf8'));
  } catch {
    return fail('no JSON');
  }
  const kind = (value as { readonly kind?: unknown } | null)?.kind;
  if (kind === 'answer') return parseShape(ANSWER, value);
  if (kind === 'clock') return parseShape(CLOCK_QUESTION, value);
  if (kind === 'facts') return parseShape(FACTS_QUESTION, value);
  if (kind === 'facts-answer') return parseShape(FACTS_ANSWER, value);
  return parseShape(SERVER_QUESTION, value);
}
