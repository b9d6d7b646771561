/**
 * loadConfig() in a process of its own, which ends with it. Parsers, schema and TLS, which reads certificates, would
 * otherwise stay in the guardian's memory for its whole life: 17 MB for a few milliseconds of work. A thread gives
 * most of that back, but not what its allocator keeps, and so the guardian grew with every reload.
 */

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ConfigInputs, LoadedConfig } from './load.ts';

/** Far more than the largest files and the slowest resolver take. */
const READ_LIMIT_MS = 120_000;

/** Of what it says of itself when it fails. */
const SAID_CHARS_MAX = 4096;

/** Rejects when the process fails, which only a programmer's error makes it do. */
export async function loadConfigApart(inputs: ConfigInputs): Promise<LoadedConfig> {
  const reader = fork(fileURLToPath(new URL('./load-process.ts', import.meta.url)), {
    serialization: 'advanced',
    // Ctrl-C at a terminal is for the guardian alone.
    detached: true,
    // Not ours: libuv makes those of a child blocking ones, and so the log's, for all who share it.
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    timeout: READ_LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  const { promise, resolve, reject } = Promise.withResolvers<LoadedConfig>();
  let said = '';
  reader.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, SAID_CHARS_MAX);
  });
  // Its end, which takes as long as some of its work, is not waited for.
  reader.once('message', (answer) => resolve(answer as LoadedConfig));
  reader.once('error', reject);
  reader.once('close', (code, signal) =>
    reject(new Error(`Who reads the configuration ended by ${signal ?? code}: ${said}`)),
  );
  reader.send(inputs);
  return await promise;
}
