import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { waitUntil } from '../../../test/kit/wait-until.ts';
import type { BalancerToGuardian, GuardianToBalancer } from '../../contracts/protocol.ts';
import type { ChildChannel } from './child-channel.ts';
import { LINE_BYTES_MAX, openChannel } from './fixture-channel.ts';

const LOG_LINE = { kind: 'log', level: 'info', text: 'x'.repeat(100) } as const;

describe('The channel to a balancer', () => {
  let balancer: Socket;
  let channel: ChildChannel<BalancerToGuardian, GuardianToBalancer>;
  let messages: readonly BalancerToGuardian[] = [];
  let breaches: readonly string[] = [];
  let close = (): void => {};

  const open = async (): Promise<void> => {
    ({ balancer, channel, messages, breaches, close } = await openChannel());
  };
  beforeEach(open);
  afterEach(() => close());

  const say = (...lines: readonly string[]) => balancer.write(lines.map((l) => `${l}\n`).join(''));

  it('tells what a balancer says, until it says what it must not', async () => {
    say(
      JSON.stringify(LOG_LINE),
      '{"kind":"log","level":"info","text":5}',
      JSON.stringify(LOG_LINE),
    );
    await waitUntil('a breach', () => breaches.length > 0);
    assert.deepEqual(messages, [LOG_LINE]);
    assert.deepEqual(breaches, ['Field "text" is no text']);
    await channel.closed;
    assert.equal(channel.isOpen, false);
    channel.send({ kind: 'report', id: 1 });
  });

  it('is closed by a line without an end, and has kept no more of it than a message is worth', async () => {
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const piece = Buffer.alloc(64 << 10, 'x');
    for (let sent = 0; sent < 126 << 20 && breaches.length === 0; sent += piece.length) {
      if (!balancer.write(piece)) await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, process.memoryUsage().arrayBuffers - before - balancer.writableLength);
    }
    assert.match(breaches[0] ?? '', /more in one message/);
    assert.ok(most < 4 * LINE_BYTES_MAX, `${most} bytes`);
  });

  it('reads a flood no faster than it can be dealt with, and loses nothing of it', async () => {
    const [lines, times] = [5000, 20];
    const flood = `${JSON.stringify({ ...LOG_LINE, text: 'flood' })}\n`.repeat(lines);
    const startedAt = performance.now();
    for (let time = 0; time < times; time += 1) balancer.write(flood);
    await waitUntil('all of it', () => messages.length === lines * times);
    // Each span of 20 ms takes 500 messages, and what was on its way with the last of them: 64 KiB at most.
    const perSpan = 500 + (64 << 10) / (flood.length / lines);
    const tookMs = performance.now() - startedAt;
    assert.ok(tookMs > ((lines * times) / perSpan - 1) * 20 * 0.8, `${Math.round(tookMs)} ms`);
    assert.deepEqual(breaches, []);
  });

  it('is closed when the balancer does not read what it is told', async () => {
    balancer.pause();
    const told = { kind: 'reload-told', id: 1, text: 'x'.repeat(1000) } as const;
    let sent = 0;
    while (breaches.length === 0 && sent < 10_000) {
      channel.send(told);
      sent += 1;
    }
    assert.deepEqual(breaches, ['it does not read what it is told']);
    assert.ok(sent > 1000, `${sent}`);
  });

  it('takes one message of any length from the guardian, which a balancer that starts reads later', () => {
    channel.send({ kind: 'reload-told', id: 1, text: 'x'.repeat(20 << 20) });
    channel.send({ kind: 'report', id: 2 });
    assert.deepEqual(breaches, []);
  });
});
