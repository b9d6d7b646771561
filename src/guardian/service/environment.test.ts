import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { takeServiceEnvironment } from './environment.ts';

describe('takeServiceEnvironment()', () => {
  it('takes the variables out of the environment', () => {
    const env = {
      NOTIFY_SOCKET: '/run/systemd/notify',
      WATCHDOG_USEC: '10000000',
      WATCHDOG_PID: '7',
      HOME: '/root',
    };
    const taken = takeServiceEnvironment(env, 7);
    assert.deepEqual(taken, {
      socket: '/run/systemd/notify',
      watchdogMs: 10_000,
      kept: [],
    });
    assert.deepEqual(env, { HOME: '/root' });
  });

  it('says what was kept, if it is for this process', () => {
    const env = { NOTIFY_SOCKET: '/n', LISTEN_FDS: '2', LISTEN_PID: '7', LISTEN_FDNAMES: 'a:b' };
    const kept = [
      { name: 'a', fd: 3 },
      { name: 'b', fd: 4 },
    ];
    assert.deepEqual(takeServiceEnvironment({ ...env }, 8)?.kept, []);
    assert.deepEqual(takeServiceEnvironment({ ...env, LISTEN_FDS: 'two' }, 7)?.kept, []);
    assert.deepEqual(takeServiceEnvironment(env, 7)?.kept, kept);
    assert.deepEqual(env, {});
  });

  it('leaves the watchdog to the process it is meant for', () => {
    const env = { NOTIFY_SOCKET: '@notify', WATCHDOG_USEC: '10000000', WATCHDOG_PID: '8' };
    assert.deepEqual(takeServiceEnvironment(env, 7), {
      socket: '@notify',
      watchdogMs: null,
      kept: [],
    });
  });

  it('is null when nobody asks, or by an address of another kind', () => {
    assert.equal(takeServiceEnvironment({}, 7), null);
    assert.equal(takeServiceEnvironment({ NOTIFY_SOCKET: 'vsock:2:1234' }, 7), null);
    assert.equal(takeServiceEnvironment({ NOTIFY_SOCKET: '@' }, 7), null);
  });

  it('takes a watchdog that is no number for none', () => {
    const env = { NOTIFY_SOCKET: '/n', WATCHDOG_USEC: 'soon' };
    assert.deepEqual(takeServiceEnvironment(env, 7), {
      socket: '/n',
      watchdogMs: null,
      kept: [],
    });
  });
});
