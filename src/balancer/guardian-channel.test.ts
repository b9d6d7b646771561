import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { GUARDIAN_FD } from '../contracts/protocol.ts';
import { parseFromBalancer } from '../contracts/protocol-table.ts';
import { LineReader } from '../core/line-reader.ts';

const MODULE = fileURLToPath(new URL('./guardian-channel.ts', import.meta.url));
const LINES = 50_000;

/** Says far more than anybody reads, and then that it is done. */
const BALANCER = `
import { GuardianChannel } from ${JSON.stringify(MODULE)};
const channel = new GuardianChannel(${GUARDIAN_FD});
channel.onClose(() => process.exit());
channel.onMessage(() => {});
const text = 'x'.repeat(200);
let sent = 0;
const count = () => { sent += 1; };
for (let line = 0; line < ${LINES}; line += 1) {
  channel.send({ kind: 'log', level: 'info', text }, count);
  channel.send({ kind: 'servers', servers: [{ backend: 'b', server: String(line), admin: 'ready', check: 'up', health: 1, weight: null }] });
}
channel.send({ kind: 'report', id: 7, report: { uptimeMs: 1, relays: 1, frontends: [], backends: [] } });
console.log(process.memoryUsage().arrayBuffers);
`;

describe('What a balancer says to a guardian that is slow to read', () => {
  it('has a bound: the last state of the servers gets there, and how many lines did not', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', BALANCER], {
      stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    });
    const channel = child.stdio[GUARDIAN_FD];
    assert.ok(channel instanceof Socket);
    // Nothing is read until it has said all.
    await once(child.stdout ?? assert.fail(), 'data');
    const reader = new LineReader(1 << 20);
    let logged = 0;
    let lost = 0;
    let last = '';
    let answered = false;
    channel.on('data', (chunk: Buffer) => {
      for (const line of reader.read(chunk) ?? []) {
        const message = parseFromBalancer(line);
        assert.ok(message.ok, line);
        const { value } = message;
        if (value.kind === 'servers') last = value.servers[0]?.server ?? '';
        if (value.kind === 'report') answered = true;
        if (value.kind !== 'log') continue;
        const count = /^(\d+) lines .* were lost/.exec(value.text)?.[1];
        if (count === undefined) logged += 1;
        else lost = Number(count);
        if (count !== undefined) channel.destroy();
      }
    });
    await once(child, 'exit');
    assert.equal(last, String(LINES - 1));
    assert.ok(answered, 'what was asked for is never left out');
    assert.ok(logged < 10_000, `${logged} lines waited`);
    assert.equal(logged + lost, LINES);
  });
});
