/** The live view's lines: aligned under their heading, coloured only when asked. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_REQUESTS } from '../client/messages.ts';
import { expectationOf } from '../expectations.ts';
import { judgeFault } from '../fault-verdict.ts';
import type { Second } from './reporter.ts';
import { createTextReporter, secondLine } from './text-reporter.ts';

const LAYOUT = { names: ['k8s-master', 'k8s-node1'], vip: true };
const SECOND: Second = {
  at: new Date(2026, 0, 2, 3, 4, 5),
  owners: ['k8s-master'],
  ok: 49,
  failed: 1,
  nodes: { 'k8s-master': 25, 'k8s-node1': 24 },
  total: { ...NO_REQUESTS, watches: { ...NO_REQUESTS.watches, open: 6, events: 10 } },
};

test('secondLine() puts every figure in its column', () => {
  assert.equal(
    secondLine(LAYOUT, SECOND, (_style, text) => text),
    '03:04:05  k8s-master          49         1         0         6            25         24',
  );
});

test('secondLine() shows nobody and two owners in red, failures too', () => {
  const painted: string[] = [];
  const paint = (style: string, text: string): string => {
    if (style === 'red') painted.push(text.trim());
    return text;
  };
  secondLine(LAYOUT, { ...SECOND, owners: [], failed: 0 }, paint);
  secondLine(LAYOUT, { ...SECOND, owners: ['k8s-master', 'k8s-node1'] }, paint);
  assert.deepEqual(painted, ['nobody', 'k8s-master+k8s-node1', '1']);
});

test('createTextReporter() writes no escape sequence when it is not coloured', () => {
  const written: string[] = [];
  const write = (text: string): void => void written.push(text);
  const plain = createTextReporter({ write, coloured: false, keys: false, width: 80 });
  plain.problem('Something');
  plain.progress('Building');
  assert.equal(written.join('').includes('\u001b'), false);
  createTextReporter({ write, coloured: true, keys: false, width: 80 }).problem('Something');
  assert.equal(written.join('').includes('\u001b'), true);
});

test('createTextReporter() tells what was felt, and of what should be, within 80 columns', () => {
  const written: string[] = [];
  const write = (text: string): void => void written.push(text);
  const reporter = createTextReporter({ write, coloured: false, keys: false, width: 80 });
  const expected = expectationOf('evergate', 'power-off');
  const fault = { name: 'power-off', node: 'k8s-master', does: 'power cut' } as const;
  reporter.fault({ ...fault, expected });
  const verdict = judgeFault(expected, SECOND.total, true);
  reporter.verdict({ ...fault, felt: expected.felt, verdict });
  const lines = written.join('').split('\n');
  assert.ok(lines.every((line) => line.length <= 80));
  const text = lines.map((line) => line.trim()).join(' ');
  assert.match(text, /^power-off on k8s-master: power cut Expected: a backup takes the VIP/);
  assert.match(text, /gap 0 ms, 0 failed, 0 of 0 watches cut, silent for 0\.0 s at most/);
  assert.match(text, /As expected: a backup/);
});
