/** The control socket: an answer, an error, and nobody there. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { askControl, serveControl } from './control.ts';
import { LabError } from './lab-error.ts';

test('askControl() gets the answer or the error of the lab', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'evergate-control-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const server = await serveControl(directory, async (question) => {
    if (question.ask === 'logs') return { kind: 'logs', lines: [question.node] };
    throw new LabError('Not today');
  });
  t.after(() => server.close());
  const answer = await askControl(
    directory,
    { ask: 'logs', node: 'k8s-node1', only: 'all' },
    'logs',
  );
  assert.deepEqual(answer.lines, ['k8s-node1']);
  await assert.rejects(askControl(directory, { ask: 'status' }, 'status'), /^LabError: Not today$/);
});

test('askControl() says so when no lab listens', async () => {
  const asking = askControl('/nonexistent', { ask: 'status' }, 'status');
  await assert.rejects(asking, /The lab in "\/nonexistent" does not answer/);
});
