import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { LogTarget } from '../config/model/process.ts';
import { EventLogWriter } from './event-log-writer.ts';

const local2 = { format: 'rfc3164', facility: 18, levelMax: 7, levelMin: 0 } as const;

test('EventLogWriter sends UDP', async (t) => {
  const receiver = createSocket('udp4');
  t.after(() => receiver.close());
  receiver.bind(0, '127.0.0.1');
  await once(receiver, 'listening');
  const address = { kind: 'udp', host: '127.0.0.1', port: receiver.address().port } as const;
  const writer = new EventLogWriter();
  t.after(() => writer.close());
  const targets: LogTarget[] = [{ ...local2, address }];
  writer.retarget(targets);
  const received = once(receiver, 'message', { signal: AbortSignal.timeout(60_000) });
  writer.write(targets, 5, 'hello');
  const [message] = await received;
  assert.match(
    String(message),
    /^<149>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d haproxy\[\d+\]: hello\n$/,
  );
});

test('EventLogWriter counts a line to a unix socket that is not there', (t) => {
  const writer = new EventLogWriter();
  t.after(() => writer.close());
  const address = { kind: 'unix', path: '/nonexistent/log' } as const;
  writer.write([{ ...local2, address }], 5, 'hello');
  assert.equal(writer.dropped, 1);
});

test('EventLogWriter writes to standard output and error', () => {
  const module = fileURLToPath(new URL('./event-log-writer.ts', import.meta.url));
  const code = `
    const { EventLogWriter } = await import(${JSON.stringify(module)});
    const writer = new EventLogWriter();
    const target = { format: 'short', facility: 0, levelMax: 7, levelMin: 0 };
    writer.write([{ ...target, address: { kind: 'stdout' } }], 5, 'out');
    writer.write([{ ...target, address: { kind: 'stderr' } }], 3, 'err');`;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
  });
  assert.equal(run.stdout, '<5>out\n');
  assert.equal(run.stderr, '<3>err\n');
});
