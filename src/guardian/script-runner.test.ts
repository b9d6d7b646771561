import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CommandOutcome } from './running-command.ts';
import { ScriptRunner } from './script-runner.ts';

/** The first `count` outcomes of a script; the test runner's own limit bounds the wait. */
async function outcomes(
  argv: readonly string[],
  count: number,
  timeoutMs = 2000,
): Promise<readonly CommandOutcome[]> {
  const seen: CommandOutcome[] = [];
  const done = Promise.withResolvers<void>();
  const config = {
    name: 'chk',
    argv,
    intervalMs: 20,
    timeoutMs,
    weight: 0,
    rise: 1,
    fall: 1,
    user: null,
    group: null,
  };
  const runner = new ScriptRunner(config, (outcome) => {
    seen.push(outcome);
    if (seen.length === count) done.resolve();
  });
  try {
    await done.promise;
  } finally {
    runner.stop();
  }
  return seen;
}

describe('ScriptRunner', { timeout: 300_000 }, () => {
  it('runs again every interval', async () => {
    const seen = await outcomes(['/bin/true'], 3);
    assert.ok(seen.every(({ passed, text }) => passed && text === 'exit code 0'));
  });

  it('takes another exit code as failure', async () => {
    assert.deepEqual(await outcomes(['/bin/sh', '-c', 'exit 3'], 1), [
      { passed: false, text: 'exit code 3' },
    ]);
  });

  it('says why a script cannot run', async () => {
    const [first] = await outcomes(['/does/not/exist'], 1);
    assert.equal(first?.passed, false);
    assert.match(first?.text ?? '', /^Cannot run "\/does\/not\/exist"/);
  });

  it('ends a script that overruns its timeout, with what it started', async () => {
    const [first] = await outcomes(['/bin/sh', '-c', 'sleep 600 & wait'], 1, 50);
    assert.deepEqual(first, { passed: false, text: 'No exit within 50 ms' });
  });

  it('kills a script that ignores TERM', async () => {
    const [first] = await outcomes(['/bin/sh', '-c', 'trap "" TERM; while :; do :; done'], 1, 50);
    assert.deepEqual(first, { passed: false, text: 'No exit within 50 ms' });
  });
});
