/** For tests against the real HAProxy: whether it is there, and ports to give it. */

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { TestContext } from 'node:test';
import { hasProgram } from './network.ts';

/** Why a test against HAProxy 2.6 and these programs must be skipped; null: it can run. */
export function whyNoHaproxy(...programs: readonly string[]): string | null {
  for (const program of ['haproxy', ...programs]) {
    if (!hasProgram(program)) return `The program "${program}" (Debian: ${program}) is missing`;
  }
  const version = execFileSync('haproxy', ['-v'], { encoding: 'utf8' });
  return version.includes(' 2.6.') ? null : 'The expectations are those of HAProxy 2.6';
}

/** A port that accepts connections until the end of the test. */
export async function openPort(t: TestContext): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** A port on which nobody listens now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
