import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messageHeader, severityFor } from './message.ts';

const TIME = { year: 2026, month: 11, day: 3, hour: 6, minute: 8, second: 3 };
const local2 = { format: 'rfc3164', facility: 18, levelMax: 7, levelMin: 0 } as const;

test('messageHeader() frames a line as HAProxy does, the day padded as RFC 3164 asks', () => {
  assert.equal(messageHeader(local2, 1, TIME, 42), '<145>Nov  3 06:08:03 haproxy[42]: ');
  assert.equal(messageHeader({ ...local2, format: 'raw' }, 1, TIME, 42), '');
  assert.equal(messageHeader({ ...local2, format: 'short' }, 1, TIME, 42), '<1>');
});

test('severityFor() drops below the level and caps above it', () => {
  assert.equal(severityFor({ ...local2, levelMax: 4 }, 5), null);
  assert.equal(severityFor({ ...local2, levelMax: 4 }, 4), 4);
  assert.equal(severityFor({ ...local2, levelMin: 5 }, 0), 5);
});
