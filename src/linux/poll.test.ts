import assert from 'node:assert/strict';
import test from 'node:test';
import { bootMs } from './clock.ts';
import { clearWakeup, openWakeup, wake } from './epoll.ts';
import { closeFd } from './files.ts';
import { PollSet } from './poll.ts';

test('PollSet.wait() returns at once for a readable descriptor, otherwise after its time', () => {
  const fd = openWakeup();
  try {
    const poll = new PollSet(4);
    poll.add(fd);
    const startedAt = bootMs();
    poll.wait(20.5);
    assert.ok(bootMs() - startedAt >= 20.5, 'it waits');
    wake(fd);
    const wokenAt = bootMs();
    poll.wait(10_000);
    assert.ok(bootMs() - wokenAt < 5000, 'it sees the wake-up');
    clearWakeup(fd);
    const clearedAt = bootMs();
    poll.wait(5);
    assert.ok(bootMs() - clearedAt >= 5, 'the wake-up is taken back');
  } finally {
    closeFd(fd);
  }
});

test('bootMs() goes on as performance.now() does', () => {
  const boot = bootMs();
  const reference = performance.now();
  while (performance.now() - reference < 5);
  const passed = bootMs() - boot;
  assert.ok(passed >= 5 && passed < 5000, `${passed} ms`);
});
