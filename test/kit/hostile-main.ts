/**
 * Code that got into a balancer, for tests: loaded before it (`node --import`), it lies still in the real process
 * until SIGUSR2, and then does what the file EVERGATE_HOSTILE_FILE says, and says so in a file beside it. In every
 * other process it does nothing.
 */

import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readdirSync, readSync, writeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

export type HostileAct =
  /** Says these bytes to the guardian. */
  | { readonly act: 'say'; readonly text: string }
  /** Says a piece again and again, without an end. */
  | { readonly act: 'flood'; readonly text: string; readonly bytes: number }
  /** Takes the memory away that the guardian looks at. */
  | { readonly act: 'shrink-beats' }
  /** Ends listening on what it shares with its guardian and its successor. */
  | { readonly act: 'shut-listeners' }
  /** Is not to be spoken to any more, and serves on. */
  | { readonly act: 'close-channel' }
  /** Runs a program, and says in the file how that ends. */
  | { readonly act: 'run'; readonly program: string }
  /** Opens a file, and says in the file how that ends. */
  | { readonly act: 'open'; readonly path: string; readonly flags: 'r' | 'w' }
  /** Looks whether it might end a process. */
  | { readonly act: 'signal'; readonly pid: number }
  /** Writes to its standard error, which is the log of root. */
  | { readonly act: 'print'; readonly text: string };

/** As the guardian hands them out: its channel, then the page of beats. */
const CHANNEL_FD = 3;
const BEATS_FD = 4;
const FIRST_LISTENER_FD = 6;
const ORDER_BYTES_MAX = 16 << 20;
const STDERR_FD = 2;
const BOTH_WAYS = 2;

const file = process.env.EVERGATE_HOSTILE_FILE ?? '';
const inBalancer = process.argv[1]?.endsWith('/balancer/main.ts') === true;
if (isMainThread && inBalancer && file !== '') {
  // Opened now: later the process may not.
  const order = openSync(file, 'r');
  const answer = openSync(`${file}.${process.pid}`, 'w');
  process.on('SIGUSR2', async () => {
    const bytes = Buffer.alloc(ORDER_BYTES_MAX);
    const text = bytes.toString('utf8', 0, readSync(order, bytes, 0, ORDER_BYTES_MAX, 0));
    const told = await perform(JSON.parse(text) as HostileAct);
    writeSync(answer, `${told}\n`);
  });
}

async function perform(act: HostileAct): Promise<string> {
  if (act.act === 'say') write(CHANNEL_FD, Buffer.from(act.text));
  if (act.act === 'flood') write(CHANNEL_FD, Buffer.alloc(act.bytes, act.text));
  if (act.act === 'print') write(STDERR_FD, Buffer.from(act.text));
  if (act.act === 'close-channel') closeSync(CHANNEL_FD);
  if (act.act === 'shrink-beats') shrink(BEATS_FD);
  if (act.act === 'shut-listeners') await shutListeners();
  if (act.act === 'open') return outcome(() => closeSync(openSync(act.path, act.flags)));
  if (act.act === 'signal') return outcome(() => process.kill(act.pid, 0));
  if (act.act !== 'run') return '';
  const { error, status } = spawnSync(act.program, ['0']);
  return (error as NodeJS.ErrnoException | undefined)?.code ?? `exit code ${status}`;
}

/** "done", or the error's name. */
function outcome(action: () => void): string {
  try {
    action();
    return 'done';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

function shrink(fd: number): void {
  try {
    ftruncateSync(fd, 0);
  } catch {
    // It is sealed.
  }
}

async function shutListeners(): Promise<void> {
  const { bind } = await import('../../src/linux/libc.ts');
  const shutdown = bind<[number, number]>('int', 'shutdown', ['int', 'int']);
  for (const name of readdirSync('/proc/self/fd')) {
    if (Number(name) >= FIRST_LISTENER_FD) shutdown(Number(name), BOTH_WAYS);
  }
}

/** The rest follows when there is room; the process goes on meanwhile. */
function write(fd: number, bytes: Uint8Array): void {
  let rest = bytes;
  try {
    while (rest.length > 0) rest = rest.subarray(writeSync(fd, rest));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
    setTimeout(() => write(fd, rest), 1);
  }
}
