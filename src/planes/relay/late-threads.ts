/**
 * Whether a spare may leave all of its relay threads but one for the moment it takes over: a thread that waits keeps
 * 7 MB (docs/adr/0033). It is another account then, and confined: what a thread needs to start must be open to it.
 */

import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { usesForeignAddresses } from '../../config/model/traffic.ts';
import type { DataPlaneOptions } from '../../contracts/data-plane.ts';

export const THREAD_ENTRY = new URL('./thread.ts', import.meta.url);

const READ_BY_ALL = 0o004;
const ENTERED_BY_ALL = 0o001;

export function startsOthersLater({ config, standby }: DataPlaneOptions): boolean {
  // The right to foreign addresses outlives the change of the account only in threads that are there (docs/adr/0028).
  return standby && !usesForeignAddresses(config.backends) && isOpenToAll(THREAD_ENTRY);
}

/** What is installed is readable as a whole or not at all; a checkout may lie in a folder of root's own. */
function isOpenToAll(file: URL): boolean {
  const path = fileURLToPath(file);
  if ((statSync(path).mode & READ_BY_ALL) === 0) return false;
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if ((statSync(folder).mode & ENTERED_BY_ALL) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}
