/**
 * evergate.yaml is read in a thread that ends afterwards: the schema and YAML libraries take more memory
 * than the guardian, which would otherwise keep them for good.
 */

import { Worker } from 'node:worker_threads';
import type { LocalAddress } from '../config/native/find-node.ts';
import type { NativeResult } from '../config/native/index.ts';
import { localAddresses } from './local-addresses.ts';

export type NativeInput = {
  readonly file: string;
  /** Name of this node; null: it finds itself by its addresses. */
  readonly node: string | null;
  /** Whether a machine that is none of the nodes is an error; else a warning. */
  readonly mustBeNode: boolean;
};

/** What the thread is given. */
export type NativeJob = NativeInput & {
  readonly text: string;
  readonly localAddresses: readonly LocalAddress[];
};

/** What the file says is in the result's diagnostics; rejects only over broken invariants. */
export async function readNative(input: NativeInput, text: string): Promise<NativeResult> {
  const workerData: NativeJob = { ...input, text, localAddresses: localAddresses() };
  const worker = new Worker(new URL('native-thread.ts', import.meta.url), { workerData });
  const answer = Promise.withResolvers<NativeResult>();
  worker.once('message', (result: NativeResult) => answer.resolve(result));
  worker.once('error', answer.reject);
  worker.once('exit', () =>
    answer.reject(new Error('The thread that reads ended without a result')),
  );
  try {
    return await answer.promise;
  } finally {
    await worker.terminate();
  }
}
