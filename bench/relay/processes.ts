/** Child processes of the bench: started on a core, waited for, measured, ended. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';

/** Clock ticks per second of /proc (USER_HZ); 100 on every Linux architecture we run on. */
const TICKS_PER_SECOND = 100;

export type Started = { readonly pid: number; readonly end: () => Promise<void> };

/** Starts a command on one core and waits until it accepts on `port`. */
export async function startOn(
  core: number,
  command: readonly string[],
  port: number,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Started> {
  const child = spawn('taskset', ['-c', String(core), ...command], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: environment,
  });
  let complaint = '';
  child.stderr.on('data', (chunk) => {
    complaint = (complaint + String(chunk)).slice(-2000);
  });
  const end = () => endChild(child);
  const deadline = performance.now() + 10_000;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      await end();
      throw new Error(`"${command.join(' ')}" does not serve: ${complaint}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  if (child.pid === undefined) throw new Error(`"${command.join(' ')}" has no process`);
  return { pid: child.pid, end };
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 2000);
  await gone;
  clearTimeout(late);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** Seconds of processor time (user and system) of a process and all its descendants. */
export function cpuSeconds(pid: number): number {
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readStat(name));
  let ticks = 0;
  const wanted = new Set([pid]);
  // Each round finds one more generation; trees of proxies are two deep.
  for (let generation = 0; generation < 4; generation++) {
    for (const one of processes) if (wanted.has(one.parent)) wanted.add(one.pid);
  }
  for (const one of processes) if (wanted.has(one.pid)) ticks += one.ticks;
  return ticks / TICKS_PER_SECOND;
}

function readStat(pid: string): { pid: number; parent: number; ticks: number }[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return [
      {
        pid: Number(pid),
        parent: Number(fields[1]),
        ticks: Number(fields[11]) + Number(fields[12]),
      },
    ];
  } catch {
    // It ended while we looked.
    return [];
  }
}

/** Output of a command that must succeed. */
export async function output(command: readonly string[]): Promise<string> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  child.stderr.on('data', (chunk) => {
    text += chunk;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`"${command.join(' ')}" ended with ${code}: ${text}`);
  return text;
}
