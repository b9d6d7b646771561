/** Child processes of the bench: started on cores of their own, waited for, measured, ended. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { accepts } from '../../test/kit/haproxy.ts';

export type Started = {
  readonly pid: number;
  readonly child: ChildProcess;
  readonly end: () => Promise<void>;
};

/** Starts a command on these cores ("0" or "0,1") and waits until it accepts on `port`. */
export async function startOn(
  cores: string,
  command: readonly string[],
  port: number,
): Promise<Started> {
  const started = spawnOn(cores, command);
  const { child } = started;
  let complaint = '';
  child.stderr?.on('data', (chunk) => {
    complaint = (complaint + String(chunk)).slice(-2000);
  });
  const deadline = performance.now() + 10_000;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      await started.end();
      throw new Error(`"${command.join(' ')}" does not serve: ${complaint}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return started;
}

/** Starts a command on these cores. */
export function spawnOn(cores: string, command: readonly string[]): Started {
  const child = spawn('taskset', ['-c', cores, ...command], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout?.resume();
  if (child.pid === undefined) throw new Error(`"${command.join(' ')}" cannot be started`);
  return { pid: child.pid, child, end: () => endChild(child) };
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 2000);
  await gone;
  clearTimeout(late);
}

/** Seconds of processor time of a process and all its descendants, to the nanosecond. */
export function cpuSeconds(pid: number): number {
  let nanoseconds = 0;
  for (const one of family(pid)) {
    for (const thread of names(`/proc/${one}/task`)) {
      nanoseconds += Number(read(`/proc/${one}/task/${thread}/schedstat`).split(' ')[0]);
    }
  }
  return nanoseconds / 1e9;
}

export type Resident = {
  /** Bytes in memory, as ps counts them. */
  readonly rss: number;
  /** The same with shared pages divided among those who share them. */
  readonly pss: number;
};

/** Memory of one process (proc(5), smaps_rollup). */
export function resident(pid: number): Resident {
  const text = read(`/proc/${pid}/smaps_rollup`);
  const bytes = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? Number.NaN) * 1024;
  return { rss: bytes('Rss'), pss: bytes('Pss') };
}

/** A process and its descendants. */
export function family(pid: number): number[] {
  const parents = names('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      const text = read(`/proc/${name}/stat`);
      const parent = text.slice(text.lastIndexOf(')') + 2).split(' ')[1];
      return { pid: Number(name), parent: Number(parent) };
    });
  const found = new Set([pid]);
  // Each round finds one more generation; trees of proxies are two deep.
  for (let generation = 0; generation < 4; generation++) {
    for (const one of parents) if (found.has(one.parent)) found.add(one.pid);
  }
  return [...found];
}

// Processes and threads end while one looks: what is gone counts nothing.

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Output of a command that must succeed. */
export async function output(
  command: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env: environment });
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
