/**
 * Runs shell scripts on nodes: over the system's OpenSSH client (ssh(1)), or here where the node is this machine. Never
 * asks for a password: a node that needs one is not reached.
 */

import { type ChildProcess, spawn } from 'node:child_process';

export type ReachOptions = {
  /** Account on the nodes; null: ssh's own choice. One that is not root uses sudo(8). */
  readonly user: string | null;
  /** As `ssh -o` takes them. */
  readonly sshOptions: readonly string[];
};

export type Place = { readonly name: string; readonly address: string; readonly isHere: boolean };

export type Outcome = {
  /** Exit code; null: the script did not come to its end, or nobody knows. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

/** Of one script; what it waits for is shorter: a reload, which may take 60 s. */
const SCRIPT_LIMIT_MS = 90_000;
const SAID_CHARS_MAX = 256 * 1024;
/** ssh(1): an error of its own. */
const SSH_FAILED = 255;
/** A connection that is dead is known as such after 15 s. The first value of an option counts: the user's go before. */
const SSH_DEFAULTS = [
  'BatchMode=yes',
  'ConnectTimeout=10',
  'ServerAliveInterval=5',
  'ServerAliveCountMax=2',
];

/** One word for a shell. */
function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** `words`: $1 and so on of the script. Never rejects. */
export async function runOn(
  place: Place,
  options: ReachOptions,
  script: string,
  words: readonly string[],
  input = '',
): Promise<Outcome> {
  const command = ['sh', '-c', script, 'evergate-push', ...words];
  if (place.isHere) return await run(command, input, false);
  const { user, sshOptions } = options;
  const isRoot = user === null || user === 'root';
  const remote = [...(isRoot ? [] : ['sudo', '-n', '--']), ...command].map(quote).join(' ');
  const settings = [...sshOptions, ...SSH_DEFAULTS].flatMap((option) => ['-o', option]);
  const login = user === null ? [] : ['-l', user];
  return await run(['ssh', '-T', ...settings, ...login, '--', place.address, remote], input, true);
}

async function run(words: readonly string[], input: string, isSsh: boolean): Promise<Outcome> {
  const [program = '', ...args] = words;
  // Ctrl-C is for us alone: a step that has begun comes to its end.
  const child = spawn(program, args, { detached: true, timeout: SCRIPT_LIMIT_MS });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] = (said[name] + text).slice(0, SAID_CHARS_MAX);
    });
  }
  // Who has gone does not read; its exit code says so.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const { code, problem } = await end(child);
  const failed = code === null || (isSsh && code === SSH_FAILED);
  return { ...said, stderr: problem ?? said.stderr, code: failed ? null : code };
}

async function end(child: ChildProcess) {
  const { promise, resolve } = Promise.withResolvers<{ code: number | null; problem?: string }>();
  child.once('error', (error) => resolve({ code: null, problem: error.message }));
  child.once('close', (code, signal) => {
    const problem = `No answer in ${SCRIPT_LIMIT_MS / 1000} s`;
    resolve(signal === null ? { code } : { code: null, problem });
  });
  return await promise;
}
