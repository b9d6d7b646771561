/** A package of the kind of Red Hat and SUSE, by rpmbuild(8). */

import { execFileSync } from 'node:child_process';
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Machine } from '../release/carried.ts';
import type { TreeFacts } from './tree.ts';

const ARCHITECTURES: Readonly<Record<Machine, string>> = { x64: 'x86_64', arm64: 'aarch64' };

/** Writes it into `folder` and returns its name. */
export function writeRpm(
  tree: string,
  folder: string,
  machine: Machine,
  { root, version, epoch }: TreeFacts,
): string {
  const work = mkdtempSync(join(tmpdir(), 'evergate-rpm-'));
  try {
    const spec = join(work, 'evergate.spec');
    const text = readFileSync(join(root, 'packaging/rpm/evergate.spec'), 'utf8');
    writeFileSync(spec, text.replaceAll('@VERSION@', version).replaceAll('@TREE@', tree));
    const defines = {
      _topdir: work,
      _rpmdir: join(work, 'made'),
      // The same bytes each time, wherever.
      _buildhost: 'localhost',
      use_source_date_epoch_as_buildtime: '1',
      clamp_mtime_to_source_date_epoch: '1',
      // What is packed is packed as it is.
      debug_package: '%{nil}',
      __os_install_post: '%{nil}',
      _build_id_links: 'none',
      _binary_payload: 'w6.gzdio',
    };
    const args = Object.entries(defines).flatMap(([name, value]) => [
      '--define',
      `${name} ${value}`,
    ]);
    execFileSync(
      'rpmbuild',
      ['-bb', '--quiet', '--target', ARCHITECTURES[machine], ...args, spec],
      {
        env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) },
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    const [made = ''] = globSync(join(work, 'made/*/*.rpm'));
    const name = basename(made);
    cpSync(made, join(folder, name));
    return name;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
