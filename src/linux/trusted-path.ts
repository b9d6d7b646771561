/**
 * Whether a directory is ours alone to write, all the way down from the root: where another account can put or
 * swap a name, what root writes there lands where that account wants it (symlink(7), and chmod(1) on the sticky
 * bit).
 */

import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, join, parse, resolve, sep } from 'node:path';

/** As many as the kernel follows (path_resolution(7)). */
const LINKS_MAX = 40;

const OTHERS_WRITE = 0o002;
const GROUP_WRITE = 0o020;
const STICKY = 0o1000;

/** Accounts and groups whose writing is ours. */
export type Trusted = { readonly uids: readonly number[]; readonly gids: readonly number[] };

/** Root, and whoever we run as. */
export function trustedHere(): Trusted {
  return { uids: [0, process.geteuid?.() ?? 0], gids: [0, process.getegid?.() ?? 0] };
}

/**
 * Who else can change what lies under `path`, in a sentence; null: nobody. A path that ends before its end is judged
 * as far as it goes. Throws what lstat(2) throws, but ENOENT.
 */
export function whyUntrusted(path: string, trusted: Trusted): string | null {
  const { root } = parse(resolve(path));
  let at: string = root;
  const rest = resolve(path).slice(root.length).split(sep);
  let links = 0;
  for (;;) {
    const stats = lookAt(at);
    if (stats === null) return null;
    const problem = whyOthersWrite(at, stats, trusted, rest.length === 0);
    if (problem !== null) return problem;
    if (stats.isSymbolicLink()) {
      links += 1;
      if (links > LINKS_MAX) return `"${at}" leads in a circle`;
      const target = resolve(dirname(at), readlinkSync(at));
      rest.unshift(...target.slice(root.length).split(sep));
      at = root;
      continue;
    }
    const name = rest.shift();
    if (name === undefined) return null;
    at = join(at, name);
  }
}

function whyOthersWrite(
  path: string,
  stats: Stats,
  { uids, gids }: Trusted,
  isLast: boolean,
): string | null {
  if (!uids.includes(stats.uid)) return `"${path}" belongs to another account (uid ${stats.uid})`;
  // The rights of a link are those of what it leads to.
  if (stats.isSymbolicLink()) return null;
  const mode = `mode ${(stats.mode & 0o7777).toString(8).padStart(4, '0')}`;
  // In a sticky directory nobody moves the names of others; a name that is free there is anybody's.
  if ((stats.mode & STICKY) !== 0 && !isLast) return null;
  if ((stats.mode & OTHERS_WRITE) !== 0) return `every account can write "${path}" (${mode})`;
  if ((stats.mode & GROUP_WRITE) === 0 || gids.includes(stats.gid)) return null;
  return `group ${stats.gid} can write "${path}" (${mode})`;
}

function lookAt(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
