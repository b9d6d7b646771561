/** A share of what `node test/fuzz/run.ts --only DNS` does. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameserverAsk } from '../../src/lookup/ask-nameservers.ts';
import { assertAnswer, fuzzAsker } from './fuzz-asker.ts';

const INPUTS = 3000;

test('the asker of name servers takes whatever a hostile one answers', async () => {
  const believed = await fuzzAsker({ inputs: INPUTS, seed: 2026 });
  assert.ok(believed > INPUTS / 20 && believed < INPUTS, `${believed} answers`);
});

test('an asker that passes on an empty answer is told of with its question', async () => {
  await assert.rejects(
    fuzzAsker({
      inputs: INPUTS,
      seed: 1,
      makeAsk: (config) => {
        const ask = nameserverAsk(config);
        return async (question) => {
          const answer = await ask(question);
          return answer.kind === 'found' ? { ...answer, targets: [] } : answer;
        };
      },
    }),
    /^Error: DNS, seed 1, question \d+$/,
  );
});

test('an address that is none is no answer', () => {
  const targets = [{ host: 'cp1.example', port: null, weight: null }];
  const answer = { kind: 'found', targets, ttlMs: 1000, by: 'dns/hostile' } as const;
  const question = { kind: 'addresses', name: 'a.example' } as const;
  assert.throws(() => assertAnswer(answer, question), /an address is one/);
});
