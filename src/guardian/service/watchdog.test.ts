import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Watchdog } from './watchdog.ts';

describe('Watchdog', () => {
  it('is fed four times in its interval by a loop that turns all the time', () => {
    const watchdog = new Watchdog(1000, ['supervision']);
    let fed = 0;
    for (let now = 0; now < 1000; now += 25) fed += watchdog.turned('supervision', now) ? 1 : 0;
    assert.equal(fed, 4);
  });

  it('is not fed while one of its loops stands still', () => {
    const watchdog = new Watchdog(1000, ['supervision', 'election']);
    for (let now = 0; now < 10_000; now += 25) {
      assert.equal(watchdog.turned('supervision', now), false);
    }
    assert.equal(watchdog.turned('election', 10_000), true);
    assert.equal(watchdog.turned('election', 20_000), false);
    assert.equal(watchdog.turned('supervision', 20_001), true);
  });

  it('takes no notice of a loop that it does not watch', () => {
    const watchdog = new Watchdog(1000, ['election']);
    assert.equal(watchdog.turned('supervision', 0), false);
  });
});
