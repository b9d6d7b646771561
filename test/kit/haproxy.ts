/** For tests against the real HAProxy: whether it is there, ports to give it, itself, its runtime socket. */

import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
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

/** Whether somebody accepts connections on this port of 127.0.0.1 now. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** Runs this configuration until the end of the test; its file goes into `folder`. */
export function startHaproxy(t: TestContext, folder: string, text: string): void {
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, text);
  const haproxy = spawn('haproxy', ['-db', '-f', file], { stdio: 'ignore' });
  t.after(() => haproxy.kill('SIGKILL'));
}

/** What a runtime socket, HAProxy's or ours, answers to a command; rejects while nobody listens there. */
export async function askSocket(path: string, command: string): Promise<string> {
  // It ends when the other side has said all; the time guards against hanging.
  const script = `echo '${command}' | socat -t60 - '${path}'`;
  return (await promisify(execFile)('sh', ['-c', script])).stdout;
}

/** A runtime socket for everything, as startBalancer() opens it. */
export const ADMIN_SOCKET = {
  path: '',
  mode: null,
  user: null,
  group: null,
  level: 'admin',
} as const;
