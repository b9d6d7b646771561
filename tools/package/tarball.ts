/** The tree as it stands, for systems with neither dpkg nor rpm: unpacked into `/`. */

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Machine } from '../release/carried.ts';
import type { TreeFacts } from './tree.ts';

/** How tar(1) writes the same bytes each time. `epoch`: seconds since 1970. */
export function sameBytesEachTime(epoch: number): readonly string[] {
  const owner = ['--owner=0', '--group=0', '--numeric-owner'];
  return ['--sort=name', `--mtime=@${epoch}`, ...owner, '--format=gnu'];
}

/** Writes it into `folder` and returns its name. */
export function writeTarball(
  tree: string,
  folder: string,
  machine: Machine,
  { version, epoch }: TreeFacts,
): string {
  const name = `evergate-${version}-linux-${machine}.tar.gz`;
  const args = [
    ...sameBytesEachTime(epoch),
    '-I',
    'gzip -n',
    '-cf',
    join(folder, name),
    '-C',
    tree,
    '.',
  ];
  execFileSync('tar', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  return name;
}
