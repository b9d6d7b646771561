/** Why an instance changed, as logs have it: who was silent and for how long, who left, who follows. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { advert, Driver, HIGHER, LOWER, master, START, TICK, V2 } from './fixture.ts';
import { nextTickAt } from './machine-due.ts';

function reason({ effects }: Driver): string | undefined {
  return effects.flatMap((effect) => (effect.kind === 'transition' ? [effect.why] : [])).at(-1);
}

function started(): Driver {
  const driver = new Driver(V2);
  driver.at(0, START);
  return driver;
}

test('a backup that rises says who was silent, and for how long', () => {
  const alone = started();
  alone.at(3610, TICK);
  assert.equal(reason(alone), 'no better master is heard, nor was one for 3610 ms');
  const follower = started();
  follower.at(1000, advert(200));
  follower.at(nextTickAt(V2, follower.state), TICK);
  assert.equal(
    reason(follower),
    'no better master is heard: 10.99.0.3 has been silent for 3609 ms',
  );
});

test('a backup that rises says who left, or who is lower', () => {
  const left = started();
  left.at(1000, advert(200));
  left.at(2000, advert(0));
  left.at(2500, TICK);
  assert.equal(reason(left), 'the master 10.99.0.3 left');
  const better = started();
  better.at(3500, advert(50, LOWER));
  better.at(3610, TICK);
  assert.equal(reason(better), 'no better master is heard; 10.99.0.1 is lower, heard 110 ms ago');
});

test('a master that yields says to whom', () => {
  const yields = master(V2);
  yields.at(5000, advert(200, HIGHER));
  assert.equal(reason(yields), 'priority 200 is heard: 10.99.0.3');
  const tied = master(V2);
  tied.at(5000, advert(100, HIGHER));
  assert.equal(reason(tied), 'a tie is lost: 10.99.0.3');
  const drained = master(V2);
  drained.at(5000, { kind: 'drain', waitMs: 3000 });
  drained.at(5100, advert(90, LOWER));
  assert.equal(reason(drained), 'the node is drained: 10.99.0.1 follows');
});
