/** Unix datagrams reach a receiver of another program's making (socat). */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { EventLogWriter } from '../../src/balancer/event-log-writer.ts';
import { hasProgram } from '../kit/network.ts';
import { waitUntil } from '../kit/wait-until.ts';

test('server events reach a unix syslog socket', async (t) => {
  if (!hasProgram('socat')) return t.skip('The program "socat" (Debian: socat) is missing');
  const folder = mkdtempSync(join(tmpdir(), 'eg-log-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'log');
  const receiver = spawn('socat', ['-u', `UNIX-RECV:${path}`, '-'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => receiver.kill());
  // Bound, it takes datagrams.
  await waitUntil('socat has its socket', () => existsSync(path));
  const writer = new EventLogWriter();
  t.after(() => writer.close());
  const arrived = once(receiver.stdout, 'data', { signal: AbortSignal.timeout(60_000) });
  writer.write(
    [{ address: { kind: 'unix', path }, format: 'rfc3164', facility: 3, levelMax: 7, levelMin: 0 }],
    1,
    'Server b/s is DOWN',
  );
  const [data] = await arrived;
  assert.match(String(data), /^<25>.* haproxy\[\d+\]: Server b\/s is DOWN\n$/);
  assert.equal(writer.dropped, 0);
});
