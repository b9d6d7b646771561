/** A package of Debian's kind, by Debian's own dpkg-deb(1). */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from '../release/carried.ts';
import { CONFIGURATION, DOCS, filesOf, type TreeFacts, zipped } from './tree.ts';

/** Counts what was changed in the packaging alone. */
const REVISION = 1;
const ARCHITECTURES: Readonly<Record<Machine, string>> = { x64: 'amd64', arm64: 'arm64' };
const SCRIPTS = ['postinst', 'prerm', 'postrm'] as const;

/**
 * Writes it into `folder` and returns its name. `tree` has what layOut() lays out; it gets Debian's part, too. Not
 * compressed it is there in seconds, for a test.
 */
export function writeDeb(
  tree: string,
  folder: string,
  machine: Machine,
  facts: TreeFacts,
  compression: 'xz' | 'none' = 'xz',
): string {
  const { root, epoch } = facts;
  const version = `${facts.version}-${REVISION}`;
  const architecture = ARCHITECTURES[machine];
  const own = (name: string): string => readFileSync(join(root, 'packaging/debian', name), 'utf8');
  const put = (path: string, contents: string | Buffer): void => {
    mkdirSync(join(tree, path, '..'), { recursive: true });
    writeFileSync(join(tree, path), contents);
  };

  put(`${DOCS}/copyright`, own('copyright'));
  put(`${DOCS}/changelog.Debian.gz`, zipped(changelog(version, own('control'), epoch)));
  put('usr/share/lintian/overrides/evergate', own('lintian-overrides'));
  const files = filesOf(tree);
  const kib = Math.ceil(
    files.reduce((sum, file) => sum + statSync(join(tree, file)).size, 0) / 1024,
  );
  const control = own('control')
    .replace('@VERSION@', version)
    .replace('@ARCHITECTURE@', architecture)
    .replace('@KIB@', String(kib));
  put('DEBIAN/control', control);
  put('DEBIAN/conffiles', `/${CONFIGURATION}\n`);
  const sums = files.filter((file) => file !== CONFIGURATION).map((file) => sumLine(tree, file));
  put('DEBIAN/md5sums', sums.join(''));
  for (const script of SCRIPTS) {
    put(`DEBIAN/${script}`, own(script));
    chmodSync(join(tree, 'DEBIAN', script), 0o755);
  }
  const name = `evergate_${version}_${architecture}.deb`;
  // Its times are those of the commit, its owner is root whoever builds it: the same bytes each time.
  const args = ['--root-owner-group', `-Z${compression}`, '--build', tree, join(folder, name)];
  execFileSync('dpkg-deb', args, {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return name;
}

function sumLine(tree: string, file: string): string {
  const hash = createHash('md5').update(readFileSync(join(tree, file)));
  return `${hash.digest('hex')}  ${file}\n`;
}

function changelog(version: string, control: string, epoch: number): string {
  const maintainer = /^Maintainer: (.*)$/m.exec(control)?.[1] ?? '';
  const date = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000');
  return `evergate (${version}) unstable; urgency=medium

  * See changelog.gz for what is new in Evergate.

 -- ${maintainer}  ${date}
`;
}
