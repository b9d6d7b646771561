import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Answer,
  type ClockQuestion,
  decodePeerMessage,
  encodePeerMessage,
  type FactsAnswer,
  type FactsQuestion,
  PEER_VERSION,
  type PeerMessage,
  peerKey,
  type Question,
  type ServerQuestion,
} from './message.ts';
import { DATAGRAM_BYTES_MAX } from './signed.ts';

const KEY = peerKey('hex:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff');
const QUESTION: ServerQuestion = {
  version: PEER_VERSION,
  id: '00'.repeat(16),
  from: 'k8s-master',
  to: 'k8s-node1',
  sentAtMs: 1_790_000_000_000,
  kind: 'set-server',
  backend: 'kube-apiserver',
  server: 'k8s-node2',
  state: 'drain',
};
const CLOCK_QUESTION: ClockQuestion = {
  ...{ version: PEER_VERSION, id: QUESTION.id, from: 'k8s-node1', to: 'k8s-master', sentAtMs: 1 },
  kind: 'clock',
};
const ANSWER: Answer = {
  ...{ version: PEER_VERSION, id: QUESTION.id, from: 'k8s-node1', to: 'k8s-master', sentAtMs: 1 },
  kind: 'answer',
  error: null,
};

const FACTS_QUESTION: FactsQuestion = { ...CLOCK_QUESTION, kind: 'facts', digest: 'abc' };
const FACTS_ANSWER: FactsAnswer = {
  ...CLOCK_QUESTION,
  kind: 'facts-answer',
  facts: '{"version":1}',
};

function encoded(message: PeerMessage, key = KEY): Buffer {
  const result = encodePeerMessage(key, message);
  assert.ok(result.ok);
  return result.value;
}

test('decode(encode(x)) is x, whatever white space stands around the secret', () => {
  for (const message of [
    QUESTION,
    CLOCK_QUESTION,
    ANSWER,
    FACTS_QUESTION,
    FACTS_ANSWER,
    { ...ANSWER, error: 'There is no server' },
  ]) {
    assert.deepEqual(decodePeerMessage(KEY, encoded(message)), { ok: true, value: message });
  }
  assert.deepEqual(peerKey('secret\n'), peerKey(' secret'));
});

test('every changed byte and every other key is refused', () => {
  const good = encoded(QUESTION);
  for (let index = 0; index < good.length; index += 1) {
    const bad = Buffer.from(good);
    bad[index] = (bad[index] ?? 0) ^ 1;
    assert.equal(decodePeerMessage(KEY, bad).ok, false, `byte ${index}`);
  }
  const { reason } = { reason: '', ...decodePeerMessage(peerKey('another'), good) };
  assert.equal(reason, 'wrong signature');
});

test('what has the key and no right form is refused, and names that are too long are not sent', () => {
  const wrong = { ...QUESTION, state: 'broken' } as unknown as Question;
  assert.equal(decodePeerMessage(KEY, encoded(wrong)).ok, false);
  const more = { ...QUESTION, more: 1 } as unknown as Question;
  assert.equal(decodePeerMessage(KEY, encoded(more)).ok, false);
  const long = { ...QUESTION, server: 'x'.repeat(DATAGRAM_BYTES_MAX) };
  assert.equal(encodePeerMessage(KEY, long).ok, false);
});

test('random bytes never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1500 }), (bytes) => {
      assert.equal(decodePeerMessage(KEY, bytes).ok, false);
    }),
  );
});
