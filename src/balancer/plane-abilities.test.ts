import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testBackend, testServer } from './fixture.ts';
import { missingAbilities } from './plane-abilities.ts';

const able = { moveSession: () => {}, shutdownSessions: () => {} };

test('what is asked for and cannot be done is named, backend by backend', () => {
  const backends = [
    testBackend({ name: 'a', rebalance: { afterMs: 1000, ratePerS: 1 } }),
    testBackend({ name: 'b', servers: [testServer('m1', { shutdownSessionsOnDown: true })] }),
    testBackend({ name: 'c', servers: [testServer('m1', { shutdownBackupsOnUp: true })] }),
    testBackend({ name: 'd' }),
  ];
  assert.deepEqual(missingAbilities({ backends }, able), []);
  assert.deepEqual(missingAbilities({ backends }, {}), [
    'Backend "a" is not rebalanced: this data plane moves no sessions',
    'Sessions of backend "b" stay with servers that go down: this data plane ends none',
    'Sessions of backend "c" stay with servers that go down: this data plane ends none',
  ]);
});
