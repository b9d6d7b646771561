/** The thread of native.ts: reads one evergate.yaml, posts the NativeResult, ends. */

import { statSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { parseNative } from '../config/native/index.ts';
import { assert } from '../core/assert.ts';
import type { NativeJob } from './native.ts';

function fileExists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

const { file, text, node, mustBeNode, localAddresses } = workerData as NativeJob;
assert(parentPort !== null, 'this file runs as a thread');
parentPort.postMessage(parseNative(file, text, { node, mustBeNode, localAddresses, fileExists }));
