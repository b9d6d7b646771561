import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Diagnostic } from '../config/diagnostics.ts';
import { OperationalError } from '../core/errors.ts';
import { type ReadConfig, Reloader } from './reload.ts';

const NOTHING: ReadConfig = { config: { balancer: null, vrrp: null }, diagnostics: [], node: null };

function setUp(
  read: () => Promise<ReadConfig> = async () => NOTHING,
  changes: readonly string[] = ['server a/b added'],
) {
  const log: string[] = [];
  const applied: ReadConfig[] = [];
  let second = 0;
  const reloader = new Reloader({
    read,
    apply: async (found) => {
      applied.push(found);
      return { changes, waiting: [], ended: 0 };
    },
    log: (level, text) => log.push(`${level} ${text}`),
    now: () => new Date(Date.UTC(2026, 10, 25, 8, 0, second++)),
  });
  return { reloader, log, applied };
}

test('what has changed is told, and status says since when it runs', async () => {
  const { reloader, log } = setUp();
  assert.equal(reloader.status.loadedAt, '2026-11-25T08:00:00.000Z');
  const result = await reloader.reload('SIGHUP');
  assert.deepEqual(result, { applied: true, lines: ['server a/b added'] });
  assert.deepEqual(log, [
    'info Reload (SIGHUP): reading the configuration again',
    'info Reload: server a/b added',
  ]);
  const refused = null;
  assert.deepEqual(reloader.status, { loadedAt: '2026-11-25T08:00:01.000Z', reloads: 1, refused });
});

test('a file with errors is refused with the first of them, and nothing is applied', async () => {
  const place = { file: 'a.cfg', column: 1, severity: 'error', code: 'unknown-directive' } as const;
  const error = (line: number): Diagnostic => ({ ...place, line, text: `error ${line}` });
  const errors = Array.from({ length: 25 }, (_, index) => error(index + 1));
  const { reloader, applied, log } = setUp(async () => ({ ...NOTHING, diagnostics: errors }));
  const { applied: done, lines } = await reloader.reload('SIGHUP');
  assert.equal(done, false);
  assert.equal(lines.length, 21);
  assert.match(lines[0] ?? '', /^a\.cfg:1:1: error: error 1/);
  assert.equal(lines[20], '... and 5 more; see evergate check');
  assert.equal(log[1], 'error error 1 [unknown-directive] in a.cfg:1:1');
  assert.deepEqual(applied, []);
  assert.equal(reloader.status.loadedAt, '2026-11-25T08:00:00.000Z');
  assert.equal(reloader.status.refused?.at, '2026-11-25T08:00:01.000Z');
});

test('what the machine refuses is refused; the next that works forgets it', async () => {
  let broken = true;
  const { reloader } = setUp(async () => {
    if (broken) throw new OperationalError('missing-account', 'The user "x" does not exist');
    return NOTHING;
  });
  const refused = await reloader.reload('SIGHUP');
  assert.deepEqual(refused.lines, ['The user "x" does not exist [missing-account]']);
  broken = false;
  assert.equal((await reloader.reload('SIGHUP')).applied, true);
  assert.equal(reloader.status.refused, null);
});

test('asked while one runs, one more follows for all who asked', async () => {
  let reading = 0;
  let most = 0;
  let reads = 0;
  const { reloader, applied } = setUp(async () => {
    most = Math.max(most, ++reading);
    reads++;
    await new Promise((resolve) => setImmediate(resolve));
    reading--;
    return NOTHING;
  });
  await Promise.all(['a', 'b', 'c', 'd'].map((asker) => reloader.reload(asker)));
  assert.deepEqual([reads, most, applied.length], [2, 1, 2]);
});

test('nothing is applied once the node stops', async () => {
  const { reloader, applied } = setUp();
  const asked = reloader.reload('SIGHUP');
  await reloader.close();
  assert.equal((await asked).applied, false);
  assert.deepEqual(applied, []);
});
