/** The process of native.ts: is sent one evergate.yaml, sends the NativeResult, ends. */

import { statSync } from 'node:fs';
import { parseNative } from '../config/evergate-yaml/index.ts';
import { groupId } from '../linux/identity.ts';
import type { NativeJob } from './evergate-yaml.ts';

function fileExists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

process.once('message', (job: NativeJob) => {
  const { file, text, ...context } = job;
  const groupExists = (name: string) => groupId(name) !== null;
  const result = parseNative(file, text, { ...context, fileExists, groupExists });
  // Without a listener the channel holds the process no longer: it ends once this is sent.
  process.send?.(result);
});
