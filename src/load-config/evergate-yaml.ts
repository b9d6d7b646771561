/**
 * evergate.yaml is read in a process of its own, which ends afterwards: the guardian would keep the 20 MB
 * that the schema and YAML libraries take for good, and of a thread too.
 */

import { fork } from 'node:child_process';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { LocalAddress } from '../config/evergate-yaml/draft.ts';
import type { NativeResult } from '../config/evergate-yaml/index.ts';
import { nftCommand } from '../linux/nftables.ts';
import { localAddresses } from './local-addresses.ts';

export type NativeInput = {
  readonly file: string;
  /** Name of this node; null: it finds itself by its addresses. */
  readonly node: string | null;
  /** Whether a machine that is none of the nodes is an error; else a warning. */
  readonly mustBeNode: boolean;
};

/** What the process is sent. */
export type NativeJob = NativeInput & {
  readonly text: string;
  readonly hostName: string;
  readonly canRedirect: boolean;
  readonly localAddresses: readonly LocalAddress[];
};

/** Far more than the largest file takes. */
const READ_LIMIT_MS = 30_000;

/** What the file says is in the result's diagnostics; rejects only over broken invariants. */
export async function readNative(input: NativeInput, text: string): Promise<NativeResult> {
  const here = {
    hostName: hostname(),
    localAddresses: localAddresses(),
    canRedirect: nftCommand() !== null,
  };
  const job: NativeJob = { ...input, text, ...here };
  const reader = fork(fileURLToPath(new URL('evergate-yaml-process.ts', import.meta.url)), {
    timeout: READ_LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  const answer = Promise.withResolvers<NativeResult>();
  reader.once('message', (result) => answer.resolve(result as NativeResult));
  reader.once('error', answer.reject);
  reader.once('exit', (code, signal) =>
    answer.reject(new Error(`The process that reads "${input.file}" ended by ${signal ?? code}`)),
  );
  reader.send(job);
  return await answer.promise;
}
