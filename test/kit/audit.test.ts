import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeAudit } from './audit.ts';

const CARRIED = new Set(['koffi', 'yaml']);
const hole = (name: string) => ({ [name]: { name, severity: 'high', range: '<2' } });
const report = (...names: readonly string[]) =>
  JSON.stringify({
    auditReportVersion: 2,
    vulnerabilities: Object.assign({}, ...names.map(hole)),
  });

test('a hole in what the package carries is a failure, one in a tool is told of', () => {
  assert.deepEqual(judgeAudit(report('yaml', 'biome'), CARRIED), {
    failed: true,
    lines: ['yaml <2: high, in the package', 'biome <2: high, not in the package'],
  });
  assert.equal(judgeAudit(report('biome'), CARRIED).failed, false);
  assert.deepEqual(judgeAudit(report(), CARRIED), {
    failed: false,
    lines: ['No hole is known of'],
  });
});

test('a registry that cannot be asked is no failure, and said', () => {
  const refused = JSON.stringify({ message: '405 Method Not Allowed', statusCode: 405 });
  for (const [said, reason] of [
    [refused, '405 Method Not Allowed'],
    ['', 'no answer in time'],
    ['spawn npm ENOENT', 'spawn npm ENOENT'],
  ] as const) {
    const lines = [`Not audited, the registry cannot be asked: ${reason}`];
    assert.deepEqual(judgeAudit(said, CARRIED), { failed: false, lines });
  }
});
