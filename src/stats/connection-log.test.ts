/** The expected lines were written by HAProxy 2.6.12. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptDate, connectLine, tcplogLine } from './connection-log.ts';

const TIME = { year: 2026, month: 11, day: 3, hour: 2, minute: 58, second: 4 };

test('acceptDate() pads all numbers with zeros', () => {
  assert.equal(acceptDate(TIME, 7), '03/Nov/2026:02:58:04.007');
});

test('connectLine() equals the default line', () => {
  assert.equal(
    connectLine('127.0.0.1:48222', '127.0.0.1:18443', 'plain'),
    'Connect from 127.0.0.1:48222 to 127.0.0.1:18443 (plain/TCP)',
  );
});

test('tcplogLine() equals option tcplog, with and without a server', () => {
  const base = {
    client: '127.0.0.1:59798',
    acceptDate: '23/Nov/2026:06:09:52.156',
    connections: 1,
    frontendConnections: 1,
    backendConnections: 0,
    serverConnections: 0,
  };
  assert.equal(
    tcplogLine({
      ...base,
      frontend: 'tl',
      backend: 'ok',
      server: 's1',
      waitMs: 1,
      connectMs: 0,
      totalMs: 703,
      bytes: 2,
      termination: 'cD',
      retries: 1,
    }),
    '127.0.0.1:59798 [23/Nov/2026:06:09:52.156] tl ok/s1 1/0/703 2 cD 1/1/0/0/+1 0/0',
  );
  assert.equal(
    tcplogLine({
      ...base,
      frontend: 'none',
      backend: 'empty',
      server: null,
      waitMs: -1,
      connectMs: -1,
      totalMs: 0,
      bytes: 0,
      termination: 'SC',
      retries: 0,
    }),
    '127.0.0.1:59798 [23/Nov/2026:06:09:52.156] none empty/<NOSRV> -1/-1/0 0 SC 1/1/0/0/0 0/0',
  );
});
