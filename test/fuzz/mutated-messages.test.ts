/** The guardian's end of a channel hears each message of a balancer, mutated: it tells of it, or closes. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FROM_BALANCER, parseFromBalancer } from '../../src/contracts/protocol-table.ts';
import { openChannel } from '../../src/guardian/supervision/fixture-channel.ts';
import { anyFitting, anyMutated } from '../kit/any-shape.ts';
import { waitUntil } from '../kit/wait-until.ts';

/** Of each kind of message: ten thousand in all. */
const MUTATED = 1112;

for (const [kind, { rule }] of Object.entries(FROM_BALANCER)) {
  test(`a channel tells of "${kind}", however it is mutated, or is closed`, async (t) => {
    let end = await openChannel();
    t.after(() => end.close());
    for (const message of fc.sample(anyMutated(anyFitting(rule)), MUTATED)) {
      const line = JSON.stringify(message) ?? 'undefined';
      const fits = parseFromBalancer(line).ok;
      end.balancer.write(`${line}\n`);
      const { messages, breaches } = end;
      const heard = messages.length;
      await waitUntil('an outcome', () => messages.length > heard || breaches.length > 0, 0);
      assert.equal(breaches.length, fits ? 0 : 1, line.slice(0, 200));
      if (fits) continue;
      end.close();
      end = await openChannel();
    }
  });
}
