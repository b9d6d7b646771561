/** `stick on src` beside HAProxy 2.6: the same file, the same order of clients, the same servers. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseHaproxy } from '../../src/config/haproxy/index.ts';
import { dial, readBytes, startServer } from '../../src/planes/relay/fixture/peers.ts';
import { startBalancer } from '../kit/balancer.ts';
import { freePort } from '../kit/free-port.ts';
import { whyNoHaproxy } from '../kit/haproxy.ts';
import { waitUntil } from '../kit/wait-until.ts';

test('sources stick to the servers that HAProxy gives them', { timeout: 300_000 }, async (t) => {
  const reason = whyNoHaproxy();
  if (reason !== null) return t.skip(reason);
  const servers = await Promise.all(
    [0, 1, 2].map((number) => startServer(t, (socket) => socket.end(String(number)))),
  );
  const port = await freePort();
  const lines = servers.map((server, number) => ` server s${number} 127.0.0.1:${server.port}\n`);
  const file =
    `global\n nbthread 1\nlisten kube\n bind 127.0.0.1:${port}\n mode tcp\n balance roundrobin\n` +
    ' timeout client 5s\n timeout connect 5s\n timeout server 5s\n' +
    ` stick-table type ip size 200k expire 30m\n stick on src\n${lines.join('')}`;
  const folder = mkdtempSync(join(tmpdir(), 'eg-stick-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'haproxy.cfg'), file);
  const haproxy = spawn('haproxy', ['-db', '-f', join(folder, 'haproxy.cfg')], { stdio: 'ignore' });
  t.after(() => haproxy.kill('SIGKILL'));
  await waitUntil(
    'HAProxy listens',
    () =>
      new Promise<boolean>((resolve) => {
        // From an address that the test does not use, as it takes a place in the rotation.
        const probe = connect({ port, host: '127.0.0.1', localAddress: '127.0.3.99' });
        probe.on('error', () => resolve(false));
        probe.on('data', () => resolve(true));
      }),
    50,
  );
  const { config, diagnostics } = parseHaproxy('haproxy.cfg', file, {});
  assert.ok(config !== null, JSON.stringify(diagnostics));
  const balancer = await startBalancer(t, config);
  const ask = async (to: number, host: number): Promise<string> => {
    const client = await dial(t, to, `127.0.3.${host}`);
    const answer = String(await readBytes(client, 1));
    client.destroy();
    return answer;
  };
  const ours = balancer.ports.kube ?? 0;
  await ask(ours, 99);
  const order = [1, 2, 3, 4, 2, 2, 5, 1, 6, 4, 4, 3, 7, 1];
  const answers = async (to: number): Promise<string> => {
    let said = '';
    for (const host of order) said += await ask(to, host);
    return said;
  };
  assert.equal(await answers(ours), await answers(port));
});
