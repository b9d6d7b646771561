/**
 * A port to listen on later. It lies below those that the kernel gives to outgoing connections
 * (ip(7), ip_local_port_range): one of these may be in use again before the test gets to it.
 */

import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

const LOWEST = 10_000;
const TRIES_MAX = 100;
const given = new Set<number>();

/** A port of 127.0.0.1 on which nobody listens now; this process is given it once. */
export async function freePort(): Promise<number> {
  const range = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
  const ephemeral = Number.parseInt(range, 10);
  if (ephemeral <= LOWEST + TRIES_MAX) {
    throw new Error(
      `Ports from ${ephemeral} on are for outgoing connections: none is left to listen on`,
    );
  }
  for (let count = 0; count < TRIES_MAX; count += 1) {
    const port = randomInt(LOWEST, ephemeral);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`${TRIES_MAX} ports below ${ephemeral} are all in use`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
