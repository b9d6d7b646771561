import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import test from 'node:test';
import { freePort } from './free-port.ts';

test('a free port is none of those of outgoing connections, and is given once', async (t) => {
  const range = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
  const ports = await Promise.all(Array.from({ length: 50 }, freePort));
  assert.equal(new Set(ports).size, ports.length);
  assert.ok(Math.max(...ports) < Number.parseInt(range, 10), `${Math.max(...ports)}`);
  const server = createServer().listen(ports[0], '127.0.0.1');
  t.after(() => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
});
