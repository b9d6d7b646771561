import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificateWarnings } from './certificate-warnings.ts';

const DAY_MS = 86_400_000;

const after = (days: number) =>
  certificateWarnings({ expiresAtMs: days * DAY_MS, missingNames: [] }, 0);

test('an end within 30 days is a warning, one after them is none', () => {
  assert.deepEqual(after(30), []);
  assert.deepEqual(after(29.9), ['The certificate expires in 29 days; renew it']);
  assert.deepEqual(after(1.5), ['The certificate expires in 1 day; renew it']);
  assert.deepEqual(after(0.5), ['The certificate expires today; renew it']);
  assert.deepEqual(after(-0.1), ['The certificate has expired; renew it']);
});

test('every name that clients use and the certificate lacks is named', () => {
  const missingNames = ['192.168.1.94', 'kube.test'];
  const warnings = certificateWarnings({ expiresAtMs: 365 * DAY_MS, missingNames }, 0);
  assert.deepEqual(warnings, [
    'The certificate does not carry "192.168.1.94", by which clients call; renew it with that name',
    'The certificate does not carry "kube.test", by which clients call; renew it with that name',
  ]);
});
