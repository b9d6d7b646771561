import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { LogTarget } from '../../config/model/process.ts';
import { LogSender } from './log-sender.ts';
import { frameMessage } from './syslog-message.ts';

const local2 = { format: 'rfc3164', facility: 18, levelMax: 7, levelMin: 0 } as const;

test('frameMessage() frames a line as HAProxy does', () => {
  const now = new Date(2026, 10, 3, 6, 8, 3);
  assert.equal(
    frameMessage(local2, 1, 'Server b/s is DOWN', now, 42),
    '<145>Nov  3 06:08:03 haproxy[42]: Server b/s is DOWN\n',
  );
  assert.equal(frameMessage({ ...local2, format: 'raw' }, 1, 'x', now, 42), 'x\n');
  assert.equal(frameMessage({ ...local2, format: 'short' }, 1, 'x', now, 42), '<1>x\n');
});

test('frameMessage() drops below the level and caps above it', () => {
  const now = new Date(2026, 0, 1);
  assert.equal(frameMessage({ ...local2, levelMax: 4 }, 5, 'x', now, 1), null);
  assert.match(frameMessage({ ...local2, levelMin: 5 }, 0, 'x', now, 1) ?? '', /^<149>/);
});

test('LogSender sends UDP', async (t) => {
  const receiver = createSocket('udp4');
  t.after(() => receiver.close());
  receiver.bind(0, '127.0.0.1');
  await once(receiver, 'listening');
  const address = { kind: 'udp', host: '127.0.0.1', port: receiver.address().port } as const;
  const sender = new LogSender();
  t.after(() => sender.close());
  const targets: LogTarget[] = [{ ...local2, address }];
  sender.retarget(targets);
  const received = once(receiver, 'message', { signal: AbortSignal.timeout(5000) });
  sender.send(targets, 5, 'hello');
  const [message] = await received;
  assert.match(
    String(message),
    /^<149>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d haproxy\[\d+\]: hello\n$/,
  );
});

test('LogSender counts a line to a unix socket that is not there', (t) => {
  const sender = new LogSender();
  t.after(() => sender.close());
  const address = { kind: 'unix', path: '/nonexistent/log' } as const;
  sender.send([{ ...local2, address }], 5, 'hello');
  assert.equal(sender.dropped, 1);
});

test('LogSender writes to standard output and error', () => {
  const module = fileURLToPath(new URL('./log-sender.ts', import.meta.url));
  const code = `
    const { LogSender } = await import(${JSON.stringify(module)});
    const sender = new LogSender();
    const target = { format: 'short', facility: 0, levelMax: 7, levelMin: 0 };
    sender.send([{ ...target, address: { kind: 'stdout' } }], 5, 'out');
    sender.send([{ ...target, address: { kind: 'stderr' } }], 3, 'err');`;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
  });
  assert.equal(run.stdout, '<5>out\n');
  assert.equal(run.stderr, '<3>err\n');
});
