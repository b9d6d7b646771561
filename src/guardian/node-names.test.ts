import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitUntil } from '../../test/kit/wait-until.ts';
import type { Answer } from '../names/answer.ts';
import { NodeNames } from './node-names.ts';

test('a name that leads elsewhere is told of, now and then, and a failure never', async (t) => {
  let hosts: readonly string[] = ['10.0.0.1'];
  let asked = 0;
  let clock = 0;
  const moved: string[] = [];
  const names = new NodeNames({
    ask: async (): Promise<Answer> => {
      asked++;
      if (hosts.length === 0) return { kind: 'failed', failure: 'nx' };
      const targets = hosts.map((host) => ({ host, port: null, weight: null }));
      return { kind: 'found', targets, ttlMs: 0, by: 'the test' };
    },
    now: () => clock,
    onMoved: (name) => moved.push(name),
  });
  t.after(() => names.stop());
  names.follow({ 'cp2.example': ['10.0.0.1'] });
  await waitUntil('it is asked for', () => asked === 1);
  hosts = ['10.0.0.2', '10.0.0.1'];
  await waitUntil('it is asked for again', () => asked === 2);
  assert.deepEqual(moved, []);
  hosts = ['10.0.0.2'];
  await waitUntil('it is told', () => moved.length === 1);
  await waitUntil('it is asked for twice more', () => asked >= 5);
  assert.equal(moved.length, 1);
  clock = 10_000;
  await waitUntil('it is told again', () => moved.length === 2);
  names.follow({ 'cp2.example': ['10.0.0.2'] });
  hosts = [];
  const before = asked;
  await waitUntil('it fails', () => asked > before);
  assert.deepEqual(moved, ['cp2.example', 'cp2.example']);
});
