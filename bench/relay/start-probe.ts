/**
 * `start-probe.ts COMMAND...`: starts it, and writes as JSON after how many ms port 8443 accepted a connection for the
 * first time, and after how many it brought an answer. Ends it again. In a process of its own, because it has to be
 * where the command runs.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';

const PORT = 8443;
const LOOK_MS = 2;
const START_MS_MAX = 20_000;
const END_MS = 5000;

/** Resolves with whether it was opened, and whether it brought anything. */
function attempt(onConnect: () => void): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port: PORT, host: '127.0.0.1' });
    socket.once('connect', () => {
      onConnect();
      socket.write('hello\n');
    });
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => {});
    socket.once('close', () => resolve(false));
  });
}

const [command = '', ...words] = process.argv.slice(2);
const startedAt = performance.now();
const child = spawn(command, words, { stdio: 'ignore' });
const gone = once(child, 'exit');
let connected = Number.NaN;
const onConnect = (): void => {
  if (Number.isNaN(connected)) connected = performance.now() - startedAt;
};
let answered = false;
while (!answered && child.exitCode === null) {
  answered = await attempt(onConnect);
  if (performance.now() - startedAt > START_MS_MAX) break;
  await setTimeout(LOOK_MS);
}
const answer = performance.now() - startedAt;
child.kill('SIGTERM');
const late = AbortSignal.timeout(END_MS);
late.addEventListener('abort', () => child.kill('SIGKILL'));
await gone;
if (!answered) throw new Error(`"${command} ${words.join(' ')}" does not serve`);
process.stdout.write(`${JSON.stringify({ connect: connected, answer })}\n`);
