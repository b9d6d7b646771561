/** Weights that an operator sets on the runtime socket: each balance algorithm takes those that HAProxy's takes. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseHaproxy } from '../../src/config/haproxy/index.ts';
import { startBalancer } from '../kit/balancer.ts';
import { freePort } from '../kit/free-port.ts';
import { ADMIN_SOCKET, askSocket, startHaproxy, whyNoHaproxy } from '../kit/haproxy.ts';
import { waitUntil } from '../kit/wait-until.ts';

const ALGORITHMS: Readonly<Record<string, string>> = {
  roundrobin: 'balance roundrobin',
  'static-rr': 'balance static-rr',
  leastconn: 'balance leastconn',
  first: 'balance first',
  random: 'balance random',
  source: 'balance source',
  consistent: 'balance source\n  hash-type consistent',
};

const WEIGHTS = ['7', '0%', '100%', '30', '256', '50%', '0', '10'];

test('weights are taken and refused as by HAProxy, for each algorithm', async (t) => {
  const reason = whyNoHaproxy('socat');
  if (reason !== null) return t.skip(reason);
  const ports = await Promise.all(Object.keys(ALGORITHMS).map(() => freePort()));
  const proxies = Object.entries(ALGORITHMS).map(
    ([name, lines], index) =>
      `listen ${name}\n  bind 127.0.0.1:${ports[index]}\n  ${lines}\n  server s 127.0.0.1:9 weight 10\n`,
  );
  const text = `defaults\n  timeout connect 1s\n  timeout client 1h\n  timeout server 1h\n${proxies.join('')}`;
  const { config } = parseHaproxy('h', text, {});
  assert.ok(config !== null);
  const process = { ...config.process, statsSockets: [ADMIN_SOCKET] };
  const ours = await startBalancer(t, { ...config, process });
  const our = ours.sockets.admin ?? '';
  const their = join(ours.folder, 'theirs.sock');
  startHaproxy(t, ours.folder, `global\n  stats socket ${their} level admin\n${text}`);
  await waitUntil('HAProxy answers', async () => {
    return (await askSocket(their, 'show info').catch(() => '')).includes('Uptime');
  });
  for (const name of Object.keys(ALGORITHMS)) {
    const commands = WEIGHTS.flatMap((weight) => [
      `set server ${name}/s weight ${weight}`,
      `get weight ${name}/s`,
    ]).join(';');
    assert.equal(await askSocket(our, commands), await askSocket(their, commands), name);
  }
});
