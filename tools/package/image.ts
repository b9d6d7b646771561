/**
 * An image as the Open Container Initiative lays it out, in a tar file that container runtimes import: written without a
 * daemon and without a registry. mmdebstrap(1) fetches what the program needs of Debian and extracts it, for either kind of
 * machine; umoci(1) makes layers and their descriptions (docs/adr/0030).
 */

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Machine } from '../release/carried.ts';
import { sameBytesEachTime } from './tarball.ts';
import { DOCS, PROGRAM, type TreeFacts } from './tree.ts';

/** The programs that write it, and the Debian packages they are in. */
export const IMAGE_TOOLS = { mmdebstrap: 'mmdebstrap', umoci: 'umoci' } as const;

const RELEASE = 'bookworm';
/** Libraries of the runtime; a shell for the command and scripts; nft for ports of the VIP that an apiserver has. */
const PACKAGES = [
  'libc6',
  'libstdc++6',
  'libgcc-s1',
  'libatomic1',
  'dash',
  'coreutils',
  'nftables',
];
const ARCHITECTURES: Readonly<Record<Machine, string>> = { x64: 'amd64', arm64: 'arm64' };
/** What the pod mounts over, or the runtime does: they cannot be made in an image that is read-only. */
const FOLDERS = [
  ...['etc/evergate', 'run/evergate', 'var/cache/evergate'],
  ...['dev', 'proc', 'sys', 'tmp', 'root'],
];

/** Writes it into `folder` and returns its name. `tree` has what layOut() lays out. */
export function writeImage(
  tree: string,
  folder: string,
  machine: Machine,
  facts: TreeFacts,
): string {
  const { root, version, epoch } = facts;
  const architecture = ARCHITECTURES[machine];
  const name = `evergate-${version}-image-${architecture}.tar`;
  const work = mkdtempSync(join(tmpdir(), 'evergate-image-'));
  try {
    const layout = join(work, 'layout');
    const tag = `localhost/evergate:${version}`;
    const image = `${layout}:${tag}`;
    const created = new Date(epoch * 1000).toISOString();
    const umoci = (...args: readonly string[]): void => {
      execFileSync('umoci', args, { stdio: ['ignore', 'ignore', 'inherit'] });
    };
    const add = (layer: string, by: string): void => {
      const history = [`--history.created=${created}`, `--history.created_by=${by}`];
      umoci('raw', 'add-layer', '--image', image, ...history, layer);
    };
    const base = join(work, 'base.tar');
    writeBase(base, architecture, epoch);
    const program = join(work, 'program.tar');
    writeProgramLayer(program, tree, join(work, 'extra'), root, epoch);

    umoci('init', '--layout', layout);
    umoci('new', '--image', image);
    add(base, `mmdebstrap --variant=extract ${RELEASE}`);
    add(program, 'npm run package');
    umoci('config', '--image', image, '--no-history', ...settings(architecture, version, created));
    umoci('gc', '--layout', layout);
    execFileSync('tar', [
      ...sameBytesEachTime(epoch),
      '-cf',
      join(folder, name),
      '-C',
      layout,
      '.',
    ]);
    return name;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function settings(architecture: string, version: string, created: string): readonly string[] {
  const labels = {
    'org.opencontainers.image.title': 'evergate',
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.licenses': 'Apache-2.0',
  };
  return [
    ...['--os=linux', `--architecture=${architecture}`, `--created=${created}`],
    '--config.entrypoint=/usr/bin/evergate',
    ...['run', '--config', '/etc/evergate/evergate.yaml'].map((word) => `--config.cmd=${word}`),
    '--config.env=PATH=/usr/sbin:/usr/bin:/sbin:/bin',
    '--config.stopsignal=SIGTERM',
    ...Object.entries(labels).map(([key, value]) => `--config.label=${key}=${value}`),
  ];
}

/** Extracts, and runs nothing of it, which is why it need not be this machine's kind. */
function writeBase(path: string, architecture: string, epoch: number): void {
  const args = [
    ...['--quiet', '--variant=extract', `--architectures=${architecture}`],
    ...[`--include=${PACKAGES.join(',')}`, RELEASE, path],
  ];
  execFileSync('mmdebstrap', args, {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

function writeProgramLayer(
  path: string,
  tree: string,
  extra: string,
  root: string,
  epoch: number,
): void {
  for (const folder of FOLDERS) mkdirSync(join(extra, folder), { recursive: true });
  for (const file of ['passwd', 'group']) {
    cpSync(join(root, 'packaging/image', file), join(extra, 'etc', file));
  }
  const parts = [PROGRAM, 'usr/bin/evergate', DOCS];
  const args = ['-cf', path, '-C', tree, ...parts, '-C', extra, '.'];
  execFileSync('tar', [...sameBytesEachTime(epoch), ...args]);
}
