/** Consistent hashing: even shares, and clients that stay where they are. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createConsistentPicker } from './consistent.ts';

const CLIENTS = 10_000;

function places(weights: readonly number[], out: readonly number[] = []): number[] {
  const candidates = weights.flatMap((weight, server) =>
    out.includes(server) ? [] : [{ server, weight }],
  );
  const picker = createConsistentPicker(candidates, Math.max(...weights));
  return Array.from({ length: CLIENTS }, (_, client) =>
    picker.pick({
      sourceHash: 0x0a000000 + client,
      now: 0,
      active: () => 0,
      excluded: () => false,
      random: () => 0,
    }),
  );
}

const share = (list: readonly number[], server: number): number =>
  list.filter((one) => one === server).length / CLIENTS;

test('shares follow the weights', () => {
  const list = places([1, 1, 2]);
  for (const [server, expected] of [0.25, 0.25, 0.5].entries()) {
    assert.ok(Math.abs(share(list, server) - expected) < 0.08, `${server}: ${share(list, server)}`);
  }
});

test('only the clients of a server that goes away move, and to all the others', () => {
  const before = places([1, 1, 1, 1]);
  const after = places([1, 1, 1, 1], [2]);
  for (const [client, server] of before.entries()) {
    if (server !== 2) assert.equal(after[client], server);
  }
  for (const server of [0, 1, 3]) {
    assert.ok(share(after, server) > share(before, server) + 0.03);
  }
});
