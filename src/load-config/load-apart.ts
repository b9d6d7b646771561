/**
 * loadConfig() in a thread that ends with it. Parsers, schema and TLS, which reads certificates, would
 * otherwise stay in the guardian's memory for its whole life: 17 MB for a few milliseconds of work.
 */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ConfigInputs, LoadedConfig } from './load.ts';

/** Rejects when the thread fails, which only a programmer's error makes it do. */
export async function loadConfigApart(inputs: ConfigInputs): Promise<LoadedConfig> {
  const worker = new Worker(new URL('./load-thread.ts', import.meta.url), {
    workerData: inputs,
    name: 'load-config',
  });
  const gone = once(worker, 'exit');
  const [loaded] = await once(worker, 'message');
  await gone;
  return loaded;
}
