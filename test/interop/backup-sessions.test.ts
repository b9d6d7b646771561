/** `on-marked-up shutdown-backup-sessions`: who was sent to a backup comes back when a server does. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { test } from 'node:test';
import { parseHaproxy } from '../../src/config/haproxy/index.ts';
import { dial, outcome, readBytes, startServer } from '../../src/planes/relay/fixture/peers.ts';
import { startBalancer } from '../kit/balancer.ts';
import { freePort } from '../kit/free-port.ts';
import { waitUntil } from '../kit/wait-until.ts';

for (const [keyword, ends] of [
  ['on-marked-up shutdown-backup-sessions', true],
  ['', false],
] as const) {
  const what = ends ? 'leave the backup' : 'stay at the backup without the keyword';
  test(`when a server comes back, sessions ${what}`, { timeout: 300_000 }, async (t) => {
    const backup = await startServer(t, (socket) => {
      socket.write('b');
    });
    const port = await freePort();
    const { config, diagnostics } = parseHaproxy(
      'haproxy.cfg',
      `listen kube
  bind 127.0.0.1:1
  timeout connect 5s
  timeout client 1m
  timeout server 1m
  default-server check inter 100ms rise 2 fall 2
  server main 127.0.0.1:${port} ${keyword}
  server spare 127.0.0.1:${backup.port} backup
`,
      {},
    );
    assert.ok(config !== null, JSON.stringify(diagnostics));
    const balancer = await startBalancer(t, config);
    const lines = (): readonly string[] =>
      balancer.messages.flatMap((each) => (each.kind === 'log' ? [each.text] : []));
    await waitUntil('the server is down', () =>
      lines().some((line) => line.includes('kube/main is DOWN')),
    );
    // The log knows it a moment before the relays do.
    const client = await waitUntil('a session is at the backup', async () => {
      const next = await dial(t, balancer.ports.kube ?? 0);
      const from = await readBytes(next, 1).then(String, () => '');
      return from === 'b' ? next : null;
    });
    let over = '';
    void outcome(client.resume()).then((how) => {
      over = how;
    });
    const main: Server = createServer((socket) => {
      socket.on('error', () => {});
      socket.write('m');
    });
    main.listen(port, '127.0.0.1');
    t.after(() => main.close());
    await once(main, 'listening');
    await waitUntil('the server is up', () =>
      lines().some((line) => line.includes('kube/main is UP')),
    );
    if (ends) await waitUntil('the old session is reset', () => over === 'ECONNRESET');
    // And so it is here.
    await waitUntil('new sessions go to the server', async () => {
      const next = await dial(t, balancer.ports.kube ?? 0);
      const from = String(await readBytes(next, 1));
      next.destroy();
      return from === 'm';
    });
    if (!ends) assert.equal(over, '');
  });
}
