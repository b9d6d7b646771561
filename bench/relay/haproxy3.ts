/**
 * A HAProxy 3 for the bench on a Debian that has an older one: the package of Debian 13 ("trixie") and
 * the libraries it needs, brought by apt from wherever this machine gets its packages and extracted into a
 * folder. Nothing is installed.
 */

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { output } from './processes.ts';

const RELEASE = 'trixie';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Fills `folder` with the extracted packages; a second call finds them there. */
export async function fetchHaproxy3(folder: string): Promise<void> {
  const root = join(folder, 'root');
  if (names(join(root, 'usr/sbin')).includes('haproxy')) return;
  for (const name of ['lists/partial', 'archives/partial', 'root']) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  const sources = await output([
    ...['apt-get', 'indextargets', '--format', '$(REPO_URI)'],
    ...['Created-By: Packages', 'Label: Debian', 'Component: main'],
  ]);
  const source = sources.split('\n')[0] ?? '';
  if (source === '') throw new Error('apt knows no Debian here; give --haproxy3 a folder');
  writeFileSync(
    join(folder, 'sources.list'),
    `deb [signed-by=${KEYRING}] ${source} ${RELEASE} main\n`,
  );
  // As if nothing were installed: apt then names every library.
  writeFileSync(join(folder, 'status'), '');
  const configuration = join(folder, 'apt.conf');
  writeFileSync(
    configuration,
    `Dir::Etc::sourcelist "${folder}/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "${folder}/lists";
Dir::State::status "${folder}/status";
Dir::Cache "${folder}";
`,
  );
  const apt = (...words: string[]): Promise<string> =>
    output(['apt-get', ...words], { ...process.env, APT_CONFIG: configuration });
  await apt('update');
  await apt('install', '--download-only', '--yes', '--no-install-recommends', 'haproxy');
  const archives = join(folder, 'archives');
  for (const name of names(archives).filter((file) => file.endsWith('.deb'))) {
    await output(['dpkg-deb', '-x', join(archives, name), root]);
  }
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
