/**
 * A balancer that is killed alone: the kernel ends both sides of every session at once, those that wait, those that talk
 * and those whose bytes are in a pipe.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { commonNow } from '../../kit/clients/silent-clients.ts';
import { Network, type NetworkNode, whyNoNamespaces } from '../../kit/network.ts';
import { lookAtStatus } from '../../kit/status.ts';
import { judged } from '../../kit/time-verdict.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const skip = whyNoNamespaces() ?? false;
const EVERGATE = resolve('bin/evergate');
const EACH = 8;
const KINDS = ['idle', 'busy', 'stream', 'stalled'] as const;
const BOUND_MS = 300;

/**
 * Clients of port 8443 and their server, 7001. By its first letter a session waits, echoes, gets bytes without end, or gets
 * them and reads none. Says when how many flow, and when each side ended.
 */
const SESSIONS = `
const net = require('node:net');
const say = (what) => console.log(JSON.stringify(what));
const now = () => performance.timeOrigin + performance.now();
const ends = (socket, side, kindOf) => {
  socket.on('error', () => {});
  socket.on('end', () => socket.destroy());
  socket.on('close', () => say({ side, kind: kindOf(), at: now() }));
};
const chunk = Buffer.alloc(262144, 1);
net.createServer((socket) => {
  let kind = '';
  const pour = () => { while (socket.write(chunk)); };
  ends(socket, 'server', () => kind);
  socket.on('data', (data) => {
    if (kind === '') kind = { i: 'idle', b: 'busy', s: 'stream', x: 'stalled' }[String(data)[0]];
    if (kind === 'stream' || kind === 'stalled') { socket.on('drain', pour); pour(); }
    else socket.write(data);
  });
}).listen(7001, () => {
  const counts = { idle: 0, busy: 0, stream: 0, stalled: 0 };
  for (const [letter, kind] of [['i', 'idle'], ['b', 'busy'], ['s', 'stream'], ['x', 'stalled']]) {
    for (let n = 0; n < ${EACH}; n++) {
      let bytes = 0;
      const socket = net.connect(8443, '127.0.0.1', () => socket.write(letter));
      ends(socket, 'client', () => kind);
      socket.on('data', (data) => {
        const before = bytes;
        bytes += data.length;
        const enough = kind === 'stream' ? 16 << 20 : kind === 'stalled' ? 1 << 20 : 1;
        if (before < enough && bytes >= enough) {
          counts[kind]++;
          say({ counts });
          if (kind === 'stalled') socket.pause();
        }
        if (kind === 'busy') setTimeout(() => socket.write('b'), 2);
      });
    }
  }
});
process.on('message', () => process.exit());
`;

type Ended = { readonly side: 'client' | 'server'; readonly kind: string; readonly at: number };

const CONFIG = `global
  nbthread 2
defaults
  mode tcp
  timeout connect 2s
  timeout client 1h
  timeout server 1h
listen api
  bind 127.0.0.1:8443
  server one 127.0.0.1:7001
`;

describe('A balancer that is killed', { skip, timeout: 300_000 }, () => {
  let network: Network;
  let node: NetworkNode;
  let folder = '';

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-killed-'));
    writeFileSync(join(folder, 'haproxy.cfg'), CONFIG);
    network = await Network.create();
    node = await network.addNode('node', '10.99.0.1/24');
    const files = ['--haproxy', join(folder, 'haproxy.cfg'), '--run-dir', join(folder, 'run')];
    node.spawn(EVERGATE, ['run', ...files], { stdio: 'ignore' });
    await waitUntil('it serves', async () => {
      return (await lookAtStatus(join(folder, 'run')))?.balancer?.state === 'serving';
    });
  });
  after(() => {
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('ends both sides of all sessions within 0.3 s', async (t) => {
    await judged(t, async (attempt) => {
      const child = node.spawn(process.execPath, ['-e', SESSIONS], {
        stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      });
      const ended: Ended[] = [];
      let flowing = 0;
      let rest = '';
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          const said = JSON.parse(line);
          if ('counts' in said)
            flowing = Object.values<number>(said.counts).reduce((a, b) => a + b);
          else ended.push(said);
        }
      });
      await waitUntil('all flow', () => flowing === KINDS.length * EACH);
      const report = (await lookAtStatus(join(folder, 'run')))?.balancer;
      const killed = Number(readFileSync(join(folder, 'run', 'balancer.pid'), 'utf8'));
      await waitUntil('a spare is ready', async () => {
        return (await lookAtStatus(join(folder, 'run')))?.balancer?.spare.state === 'ready';
      });
      assert.equal(report?.pid, killed);
      assert.equal(ended.length, 0);
      const from = commonNow();
      process.kill(killed, 'SIGKILL');
      // Who reads nothing cannot be told: the others, and all servers.
      const heard = () => ended.filter(({ side, kind }) => side === 'server' || kind !== 'stalled');
      await waitUntil('all know', () => heard().length === (2 * KINDS.length - 1) * EACH);
      for (const side of ['client', 'server'] as const) {
        const last = Math.max(
          ...heard()
            .filter((one) => one.side === side)
            .map(({ at }) => at),
        );
        t.diagnostic(`the last ${side} after ${Math.round(last - from)} ms`);
        attempt.atMost(last - from, BOUND_MS, `the last ${side} knew after`);
      }
      child.kill('SIGKILL');
    });
  });
});
